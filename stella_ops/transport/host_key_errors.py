"""A host key that is not trusted, in an operator's words: what was shown, what is on record, and what to do."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import asyncssh

from stella_ops.errors import HostKeyError
from stella_ops.transport.host_keys import RefusedKey, Trust
from stella_ops.transport.known_hosts import Record
from stella_ops.transport.ssh_config import Target

ON_CONSOLE = "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
# Of many lines for one host, so many are named in a message.
_NAMED_LINES = 3


def host_key_error(problem: Exception, place: str, trust: Trust, where: str, known_as: str) -> HostKeyError:
    """The error for a key that asyncssh did not find to be trusted.

    Args:
        place: host and port as known_hosts has them.
        where: the host's name in the inventory.
        known_as: the same, or the name of the jump host on the way to it whose key this is.
    """
    shown = trust.refused
    seen = f" ({shown.get_algorithm()} {shown.get_fingerprint()})" if shown is not None else ""
    if trust.problem is not None:
        return HostKeyError(
            f"the new host key of {place}{seen} cannot be recorded: {trust.problem}",
            where=where,
            hint="a key is accepted only when it can be written down; check the state folder",
        )
    if "revoked" in str(problem):
        lines = [record.place for record in trust.records if record.marker == "@revoked"]
        said = f" (in {', '.join(lines[:_NAMED_LINES])})" if lines else ""
        return HostKeyError(
            f"the host key of {place} is revoked",
            where=where,
            hint=f"a line with @revoked says so{said}: do not connect; give the host a new key",
        )
    if trust.on_record:
        expected = expected_records(trust)
        on_record = "; ".join(_described(record) for record in expected[:_NAMED_LINES])
        told = f"; on record: {on_record}" if expected else ""
        steps = what_to_do(expected, place, known_as, shown, trust.pinned_file)
        return HostKeyError(
            f"the host key of {place} is not the one on record{seen}{told}",
            where=where,
            hint="the host was reinstalled, or somebody is in between. Compare the fingerprint on the host's own "
            f"console ({ON_CONSOLE}); if it is right: {steps}",
        )
    if trust.known.authorities:
        detail = f"its key{seen} has no certificate" if shown is not None else sentence(problem)
        return HostKeyError(
            f"the host key of {place} is not certified by the authority on record: {detail}",
            where=where,
            hint="there is a @cert-authority line for this host: have its key signed (HostCertificate); "
            f"look at it with: stella-ops hostkeys scan {shlex.quote(known_as)}",
        )
    return HostKeyError(
        f"the host key of {place} is not known{seen}" if seen else f"the host key of {place}: {sentence(problem)}",
        where=where,
        hint="compare the fingerprint and approve it (stella-ops hostkeys scan, review, approve, pin), or run once "
        "with --accept-new-host-keys",
    )


def no_such_kind(problem: Exception, place: str, trust: Trust, where: str, known_as: str) -> HostKeyError:
    """The error for a host that has no key of the kind that is on record."""
    return HostKeyError(
        f"{place} has no host key of the kind that is on record: {sentence(problem)}",
        where=where,
        hint="compare its keys on the host's own console; if they are right: "
        + what_to_do(expected_records(trust), place, known_as, None, trust.pinned_file),
    )


def refused_key(problem: Exception, target: Target, trust: Trust, known_as: str) -> RefusedKey | None:
    """What to tell the audit trail of a refusal; None for a key that is merely not known yet, or another problem."""
    if isinstance(problem, asyncssh.HostKeyNotVerifiable):
        if trust.problem is not None:
            return None
        if "revoked" in str(problem):
            reason = "revoked"
        elif trust.on_record:
            reason = "changed"
        elif trust.known.authorities:
            reason = "uncertified"
        else:
            return None
    elif isinstance(problem, asyncssh.KeyExchangeFailed) and is_about_host_keys(problem) and trust.on_record:
        reason = "changed"
    else:
        return None
    shown = trust.refused
    return RefusedKey(
        host=known_as,
        place=target.place,
        reason=reason,
        algorithm=shown.get_algorithm() if shown is not None else None,
        fingerprint=shown.get_fingerprint() if shown is not None else None,
        on_record=tuple(key.get_fingerprint() for key in trust.on_record),
    )


def expected_records(trust: Trust) -> list[Record]:
    """The lines that name the keys which were expected, those of the shown key's kind first."""
    kind = trust.refused.get_algorithm() if trust.refused is not None else None
    found = [record for record in trust.records if record.exact and not record.marker]
    return sorted(found, key=lambda record: record.key.get_algorithm() != kind)


def what_to_do(
    expected: Sequence[Record], place: str, known_as: str, shown: asyncssh.SSHKey | None, pinned_file: Path | None
) -> str:
    """The commands that replace what is on record, once somebody is sure of the new key."""
    host, steps, pinned = shlex.quote(known_as), [], False
    for source in dict.fromkeys(record.source for record in expected):
        if source.startswith("the inventory"):
            steps.append("take the old key out of stella_host_keys")
        elif source == str(pinned_file):
            pinned = True
        else:
            steps.append(f"ssh-keygen -R '{place}' -f {shlex.quote(source)}")
    if pinned or not steps:
        chosen = f"--fingerprint {shown.get_fingerprint()}" if shown is not None else "--all"
        steps.append(
            f"stella-ops hostkeys scan {host}; stella-ops hostkeys approve {host} --replace {chosen} --pin store"
        )
    return ", then ".join(steps)


def is_about_host_keys(problem: Exception) -> bool:
    """Whether a failed key exchange failed for want of a common host key algorithm."""
    return "host key" in str(problem).lower()


def sentence(problem: Exception) -> str:
    """What an exception says, without a full stop."""
    return str(problem).strip().rstrip(".") or type(problem).__name__


def _described(record: Record) -> str:
    comment = f" {record.comment}," if record.comment.startswith("pinned ") else ""
    return f"{record.key.get_algorithm()} {record.key.get_fingerprint()},{comment} in {record.place}"
