"""Which host keys are trusted, and the record of those that an operator chose to accept.

A host key is verified on every connection, to jump hosts too. A key that is not known is accepted only on
explicit request (``--accept-new-host-keys``) and is then written down; a key that differs from a known one, or
is revoked, is never accepted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import asyncssh

from stella_ops.errors import InventoryError
from stella_ops.transport.known_hosts import KnownHosts, KnownKeys, Record
from stella_ops.transport.known_hosts_file import append_line, read_lines

USER_FILES = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_FILES = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")


class AcceptedKey(NamedTuple):
    """A host key that was new and has been accepted; ``fingerprint`` is OpenSSH's SHA256 form."""

    host: str
    port: int
    algorithm: str
    fingerprint: str


class RefusedKey(NamedTuple):
    """A host key that was refused although something is on record for the host.

    Attributes:
        host: the host's name in the inventory; of a jump host, what it is called on the way.
        place: host and port as known_hosts has them.
        reason: "changed", "revoked" or "uncertified".
        algorithm, fingerprint: of the key that the host showed; None where it could not be seen.
        on_record: fingerprints of the keys that were expected.
    """

    host: str
    place: str
    reason: str
    algorithm: str | None
    fingerprint: str | None
    on_record: tuple[str, ...]


class HostKeys:
    """The trusted keys of a run: files are read and parsed once.

    Args:
        project_file: where accepted keys are written and looked up, besides OpenSSH's own files.
        on_accept: told of each accepted key, for the audit trail.
        pinned_file: the keys pinned in the fleet store, as they were exported; it need not be there.
        authorities: host authorities of the settings, each a known_hosts line without its marker, or a key alone,
            which may then certify every host.
    """

    def __init__(
        self,
        project_file: Path | None = None,
        on_accept: Callable[[AcceptedKey], None] | None = None,
        *,
        pinned_file: Path | None = None,
        authorities: Sequence[str] = (),
    ) -> None:
        self.project_file = project_file
        self.pinned_file = pinned_file
        self._authorities = "\n".join(_authority_line(text) for text in authorities)
        self._on_accept = on_accept
        self._parsed: dict[tuple[Path, ...], KnownHosts] = {}
        self._accepted: dict[tuple[str, int], list[asyncssh.SSHKey]] = {}

    def trust(
        self,
        name: str,
        port: int,
        *,
        user_files: Sequence[Path] | None = None,
        global_files: Sequence[Path] | None = None,
        accept_new: bool = False,
        inventory_keys: Sequence[str] = (),
        inventory_authorities: Sequence[str] = (),
    ) -> Trust:
        """What is trusted for one connection.

        Args:
            name: the host as it is connected to, or its HostKeyAlias.
            user_files, global_files: known_hosts files; None for OpenSSH's usual ones.
            accept_new: accept and record the key of a host that is not known.
            inventory_keys, inventory_authorities: public keys that the inventory names for the host.

        Raises:
            InventoryError: the inventory names what is no public key.
        """
        if user_files is None:
            user_files = [Path(file).expanduser() for file in USER_FILES]
        if global_files is None:
            global_files = [Path(file) for file in GLOBAL_FILES]
        own = [file for file in (self.project_file, self.pinned_file) if file is not None]
        files = (*user_files, *global_files, *own)
        known = self._parsed.get(files)
        if known is None:
            known = self._parsed[files] = KnownHosts()
            for file in files:
                known.add(read_lines(file), str(file))
            if self._authorities:
                known.add(self._authorities, "[ssh] host_ca")
        found = known.lookup(name, port)
        named = [
            *_named(inventory_keys, "", "stella_host_keys", found.keys),
            *_named(inventory_authorities, "@cert-authority", "stella_ssh_host_ca", found.authorities),
        ]
        return Trust(self, name.lower(), port, found, accept_new, lambda: [*known.records(name, port), *named])

    def accepted(self, name: str, port: int) -> list[asyncssh.SSHKey]:
        """Keys accepted in this run."""
        return self._accepted.get((name, port), [])

    def accept(self, name: str, port: int, key: asyncssh.SSHKey) -> None:
        """Trust a key from now on, and write it down.

        Raises:
            OSError: it cannot be written down; it is not trusted then.
        """
        if self.project_file is not None:
            entry = name if port == 22 else f"[{name}]:{port}"
            algorithm, data = key.export_public_key("openssh").decode().split()[:2]
            append_line(self.project_file, f"{entry} {algorithm} {data}")
        self._accepted.setdefault((name, port), []).append(key)
        if self._on_accept is not None:
            self._on_accept(AcceptedKey(name, port, key.get_algorithm(), key.get_fingerprint()))


