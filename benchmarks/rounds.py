"""The rounds: every tool does every work, one tool after the other, and again; each run measured and checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import lab as bench_lab
from benchmarks.report import Run
from benchmarks.tools.base import Command, Site, Tool
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

    def run(self, rounds: int) -> Iterator[Run]:
        """All runs, as they end. Each round begins with another tool, so that no tool always follows the same."""
        for work in self.works:
            materials = self.folder / "materials" / work.name
            materials.mkdir(parents=True)
            for name, content in work.materials.items():
                (materials / name).write_bytes(content)
        self._warm_up()
        for number in range(rounds):
            for work in self.works:
                able = [tool for tool in self.tools if tool.works is None or work.name in tool.works]
                start = number % len(able) if able else 0
                for tool in able[start:] + able[:start]:
                    yield from self._work(work, tool, number)

    def _warm_up(self) -> None:
        """One unmeasured run a tool, for what is made only once: compiled files, caches, stella-ops's store."""
        for tool in self.tools:
            work = next(work for work in self.works if tool.works is None or work.name in tool.works)
            self.told(f"warming up {tool.name}")
            bench_lab.reset(self.lab, self.lab.hosts[:1])
            self._measure(tool.command(work, self._site(work, tool, self.lab.hosts[:1])), tool, "warm-up")

    def _work(self, work: Work, tool: Tool, number: int) -> Iterator[Run]:
        hosts = self.lab.hosts[: host_count(work, self.hosts)]
        bench_lab.reset(self.lab, hosts)
        checks = [HostCheck(work, host.name, bench_lab.root(host)) for host in hosts]
        command = tool.command(work, self._site(work, tool, hosts))
        for part in work.parts:
            yield self._part(part, work, tool, number, hosts, checks, command)

    def _part(
        self,
        part: Part,
        work: Work,
        tool: Tool,
        number: int,
        hosts: Sequence[LabHost],
        checks: Sequence[HostCheck],
        command: Command,
    ) -> Run:
        logins = {host.name: bench_lab.logins(self.lab, host) for host in hosts}
        load = os.getloadavg()[0]
        measured, output = self._measure(command, tool, f"{part.name}-{number}")
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
            round=number,
            hosts=len(hosts),
            wall=measured["wall"],
            cpu=measured["user"] + measured["system"],
            rss_one=int(measured["rss_one"]),
            rss_all=int(measured["rss_all"]),
            load=load,
            problems=tuple(problems),
        )
        verdict = "checked" if not problems else "; ".join(problems[:_SHOWN_PROBLEMS])
        self.told(f"round {number + 1}  {part.name:9} {tool.name:11} {run.wall:8.2f} s  load {load:.1f}  {verdict}")
        if problems:
            self.told("    " + "\n    ".join(output.strip().splitlines()[-6:]))
        return run

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


def host_count(work: Work, wanted: int | None) -> int:
    """How many hosts a work gets: its own number, or the number wanted where it has more than one."""
    return work.hosts if wanted is None or work.hosts == 1 else wanted
