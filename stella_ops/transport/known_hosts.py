"""OpenSSH's known_hosts format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"), read the way OpenSSH reads it.

asyncssh has a reader of its own. This one differs where that matters here: a line that cannot be read spoils
nothing but itself; keys are decoded only when a host asks for them, so that a file of ten thousand lines costs
little; a host is looked up by the name it was asked for and never by the address it was reached at, which
behind a jump host or proxy is somebody else's; and a key that is on record for the host without its port can
confirm a host, but never contradict one.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
import re
from dataclasses import dataclass, field
from typing import NamedTuple

import asyncssh

_MARKERS = ("@cert-authority", "@revoked")


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """What is on record for one host and port.

    Attributes:
        keys: on record for exactly this host and port.
        without_port: on record for the host's name alone, where the port is not 22: good to confirm a host, no
            reason to doubt one, since another server on the same machine has other keys.
        authorities: keys that may certify this host's keys.
        revoked: keys never to be accepted.
    """

    keys: list[asyncssh.SSHKey] = field(default_factory=list)
    without_port: list[asyncssh.SSHKey] = field(default_factory=list)
    authorities: list[asyncssh.SSHKey] = field(default_factory=list)
    revoked: list[asyncssh.SSHKey] = field(default_factory=list)


class Record(NamedTuple):
    """One line that says something about a host.

    Attributes:
        marker: "", "@cert-authority" or "@revoked".
        source: the file, or another name of where it stands.
        line: its number there, from 1; 0 where lines have none.
        comment: what stands behind the key.
        exact: it names this very host and port, not just the host's name.
    """

    marker: str
    key: asyncssh.SSHKey
    source: str
    line: int
    comment: str
    exact: bool = True

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.source}:{self.line}" if self.line else self.source


class _Entry(NamedTuple):
    marker: str
    key: str
    source: str
    line: int
    comment: str


class _Patterns(NamedTuple):
    wanted: re.Pattern[str]
    unwanted: re.Pattern[str] | None

    def matches(self, name: str) -> bool:
        return bool(self.wanted.fullmatch(name)) and not (self.unwanted and self.unwanted.fullmatch(name))


class _Hashed(NamedTuple):
    salt: bytes
    digest: bytes
    entry: _Entry


class KnownHosts:
    """The entries of some known_hosts files.

    Lines with plain names are found by name. Each hashed line (``HashKnownHosts``) must be tried with each name, as
    it has a salt of its own; but it has one name, so the line that a name was found in is tried with no other, and
    what was found for a name is kept. That takes a fifth of the time for 2,000 hosts in as many lines.
    """

    def __init__(self, text: str = "") -> None:
        self._exact: dict[str, list[_Entry]] = {}
        self._patterns: list[tuple[_Patterns, _Entry]] = []
        self._hashed: list[_Hashed] = []
        self._found: dict[str, list[_Entry]] = {}
        self.add(text)

    def add(self, text: str, source: str = "") -> None:
        """Add the lines of a file; those that cannot be read are passed over, as OpenSSH does."""
        self._found.clear()
        for number, line in enumerate(text.split("\n"), 1):
            words = line.split(None, 4)
            if not words or words[0].startswith("#"):
                continue
            marker = words.pop(0) if words[0].startswith("@") else ""
            if len(words) < 3 or (marker and marker not in _MARKERS):
                continue
            entry = _Entry(marker, f"{words[1]} {words[2]}", source, number, " ".join(words[3:]).rstrip())
            self._add(words[0], entry)

    def lookup(self, host: str, port: int = 22) -> KnownKeys:
        """What is on record for a host; ``port`` as it is connected to."""
        host = host.lower()
        own = host if port == 22 else f"[{host}]:{port}"
        found = KnownKeys()
        for entry in self._matching(own):
            _sort_in(found, found.keys, entry)
        if own != host:
            for entry in self._matching(host):
                _sort_in(found, found.without_port, entry)
        return found

    def records(self, host: str, port: int = 22) -> list[Record]:
        """The lines that ``lookup`` takes its answer from, so that people can be told which they are."""
        host = host.lower()
        own = host if port == 22 else f"[{host}]:{port}"
        found: list[Record] = []
        for name in dict.fromkeys((own, host)):
            for entry in self._matching(name):
                key = _decode(entry.key)
                if key is not None:
                    found.append(Record(entry.marker, key, *entry[2:], exact=name == own))
        return found

    def _add(self, names: str, entry: _Entry) -> None:
        if names.startswith("|"):
            hashed = _parse_hashed(names, entry)
            if hashed is not None:
                self._hashed.append(hashed)
        elif any(c in names for c in "*?!"):
            patterns = _parse_patterns(names.lower())
            if patterns is not None:
                self._patterns.append((patterns, entry))
        else:
            for name in names.lower().split(","):
                self._exact.setdefault(name, []).append(entry)

    def _matching(self, name: str) -> list[_Entry]:
        found = self._found.get(name)
        if found is None:
            mine = self._take_hashed(name)
            if mine:
                self._exact.setdefault(name, []).extend(mine)
            found = [*self._exact.get(name, ()), *(entry for each, entry in self._patterns if each.matches(name))]
            self._found[name] = found
        return found

    def _take_hashed(self, name: str) -> list[_Entry]:
        """The entries of the hashed lines with this name; the lines are tried no more."""
        if not self._hashed:
            return []
        text, digest = name.encode(), hmac.digest
        mine = [line for line in self._hashed if digest(line.salt, text, "sha1") == line.digest]
        if mine:
            self._hashed = [line for line in self._hashed if line not in mine]
        return [line.entry for line in mine]


def _sort_in(found: KnownKeys, plain: list[asyncssh.SSHKey], entry: _Entry) -> None:
    key = _decode(entry.key)
    if key is None:
        return
    into = {"@cert-authority": found.authorities, "@revoked": found.revoked}.get(entry.marker, plain)
    if key not in into:
        into.append(key)


@functools.lru_cache(maxsize=4096)
def _decode(text: str) -> asyncssh.SSHKey | None:
    try:
        return asyncssh.import_public_key(text)
    except (asyncssh.KeyImportError, ValueError):
        return None


def _parse_hashed(text: str, entry: _Entry) -> _Hashed | None:
    """``|1|salt|hash``: HMAC-SHA1, the only kind there is."""
    parts = text.split("|")
    if len(parts) != 4 or parts[1] != "1":
        return None
    try:
        return _Hashed(base64.b64decode(parts[2], validate=True), base64.b64decode(parts[3], validate=True), entry)
    except (binascii.Error, ValueError):
        return None


def _parse_patterns(names: str) -> _Patterns | None:
    wanted = [_regex(name) for name in names.split(",") if name and name[0] != "!"]
    unwanted = [_regex(name[1:]) for name in names.split(",") if name[:1] == "!"]
    if not wanted:
        return None
    return _Patterns(re.compile("|".join(wanted)), re.compile("|".join(unwanted)) if unwanted else None)


def _regex(pattern: str) -> str:
    """``*`` and ``?`` are the only wildcards; brackets belong to ``[host]:port``."""
    return "".join({"*": ".*", "?": "."}.get(c) or re.escape(c) for c in pattern)
