"""The agent package that the fleet is to have, with its signatures."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from stella_ops.agents.fleet import Fleet
from stella_ops.releases.build import AgentPackage
from stella_ops.releases.signing import PackageSignature


@dataclass(frozen=True, slots=True)
class Release:
    """A package and its signature."""

    package: AgentPackage
    signature: PackageSignature


class Releases:
    """Signs the package of this version once: an ECDSA signature is another each time, and clients compare."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._lock = threading.Lock()
        self._current: Release | None = None

    def current(self) -> Release:
        """The package of this version. Blocks.

        Raises:
            ReleaseError: it cannot be read or signed.
        """
        with self._lock:
            if self._current is None:
                package = self._fleet.package
                signature = self._fleet.release_key.sign(package.path.read_bytes())
                self._current = Release(package, signature)
            return self._current
