"""``python -m benchmarks``: stella-ops and its peers side by side on hosts of this machine."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks import lab as bench_lab
from benchmarks import startup
from benchmarks.report import BASE, Run, table
from benchmarks.rounds import Rounds, can, host_count
from benchmarks.tools.base import Tool, ToolMissing
from benchmarks.tools.registry import TOOLS
from benchmarks.wire import measured_delay
from benchmarks.works.registry import WORKS
from benchmarks.works.steps import Work

_ALL = (*WORKS, startup.NAME)
# Times that things are started to see how long that takes.
_STARTS = 15


class Names(click.ParamType):
    """Names with commas between them, of a known set."""

    name = "names"

    def __init__(self, known: Iterable[str]) -> None:
        self._known = list(known)

    def convert(self, value: str | list[str], param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        if not isinstance(value, str):
            return value
        wanted = [name.strip() for name in value.split(",") if name.strip()]
        strange = [name for name in wanted if name not in self._known]
        if strange or not wanted:
            self.fail(f"no '{', '.join(strange)}'; there are {', '.join(self._known)}", param, ctx)
        return [name for name in self._known if name in wanted]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--works",
    type=Names([*WORKS, startup.NAME]),
    default=",".join([*WORKS, startup.NAME]),
    show_default=True,
    help="Works to do.",
)
@click.option("--tools", type=Names(TOOLS), default=",".join(TOOLS), show_default=True, help="Tools that do them.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Times that each runs.")
@click.option("--hosts", type=click.IntRange(1, 2000), help="Hosts, for works with more than one, instead of theirs.")
@click.option("--timeout", type=click.FloatRange(min=1), default=600.0, show_default=True, help="Seconds for a run.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all runs there.")
def main(
    works: list[str], tools: list[str], rounds: int, hosts: int | None, timeout: float, json_file: Path | None
) -> None:
    """Measure tools side by side; a table goes to standard output, progress to standard error.

    Exit status: 0 every tool did its work in every run, 1 one did not or is missing,
    130 interrupted.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the lab is taken down then, too
    chosen = [WORKS[name] for name in works if name != startup.NAME]
    versions, present, missing = _prepare([tool for name, tool in TOOLS.items() if name in tools], chosen)
    if not present and not (startup.NAME in works and BASE in tools):
        raise click.ClickException("no tool is left to measure: " + ("; ".join(missing) or "none does these works"))
    chosen = [work for work in chosen if any(can(tool, work) for tool in present)]
    machine = _machine(rounds)
    delays = sorted({part.delay for work in chosen for part in work.parts if part.delay})
    machine["measured_delays"] = {delay: measured_delay(delay) for delay in delays}
    starts: list[startup.Startup] = []
    runs: list[Run] = []
    interrupted = False
    try:
        if startup.NAME in works and BASE in tools:
            _tell(f"starting {BASE} {_STARTS} times")
            try:
                starts += startup.measure(_STARTS)
            except (ToolMissing, startup.NotStarted) as problem:
                missing.append(f"start-up is left out: {problem}")
        if chosen:
            for run in _measured(chosen, present, rounds, hosts, timeout):
                runs.append(run)
    except KeyboardInterrupt:
        interrupted = True
        _tell("interrupted; this is what was measured until then")
    machine["load_at_end"] = os.getloadavg()[0]
    _print(chosen, runs, starts, versions, missing, machine)
    if json_file is not None:
        told = {"machine": machine, "versions": versions, "missing": missing}
        told["startup"] = [dataclasses.asdict(one) for one in starts]
        told["runs"] = [dataclasses.asdict(run) for run in runs]
        json_file.write_text(json.dumps(told, indent=1) + "\n")
    if interrupted:
        sys.exit(130)
    sys.exit(1 if missing or any(run.problems for run in runs) else 0)


def _measured(works: list[Work], tools: list[Tool], rounds: int, hosts: int | None, timeout: float) -> Iterator[Run]:
    with (
        tempfile.TemporaryDirectory(prefix="stella-bench-") as folder,
        bench_lab.running(max(host_count(work, hosts) for work in works)) as lab,
    ):
        plan = Rounds(lab=lab, folder=Path(folder), works=works, tools=tools, hosts=hosts, timeout=timeout, told=_tell)
        yield from plan.run(rounds)


def _prepare(tools: list[Tool], works: list[Work]) -> tuple[dict[str, str], list[Tool], list[str]]:
    """The tools that some of the works are for: versions by name, those that are here, and why others are not."""
    versions: dict[str, str] = {}
    present: list[Tool] = []
    missing: list[str] = []
    for tool in tools:
        if not any(can(tool, work) for work in works):
            continue
        try:
            versions[tool.name] = tool.prepare()
            present.append(tool)
        except ToolMissing as problem:
            missing.append(f"{tool.name} is left out: {problem}")
    return versions, present, missing


def _machine(rounds: int) -> dict[str, Any]:
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "processor": model[0].partition(":")[2].strip() if model else platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "rounds": rounds,
        "load_at_start": os.getloadavg()[0],
    }


def _print(
    works: list[Work],
    runs: list[Run],
    starts: list[startup.Startup],
    versions: dict[str, str],
    missing: list[str],
    machine: dict[str, Any],
) -> None:
    print(
        f"{machine['when']}, {machine['cores']} cores ({machine['processor']}), {machine['system']}, controller and "
        f"hosts on it; load {machine['load_at_start']:.1f} before, {machine['load_at_end']:.1f} after; "
        f"{machine['rounds']} rounds, interleaved."
    )
    if versions:
        print("; ".join(f"{tool} {version}" for tool, version in versions.items()) + ".")
    for line in missing:
        print(line)
    if starts:
        print(f"\n### start-up, {len(starts[0].walls)} times\n\n{startup.table(starts)}")
    for work in works:
        for part in work.parts:
            hosts = next((run.hosts for run in runs if run.part == part.name), None)
            shown = table(runs, part, list(versions))
            if shown:
                print(f"\n### {part.title}, {hosts} host{'' if hosts == 1 else 's'}\n\n{shown}")
            if shown and part.delay:
                real = machine["measured_delays"][part.delay]
                print(f"\nAn echo through the proxy took {real * 1000:.1f} ms, the median of some.")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
