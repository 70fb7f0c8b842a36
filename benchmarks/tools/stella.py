"""stella-ops, from this checkout: with its defaults, and with plays that say ``strategy: pipelined``."""

from __future__ import annotations

import sys
from pathlib import Path

import stella_ops
from benchmarks.tools.base import Command, Site, ToolMissing, clean_environment
from benchmarks.tools.playbook import write_inventory, write_playbook
from benchmarks.works.steps import Ping, Work


class StellaOps:
    """The tool that the others are compared with."""

    name = "stella-ops"
    works: frozenset[str] | None = None
    _strategy: str | None = None
    _ping: tuple[str, ...] = ("-m", "ping")

    def __init__(self) -> None:
        self._program = Path(sys.executable).parent / "stella-ops"

    def prepare(self) -> str:
        if not self._program.exists():
            raise ToolMissing(f"{self._program} is missing: install the checkout into this environment")
        return stella_ops.__version__

    def command(self, work: Work, site: Site) -> Command:
        inventory = write_inventory(site)
        env = {**clean_environment(), "STELLA_HOME": str(site.home / "state")}
        if work.steps == (Ping(),):
            argv = [str(self._program), "run", "all", *self._ping, "-i", str(inventory)]
        else:
            playbook = write_playbook(work, site, strategy=self._strategy)
            argv = [str(self._program), "play", str(playbook), "-i", str(inventory)]
        return Command(argv, env)


class StellaPipelined(StellaOps):
    """The same playbook with ``strategy: pipelined``, in the works where hosts or round trips could be waited for."""

    name = "stella-pipelined"
    works: frozenset[str] | None = frozenset({"play", "delay"})
    _strategy = "pipelined"


class StellaRaw(StellaOps):
    """No Python on the host, as pyinfra does it: ``echo pong`` by the login shell."""

    name = "stella-raw"
    works: frozenset[str] | None = frozenset({"ping", "scale"})
    _ping = ("-m", "raw", "-a", "echo pong")
