"""What installers fetch: the agent package with its signatures, and the install scripts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from stella_ops.agents import installers
from stella_ops.agents.fleet import Fleet
from stella_ops.agents.platforms import Platform
from stella_ops.releases.build import AgentPackage
from stella_ops.releases.signing import PackageSignature

# Strangers may ask for a script; making one reads files and the store.
_SCRIPT_LIFE = 60.0


@dataclass(frozen=True, slots=True)
class Release:
    """A package and its signature."""

    package: AgentPackage
    signature: PackageSignature


class Releases:
    """Makes each of them once, or once a minute. For any thread; all of it blocks.

    Args:
        clock: seconds that only grow (``time.monotonic``).
    """

    def __init__(self, fleet: Fleet, *, clock: Callable[[], float]) -> None:
        self._fleet = fleet
        self._clock = clock
        self._lock = threading.Lock()
        self._current: Release | None = None
        self._scripts: dict[Platform, tuple[float, str]] = {}

    def current(self) -> Release:
        """The package of this version. It is signed once: another signature of it would be other bytes.

        Raises:
            ReleaseError: it cannot be read or signed.
        """
        with self._lock:
            if self._current is None:
                package = self._fleet.package
                signature = self._fleet.release_key.sign(package.path.read_bytes())
                self._current = Release(package, signature)
            return self._current

    def install_script(self, platform: Platform) -> str:
        """The installer for a platform, without a token in it.

        Raises:
            StellaError: it cannot be made.
        """
        with self._lock:
            made, script = self._scripts.get(platform, (0.0, ""))
            if not script or self._clock() - made > _SCRIPT_LIFE:
                script = installers.install_script(platform, self._fleet.look_up_install_source())
                self._scripts[platform] = (self._clock(), script)
            return script
