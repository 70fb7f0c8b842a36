"""What a look at a host's keys brings: the keys, their certificates, or the error that it ended with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncssh

from stella_ops.errors import StellaError
from stella_ops.transport.host_keys import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCertificate:
    """A host certificate (OpenSSH's PROTOCOL.certkeys).

    Attributes:
        authority: the fingerprint of the key that signed it; ``trusted`` where an authority on record is that key
            and the certificate holds for the host's name now, ``problem`` why not.
        principals: the names it is for; none means every name.
        valid_after, valid_before: None for "always" and "forever".
    """

    authority: str
    authority_algorithm: str
    key_id: str
    serial: int
    principals: tuple[str, ...]
    valid_after: datetime | None
    valid_before: datetime | None
    trusted: bool
    problem: str | None

    def to_json(self) -> dict[str, Any]:
        """For the store and for machines; moments as ISO 8601 in UTC."""
        return {
            "authority": self.authority,
            "authority_algorithm": self.authority_algorithm,
            "key_id": self.key_id,
            "serial": self.serial,
            "principals": list(self.principals),
            "valid_after": _moment(self.valid_after),
            "valid_before": _moment(self.valid_before),
            "trusted": self.trusted,
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey:
    """A key that a server has shown, and proven to hold."""

    key: asyncssh.SSHKey
    certificate: HostCertificate | None = None

    @property
    def algorithm(self) -> str:
        return str(self.key.get_algorithm())

    @property
    def fingerprint(self) -> str:
        """``SHA256:…``, as ssh-keygen -l prints it."""
        return str(self.key.get_fingerprint())

    @property
    def public_key(self) -> str:
        """Algorithm and base64, without a comment."""
        return " ".join(self.key.export_public_key("openssh").decode().split()[:2])

    @property
    def bits(self) -> int:
        """The size that ssh-keygen -l prints."""
        return key_bits(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostScan:
    """What a look at one host brought: keys, or the error that it ended with.

    Attributes:
        host: its name in the inventory.
        name, port: as known_hosts names it; empty and 0 when not even that could be found out.
        trust: what is on record for it; None likewise.
        asked: the algorithms of plain keys that were asked for.
    """

    host: str
    name: str = ""
    port: int = 0
    keys: tuple[ShownKey, ...] = ()
    trust: Trust | None = None
    error: StellaError | None = None
    asked: frozenset[str] = frozenset()

    @property
    def place(self) -> str:
        return self.name if self.port in (0, 22) else f"[{self.name}]:{self.port}"


def key_bits(key: asyncssh.SSHKey) -> int:
    """The size of a key as ssh-keygen -l prints it."""
    sizes = {"ssh-ed25519": 256, "ssh-ed448": 456, "ecdsa-sha2-nistp256": 256, "ecdsa-sha2-nistp384": 384}
    algorithm = str(key.get_algorithm())
    if algorithm == "ecdsa-sha2-nistp521":
        return 521
    return sizes.get(algorithm) or int(getattr(key.pyca_key, "key_size", 0))


def _moment(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat(timespec="seconds").replace("+00:00", "Z")
