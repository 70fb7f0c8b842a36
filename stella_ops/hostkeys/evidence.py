"""What other sources say of keys that wait for approval: the DNS, console lists, files, earlier pins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stella_ops.hostkeys.console_list import ListedKey, kind_of
from stella_ops.hostkeys.sshfp import SshfpAnswer, describe, dns_name
from stella_ops.store.columns import iso_z
from stella_ops.store.host_keys import HostKey


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one source says of one key.

    Attributes:
        source: "sshfp", "console", "known" (known_hosts, inventory, an authority) or "pin".
        verdict: "match", "mismatch" (it says something else) or "absent" (it says nothing of use).
        text: for people.
        validated: of SSHFP records: DNSSEC protects them.
    """

    source: str
    verdict: str
    text: str
    validated: bool = True

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "verdict": self.verdict,
            "text": self.text,
            **({"validated": self.validated} if self.source == "sshfp" else {}),
        }


def gather(
    keys: Sequence[HostKey],
    record: Sequence[HostKey],
    *,
    sshfp: Mapping[str, SshfpAnswer] | None = None,
    listed: Sequence[ListedKey] = (),
) -> dict[int, list[Evidence]]:
    """The evidence about each key, by its id.

    Args:
        keys: those that wait.
        record: all keys of the store, whatever became of them.
        sshfp: answers of the DNS by name, where it was asked.
        listed: keys of console lists.
    """
    console = _Console(listed, record) if listed else None
    found: dict[int, list[Evidence]] = {}
    for key in keys:
        said = found[key.id] = []
        if key.state in ("known", "certified"):
            said.append(Evidence("known", "match", f"trusted already: {key.note or key.state}"))
        elif key.state == "changed":
            said.append(Evidence("known", "mismatch", key.note or "another key is on record"))
        said += [_of_pin(pin) for pin in pins_against(key, record)]
        if sshfp is not None:
            answer = sshfp.get(dns_name(key.name, key.host))
            if answer is not None:
                verdict = answer.verdict(key.algorithm, key.public_key)
                said.append(Evidence("sshfp", verdict, describe(answer, verdict), answer.validated))
        if console is not None:
            said.append(console.about(key))
    return found


def pins_against(key: HostKey, record: Sequence[HostKey]) -> list[HostKey]:
    """The other keys of the same kind that are approved or pinned for the same place."""
    return [
        other
        for other in record
        if (other.name, other.port, other.algorithm) == (key.name, key.port, key.algorithm)
        and other.fingerprint != key.fingerprint
        and other.status in ("approved", "pinned")
    ]


def shared_keys(keys: Sequence[HostKey]) -> dict[str, list[str]]:
    """Fingerprints that several places show, and the places: machines cloned with their keys, or one with two names."""
    places: dict[str, dict[str, None]] = {}
    for key in keys:
        if key.status not in ("replaced", "unpinned"):
            places.setdefault(key.fingerprint, {})[key.place] = None
    return {fingerprint: list(found) for fingerprint, found in places.items() if len(found) > 1}


class _Console:
    """Console lists, held against keys.

    A line that names no host is good for one place only: whoever has the key of one host could show it as another's.
    """

    def __init__(self, listed: Sequence[ListedKey], record: Sequence[HostKey]) -> None:
        self._listed = listed
        self._shared = shared_keys(record)
        self._hosts = {name for key in record for name in _names_of(key)}

    def about(self, key: HostKey) -> Evidence:
        mine = _names_of(key)
        same = [line for line in self._listed if line.fingerprint == key.fingerprint]
        for line in same:
            if mine.intersection(line.hosts) and (line.named or key.fingerprint not in self._shared):
                return Evidence("console", "match", f"listed in {line.where}")
        # A comment may name a machine that nobody here knows, such as the image's builder: it binds to nobody.
        others = [line for line in same if line.named or self._hosts.intersection(line.hosts)]
        if others:
            return Evidence("console", "mismatch", f"{others[0].where} gives this key to {', '.join(others[0].hosts)}")
        if same and key.fingerprint in self._shared:
            places = ", ".join(self._shared[key.fingerprint])
            return Evidence(
                "console",
                "absent",
                f"listed in {same[0].where} without a host, and several show it ({places}): "
                f"tell whose list it is with --console-list {key.host}=FILE",
            )
        if same:
            return Evidence("console", "match", f"listed in {same[0].where}")
        kind = kind_of(key.algorithm)
        for line in self._listed:
            if line.kind == kind and mine.intersection(line.hosts):
                return Evidence("console", "mismatch", f"{line.where} says ANOTHER key: {line.fingerprint}")
        return Evidence("console", "absent", "in no console list")


def _names_of(key: HostKey) -> set[str]:
    """What a list may call a host: as the inventory and known_hosts do, or by the first part of its name."""
    names = {name.lower() for name in (key.host, key.name, key.place)}
    return names | {name.split(".", 1)[0] for name in names if name[:1].isalpha() and ":" not in name}


def _of_pin(pin: HostKey) -> Evidence:
    when, by = (pin.pinned_at or pin.approved_at), (pin.pinned_by or pin.approved_by)
    told = f" {iso_z(when)} by {by}" if when is not None else ""
    return Evidence("pin", "mismatch", f"{pin.status}{told}: {pin.fingerprint}")
