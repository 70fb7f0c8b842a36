"""What the wire and asyncssh allow: two small programs that do a work and nothing else.

``bare-exec`` connects to every host and runs one command. ``bare`` does all works: a connection and a Python process
a host, one question and one answer a step, no inventory, no variables, no checks that people need.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import asyncssh

from benchmarks.tools.base import Command, Site, clean_environment
from benchmarks.works.steps import Work

_HERE = Path(__file__).parent


class Bare:
    """The prototype with a persistent interpreter on the host."""

    name = "bare"
    works: frozenset[str] | None = None
    _program = "bare_prototype.py"

    def prepare(self) -> str:
        return f"asyncssh {asyncssh.__version__}"

    def command(self, work: Work, site: Site) -> Command:
        plan = {
            "hosts": [
                {
                    "name": host.name,
                    "address": host.address,
                    "port": host.port,
                    "user": host.user,
                    "root": site.variables[host.name]["bench_root"],
                }
                for host in site.hosts
            ],
            "key": str(site.hosts[0].key_file),
            "known_hosts": str(site.hosts[0].known_hosts),
            "materials": str(site.materials),
            "steps": [{"step": type(step).__name__, **dataclasses.asdict(step)} for step in work.steps],
        }
        path = site.folder / "plan.json"
        path.write_text(json.dumps(plan))
        return Command([sys.executable, str(_HERE / self._program), str(path)], clean_environment())


class BareExec(Bare):
    """Connect, run ``echo pong``, and that is all."""

    name = "bare-exec"
    works: frozenset[str] | None = frozenset({"ping", "scale"})
    _program = "bare_exec.py"
