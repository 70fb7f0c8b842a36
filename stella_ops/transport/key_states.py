"""What the keys that a host shows are, held against what is on record: new, known, certified, changed or revoked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stella_ops.transport.host_key_errors import expected_records, what_to_do
from stella_ops.transport.known_hosts import Record
from stella_ops.transport.shown_keys import HostScan, ShownKey


@dataclass(frozen=True, slots=True)
class JudgedKey:
    """A shown key and what it is.

    Attributes:
        state: "known" (on record for this place), "certified" (by an authority on record), "new", "changed" (another
            key is on record) or "revoked".
        note: where the matching or contradicting line stands, or what else should be known.
        expected: fingerprints on record, where the key is a changed one.
        advice: of a changed key, the commands that replace what is on record.
    """

    shown: ShownKey
    state: str
    note: str | None
    expected: tuple[str, ...] = ()
    advice: str | None = None


def judge(scan: HostScan) -> list[JudgedKey]:
    """Judge every key of a host that could be looked at.

    A key is a changed one when another of its kind is on record, or when the host shows none of those on record: a
    connection would be refused in both cases. Kinds that were not asked for say nothing. A further kind beside one
    that is on record is new. That another of the host's keys is known proves nothing of it: each comes by a
    connection of its own.
    """
    trust = scan.trust
    if trust is None:
        return []
    on_record = trust.on_record
    trusted = [*on_record, *trust.known.without_port]
    shows_a_known_one = any(shown.key in trusted for shown in scan.keys)
    expected = [key for key in on_record if key.get_algorithm() in scan.asked]
    records = trust.records
    judged: list[JudgedKey] = []
    for shown in scan.keys:
        mine = [record for record in records if record.key == shown.key]
        certificate = shown.certificate
        if shown.key in trust.known.revoked:
            revoked = [record for record in mine if record.marker == "@revoked"]
            judged.append(JudgedKey(shown, "revoked", _in(revoked)))
        elif shown.key in trusted:
            judged.append(JudgedKey(shown, "known", _in([record for record in mine if not record.marker])))
        elif certificate is not None and certificate.trusted:
            judged.append(JudgedKey(shown, "certified", f"by {certificate.authority}"))
        elif any(key.get_algorithm() == shown.algorithm for key in on_record) or (expected and not shows_a_known_one):
            judged.append(_changed(scan, shown, expected_records(trust), trust.pinned_file))
        else:
            note = None
            if certificate is not None:
                note = "its certificate is not trusted"
            elif trust.known.authorities:
                note = "has no certificate, although an authority is on record"
            judged.append(JudgedKey(shown, "new", note))
    return judged


def _changed(scan: HostScan, shown: ShownKey, expected: Sequence[Record], pinned_file: Path | None) -> JudgedKey:
    same_kind = [record for record in expected if record.key.get_algorithm() == shown.algorithm] or list(expected)
    said = "; ".join(
        f"{record.key.get_fingerprint()} in {record.place}" + (f" ({record.comment})" if record.comment else "")
        for record in same_kind[:2]
    )
    fingerprints = tuple(dict.fromkeys(record.key.get_fingerprint() for record in same_kind))
    advice = what_to_do(expected, scan.place, scan.host, shown.key, pinned_file)
    return JudgedKey(shown, "changed", f"on record: {said}" if said else None, fingerprints, advice)


def _in(records: Sequence[Record]) -> str | None:
    places = list(dict.fromkeys(record.place for record in records))
    return f"in {places[0]}" + (f" and {len(places) - 1} more" if len(places) > 1 else "") if places else None
