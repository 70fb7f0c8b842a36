"""How the ``hostkeys`` commands show keys: tables for people, dictionaries for programs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from stella_ops.console.stream import paint, wants_color
from stella_ops.console.text import safe_line, width

if TYPE_CHECKING:
    from stella_ops.hostkeys.evidence import Evidence
    from stella_ops.hostkeys.look import Looked
    from stella_ops.store.host_keys import HostKey

_STYLES = {
    "changed": "unreachable",
    "revoked": "unreachable",
    "unreachable": "unreachable",
    "mismatch": "unreachable",
    "new": "changed",
    "pending": "changed",
    "known": "ok",
    "certified": "ok",
    "match": "ok",
    "pinned": "ok",
    "approved": "ok",
}
_LOUD = ("changed", "revoked", "mismatch")


def show(text: str, style: str | None = None, *, err: bool = False) -> None:
    """Print a line, in colour on a terminal."""
    stream = sys.stderr if err else sys.stdout
    click.echo(paint(text, style) if style and wants_color(stream) else text, err=err, color=True)


def key_text(bits: int, fingerprint: str, algorithm: str) -> str:
    """A key as ``ssh-keygen -lf`` prints it, without the comment."""
    from stella_ops.hostkeys.console_list import kind_of

    return f"{bits} {fingerprint} ({kind_of(algorithm).upper()})"


def show_looks(looked: Sequence[Looked]) -> None:
    """The table of a scan, certificates beneath their keys, and what to do about changed keys."""
    rows: list[tuple[str, str, str, str]] = []
    for host in looked:
        for key in host.keys:
            shown = key.shown
            text = key_text(shown.bits, shown.fingerprint, shown.algorithm)
            rows.append((host.host, text, key.state, key.note or ""))
            if shown.certificate is not None:
                rows.append(("", "", "", certificate_text(shown.certificate.to_json())))
        if host.error is not None:
            rows.append((host.host, "-", "unreachable", host.error.message))
        elif host.skipped is not None:
            rows.append((host.host, "-", "skipped", f"reached by '{host.skipped}', not by SSH"))
        elif not host.keys:
            rows.append((host.host, "-", "unreachable", "it has no key of the kinds that were asked for"))
    show_table(("HOST", "KEY", "STATE", "NOTE"), rows, state=2)
    for host in looked:
        for key in host.keys:
            if key.state == "changed":
                show(
                    safe_line(
                        f"{host.host}: the host key of {host.place} has CHANGED to {key.shown.fingerprint}. The host "
                        "was reinstalled, or somebody is in between: compare the fingerprint on the host's own "
                        f"console; if it is right: {key.advice}"
                    ),
                    "unreachable",
                    err=True,
                )
            elif key.state == "revoked":
                show(
                    safe_line(f"{host.host}: {host.place} shows the REVOKED key {key.shown.fingerprint}"),
                    "unreachable",
                    err=True,
                )


def summary(looked: Sequence[Looked]) -> str:
    """One line: how many hosts, and how many keys in each state."""
    states = Counter(key.state for host in looked for key in host.keys)
    missing = sum(host.error is not None for host in looked)
    parts = [f"{states[state]} {_loud(state)}" for state in ("known", "certified", "new", "changed", "revoked")]
    parts = [part for part in parts if not part.startswith("0 ")]
    if missing:
        parts.append(f"{missing} unreachable")
    return f"{len(looked)} host{'' if len(looked) == 1 else 's'}: " + (", ".join(parts) or "no keys")


def looks_json(looked: Sequence[Looked], at: datetime) -> dict[str, Any]:
    """A scan as one document."""
    return {
        "time": moment(at),
        "hosts": [
            {
                "host": host.host,
                "name": host.name or None,
                "port": host.port or None,
                "status": "skipped" if host.skipped else "unreachable" if host.error is not None else "seen",
                "error": None
                if host.error is None
                else {"message": host.error.message, "hint": host.error.hint, "where": host.error.where},
                "keys": [
                    {
                        "algorithm": key.shown.algorithm,
                        "bits": key.shown.bits,
                        "fingerprint": key.shown.fingerprint,
                        "public_key": key.shown.public_key,
                        "state": key.state,
                        "note": key.note,
                        "expected": list(key.expected),
                        "certificate": None if key.shown.certificate is None else key.shown.certificate.to_json(),
                    }
                    for key in host.keys
                ],
            }
            for host in looked
        ],
    }


def show_review(keys: Sequence[HostKey], evidence: Mapping[int, Sequence[Evidence]]) -> None:
    """Waiting keys by host, with what is known of each."""
    before = None
    for key in keys:
        if (key.host, key.place) != before:
            before = (key.host, key.place)
            show(safe_line(f"{key.host}  {key.place}"), "bold")
        text = key_text(key.bits, key.fingerprint, key.algorithm)
        show(f"  {text}  {_loud(key.state)}, seen {moment(key.last_seen_at)}", _STYLES.get(key.state))
        if key.certificate is not None:
            show(f"      {certificate_text(key.certificate)}")
        for said in evidence.get(key.id, ()):
            show(safe_line(f"      {_loud(said.verdict):<8}  {said.text}"), _STYLES.get(said.verdict))


def key_json(key: HostKey, evidence: Iterable[Evidence] | None = None) -> dict[str, Any]:
    """A key on record, for programs."""
    from dataclasses import asdict

    made = {name: moment(value) if isinstance(value, datetime) else value for name, value in asdict(key).items()}
    made.pop("id")
    if evidence is not None:
        made["evidence"] = [said.to_json() for said in evidence]
    return made


def show_keys(keys: Sequence[HostKey]) -> None:
    """The table of ``list``."""
    rows = [
        (
            key.host,
            key.place,
            key_text(key.bits, key.fingerprint, key.algorithm),
            key.status,
            ",".join(key.pinned_to or ()) or "-",
            moment(key.pinned_at or key.approved_at or key.first_seen_at),
            key.pinned_by or key.approved_by or "-",
            key.approved_because or "-",
        )
        for key in keys
    ]
    show_table(("HOST", "PLACE", "KEY", "STATUS", "PINNED TO", "WHEN", "BY", "SOURCE"), rows, state=3)


def show_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, state: int) -> None:
    """Columns that line up; the row in the colour of its state."""
    safe = [[safe_line(_loud(cell) if place == state else cell) for place, cell in enumerate(row)] for row in rows]
    widths = [max(width(row[place]) for row in [list(headers), *safe]) for place in range(len(headers))]
    for number, row in enumerate([list(headers), *safe]):
        cells = [cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)]
        style = _STYLES.get(rows[number - 1][state]) if number else "bold"
        show("  ".join(cells).rstrip(), style)


def certificate_text(certificate: Mapping[str, Any]) -> str:
    """A host certificate in one line."""
    names = ", ".join(certificate["principals"]) or "every name"
    since, until = certificate["valid_after"] or "always", certificate["valid_before"] or "forever"
    trusted = "trusted" if certificate["trusted"] else f"not trusted: {certificate['problem']}"
    return safe_line(
        f"certificate '{certificate['key_id']}' of CA {certificate['authority']} "
        f"({certificate['authority_algorithm']}), for {names}, valid {since} to {until}; {trusted}"
    )


def moment(when: datetime | None) -> str:
    """A moment as ISO 8601 in UTC."""
    from stella_ops.store.columns import iso_z

    return "-" if when is None else iso_z(when)


def _loud(state: str) -> str:
    return state.upper() if state in _LOUD else state
