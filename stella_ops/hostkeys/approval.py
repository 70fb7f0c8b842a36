"""Which of the keys that wait are approved by what an operator asked for, and why the others are not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from stella_ops.hostkeys.evidence import Evidence, pins_against
from stella_ops.hostkeys.service import Choice
from stella_ops.store.host_keys import HostKey

SOURCES = ("sshfp", "console", "known")
_OTHER_WAYS = ("sshfp", "console")


@dataclass(slots=True)
class Selection:
    """Keys to approve; keys left out with the reason: ``refused`` for those that something speaks against."""

    chosen: list[Choice] = field(default_factory=list)
    unmatched: list[tuple[HostKey, str]] = field(default_factory=list)
    refused: list[tuple[HostKey, str]] = field(default_factory=list)


def select(
    keys: Sequence[HostKey],
    record: Sequence[HostKey],
    evidence: Mapping[int, Sequence[Evidence]],
    *,
    everything: bool,
    sources: Collection[str],
    fingerprints: Collection[str],
    replace: bool,
    unsigned_dns: bool = False,
) -> Selection:
    """Sort the waiting keys.

    A changed key is never chosen unless ``replace``. One that the DNS or a console list contradicts is chosen only by
    its fingerprint.

    Args:
        keys: those that wait.
        record: all keys of the store.
        everything: choose every key that nothing speaks against.
        sources: choose those that one of these sources confirms; see ``SOURCES``.
        fingerprints: choose those, ``SHA256:…``.
        replace: the operator has named a host whose keys may take the place of those on record.
        unsigned_dns: an SSHFP record counts without DNSSEC.
    """
    found = Selection()
    for key in keys:
        said = evidence.get(key.id, ())
        explicit = key.fingerprint in fingerprints
        confirmed = [each for each in said if each.source in sources and each.verdict == "match"]
        weak = [each for each in confirmed if not each.validated and not unsigned_dns]
        confirmed = [each for each in confirmed if each not in weak]
        if not (explicit or everything or confirmed):
            reason = f"{weak[0].text}: see --unsigned-dns" if weak else "nothing that was asked for confirms it"
            found.unmatched.append((key, reason))
            continue
        against = [each for each in said if each.verdict == "mismatch" and each.source in _OTHER_WAYS]
        if against and not explicit:
            found.refused.append((key, against[0].text))
            continue
        changed = is_change(key, record)
        if changed and not replace:
            reason = f"CHANGED: {key.note or 'another key is approved or pinned for this host'}"
            found.refused.append((key, reason))
            continue
        texts = [each.text for each in said if each.verdict == "match"]
        because = "; ".join((["fingerprint given"] if explicit else []) + texts) or "operator's word"
        found.chosen.append(Choice(key, because, replaces=changed))
    return found


def is_change(key: HostKey, record: Sequence[HostKey]) -> bool:
    """Whether a key contradicts what is on record, in files or in the store."""
    return key.state == "changed" or bool(pins_against(key, record))
