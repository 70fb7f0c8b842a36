"""The rounds: every tool does every work, one tool after the other, and again; each run measured and checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import lab as bench_lab
from benchmarks.report import Run, Wire
from benchmarks.tools.base import Command, Site, Tool
from benchmarks.wire import Proxies, proxied
from benchmarks.works.check import HostCheck, pings_missing
from benchmarks.works.steps import Part, Work
from stella_ops.lab.model import Lab, LabHost

_MEASURE = Path(__file__).with_name("measure.py")
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """What is to be run, and where.

    Args:
        lab: the hosts; a work uses the first ones of it.
        folder: for what tools read and say; new and empty.
        timeout: seconds that a run may take.
        told: called with a line of progress.
    """

    lab: Lab
    folder: Path
    works: Sequence[Work]
    tools: Sequence[Tool]
    hosts: int | None
    timeout: float
    told: Callable[[str], None]
    _counted: dict[tuple[str, str], Wire] = field(default_factory=dict)
    """What went over the wire in a part that is measured without proxies, by part and tool."""

    def run(self, rounds: int) -> Iterator[Run]:
        """All runs, as they end. Each round begins with another tool, so that no tool always follows the same."""
        for work in self.works:
            materials = self.folder / "materials" / work.name
            materials.mkdir(parents=True)
            for name, content in work.materials.items():
                (materials / name).write_bytes(content)
        for tool in self.tools:
            self._count(tool)
        for number in range(rounds):
            for work in self.works:
                able = [tool for tool in self.tools if can(tool, work)]
                start = number % len(able) if able else 0
                for tool in able[start:] + able[:start]:
                    yield from self._work(work, tool, number)

    def _count(self, tool: Tool) -> None:
        """Unmeasured runs on one host behind a counting proxy; what is made only once is made in the first.

        That is compiled files, caches, stella-ops's store. Parts that go through a proxy anyway are left out, unless
        there is nothing else to warm up with.
        """
        works = [work for work in self.works if can(tool, work)]
        for work in [work for work in works if work.parts[0].delay is None] or works[:1]:
            for run in self._runs(work, tool, None, self.lab.hosts[:1]):
                if run.wire is not None and not run.problems:
                    self._counted[run.part, tool.name] = run.wire

    def _work(self, work: Work, tool: Tool, number: int) -> Iterator[Run]:
        return self._runs(work, tool, number, self.lab.hosts[: host_count(work, self.hosts)])

    def _runs(self, work: Work, tool: Tool, number: int | None, hosts: Sequence[LabHost]) -> Iterator[Run]:
        """A work's parts by one tool; without a number they are counted, not measured."""
        checks: list[HostCheck] = []
        for part in work.parts:
            if part.fresh or not checks:
                if not bench_lab.reset(self.lab, hosts):
                    self.told("sessions of the tool before are still there")
                checks = [HostCheck(work, host.name, bench_lab.root(host)) for host in hosts]
            yield self._part(part, work, tool, number, hosts, checks)

    def _part(
        self,
        part: Part,
        work: Work,
        tool: Tool,
        number: int | None,
        hosts: Sequence[LabHost],
        checks: Sequence[HostCheck],
    ) -> Run:
        logins = {host.name: bench_lab.logins(self.lab, host) for host in hosts}
        load = os.getloadavg()[0]
        delay = 0.0 if number is None else part.delay
        name = f"{part.name}-{'counted' if number is None else number}"
        known_hosts = self.folder / tool.name / f"{name}.known_hosts"
        known_hosts.parent.mkdir(exist_ok=True)
        through = nullcontext() if delay is None else proxied(hosts, known_hosts, delay)
        with through as proxies:
            reached = hosts if proxies is None else proxies.hosts
            measured, output = self._measure(tool.command(work, self._site(work, tool, reached)), tool, name)
            wire = self._wire(part, work, tool, proxies)
        problems = [problem for check in checks for problem in check.after_run()]
        problems += pings_missing(work, output, len(hosts))
        problems += [
            f"{host.name}: nobody logged in" for host in hosts if bench_lab.logins(self.lab, host) == logins[host.name]
        ]
        if measured["timed_out"]:
            problems.insert(0, f"not done after {self.timeout:g} s")
        elif measured["status"] != 0:
            problems.insert(0, f"exit status {measured['status']:g}")
        run = Run(
            part=part.name,
            tool=tool.name,
            round=-1 if number is None else number,
            hosts=len(hosts),
            wall=measured["wall"],
            cpu=measured["user"] + measured["system"],
            rss_one=int(measured["rss_one"]),
            rss_all=int(measured["rss_all"]),
            load=load,
            wire=wire,
            problems=tuple(problems),
        )
        self._tell(run, output)
        return run

    def _wire(self, part: Part, work: Work, tool: Tool, proxies: Proxies | None) -> Wire | None:
        return proxies.wire(len(work.steps)) if proxies else self._counted.get((part.name, tool.name))

    def _tell(self, run: Run, output: str) -> None:
        problems = run.problems
        verdict = "checked" if not problems else "; ".join(problems[:_SHOWN_PROBLEMS])
        when = "counting" if run.round < 0 else f"round {run.round + 1} "
        self.told(f"{when}  {run.part:10} {run.tool:16} {run.wall:8.2f} s  load {run.load:.1f}  {verdict}")
        if problems:
            self.told("    " + "\n    ".join(output.strip().splitlines()[-6:]))

    def _site(self, work: Work, tool: Tool, hosts: Sequence[LabHost]) -> Site:
        home = self.folder / tool.name
        folder = home / work.name
        folder.mkdir(parents=True, exist_ok=True)
        variables = {host.name: {**host.inventory_vars(), "bench_root": str(bench_lab.root(host))} for host in hosts}
        materials = self.folder / "materials" / work.name
        return Site(hosts=hosts, variables=variables, folder=folder, home=home, materials=materials)

    def _measure(self, command: Command, tool: Tool, name: str) -> tuple[dict[str, float], str]:
        result, output = (self.folder / tool.name / f"{name}.{kind}" for kind in ("json", "log"))
        launcher = [sys.executable, "-I", str(_MEASURE), str(result), str(output), str(self.timeout)]
        subprocess.run([*launcher, *command.argv], env=dict(command.env), cwd=self.folder / tool.name, check=True)
        measured: dict[str, float] = json.loads(result.read_text())
        return measured, output.read_text(errors="replace")


def can(tool: Tool, work: Work) -> bool:
    """Whether a tool is one for a work."""
    return tool.works is None or work.name in tool.works


def host_count(work: Work, wanted: int | None) -> int:
    """How many hosts a work gets: its own number, or the number wanted where it has more than one."""
    return work.hosts if wanted is None or work.hosts == 1 else wanted