class Trust:
    """What is trusted for one connection. asyncssh calls it for the trusted keys of the host.

    Attributes:
        refused: the key that the host showed and that was not accepted.
        problem: why a key that should have been recorded could not be.
    """

    def __init__(
        self,
        keys: HostKeys,
        name: str,
        port: int,
        known: KnownKeys,
        accept_new: bool,
        records: Callable[[], list[Record]],
    ) -> None:
        self.name = name
        self.port = port
        self.known = known
        self.refused: asyncssh.SSHKey | None = None
        self.problem: OSError | None = None
        self._keys = keys
        self._accept_new = accept_new
        self._records = records

    def __call__(self, host: str, addr: str, port: int | None) -> Any:
        return self._trusted(), self.known.authorities, self.known.revoked

    @property
    def on_record(self) -> list[asyncssh.SSHKey]:
        """Keys that this very host and port is known by; any other key is a changed one."""
        return [*self.known.keys, *self._keys.accepted(self.name, self.port)]

    @property
    def records(self) -> list[Record]:
        """The lines of files, settings and inventory that say something about this host."""
        return self._records()

    @property
    def pinned_file(self) -> Path | None:
        return self._keys.pinned_file

    def decide(self, key: asyncssh.SSHKey) -> bool:
        """Whether to accept a key that was not among the trusted ones when the connection began."""
        accepted = self._keys.accepted(self.name, self.port)
        if key in accepted:
            # Two names for one host, connecting side by side.
            return True
        if self._accept_new and not self.on_record and not self.known.authorities:
            try:
                self._keys.accept(self.name, self.port, key)
                return True
            except OSError as problem:
                self.problem = problem
        self.refused = key
        return False

    def key_algorithms(self) -> list[str]:
        """Host key algorithms to ask for: those of known keys first, since hosts have keys of several kinds.

        The others follow, so that a host with only another kind of key shows it and can be told by its
        fingerprint. Certificates are asked for only where an authority is known that could have signed them.
        """
        plain = _usual_first()
        kinds = [name.decode() for key in self._trusted() for name in key.sig_algorithms]
        known = [name for name in dict.fromkeys(kinds) if name in plain]
        certified = []
        if self.known.authorities:
            certified = [name.decode() for name in asyncssh.public_key.get_default_certificate_algs()]
        return list(dict.fromkeys([*certified, *known, *plain]))

    def _trusted(self) -> list[asyncssh.SSHKey]:
        return [*self.on_record, *self.known.without_port]


@functools.cache
def _usual_first() -> tuple[str, ...]:
    """Algorithms of plain keys. A host that is new is best known by its Ed25519 key, as OpenSSH does."""
    names = [name.decode() for name in asyncssh.public_key.get_default_public_key_algs()]
    return tuple(sorted(names, key=lambda name: (name != "ssh-ed25519", not name.startswith("ecdsa-sha2-nistp"))))


def public_key(text: str) -> asyncssh.SSHKey:
    """The key of an OpenSSH public line (``ssh-ed25519 AAAA… comment``).

    Raises:
        ValueError: it is none.
    """
    try:
        return asyncssh.import_public_key(text.strip())
    except (asyncssh.KeyImportError, ValueError):
        raise ValueError(f"no public key: {text.strip()[:60]!r}") from None


def _named(texts: Sequence[str], marker: str, variable: str, into: list[asyncssh.SSHKey]) -> list[Record]:
    """Adds the keys of an inventory variable, and tells where they stand."""
    records = []
    for text in texts:
        try:
            key = public_key(text)
        except ValueError as problem:
            raise InventoryError(
                f"{variable}: {problem}", hint="write public keys as in a .pub file: ssh-ed25519 AAAA…"
            ) from None
        if key not in into:
            into.append(key)
        records.append(Record(marker, key, f"the inventory ({variable})", 0, " ".join(text.split()[2:])))
    return records


def _authority_line(text: str) -> str:
    """A known_hosts line of a host authority; a key without host patterns is good for every host."""
    return f"@cert-authority {text}" if _has_patterns(text) else f"@cert-authority * {text}"


def _has_patterns(text: str) -> bool:
    try:
        public_key(text)
    except ValueError:
        return True
    return False
