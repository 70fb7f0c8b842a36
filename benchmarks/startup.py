"""How long stella-ops takes before it does anything: ``--version``, and ``play`` until it first connects to a host.

The host is a listening socket that notes the moment when it is connected to; the run is ended then. The bare
interpreter is timed beside them, as the part that nobody can save.
"""

from __future__ import annotations

import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from benchmarks.tools.base import Command, Site, clean_environment
from benchmarks.tools.stella import StellaOps
from benchmarks.works import play
from stella_ops.lab.keys import ensure_key
from stella_ops.lab.model import LabHost

NAME = "startup"
_PATIENCE = 60.0


class NotStarted(Exception):
    """What was started did not get where it should; the text says what it told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """What was started and how long that took: wall and CPU seconds of each time; ``asked`` is the most it should."""

    what: str
    asked: float | None
    walls: Sequence[float]
    cpus: Sequence[float]


def measure(times: int) -> list[Startup]:
    """Start everything so often, in turns, after one unmeasured time each.

    Raises:
        NotStarted: something failed, or never connected; its output is in the text.
    """
    tool = StellaOps()
    tool.prepare()
    with (
        tempfile.TemporaryDirectory(prefix="stella-bench-") as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        listener.settimeout(_PATIENCE)
        to_connect = tool.command(play.WORK, _site(Path(folder), listener.getsockname()[1]))
        version = Command([to_connect.argv[0], "--version"], to_connect.env)
        python = Command([sys.executable, "-c", "pass"], clean_environment())
        taken: list[list[tuple[float, float]]] = [[], [], []]
        for _ in range(times + 1):
            for number, one in enumerate((_to_end(python), _to_end(version), _to_connection(to_connect, listener))):
                taken[number].append(one)
    names = (
        ("python -c pass", None),
        ("stella-ops --version", 0.15),
        ("stella-ops play, to its first connection", 0.4),
    )
    return [
        Startup(what=what, asked=asked, walls=[wall for wall, _ in got[1:]], cpus=[cpu for _, cpu in got[1:]])
        for (what, asked), got in zip(names, taken, strict=True)
    ]


def table(startups: Sequence[Startup]) -> str:
    """The medians as a Markdown table; "!" marks what takes longer than asked."""
    rows = []
    for one in startups:
        wall = statistics.median(one.walls)
        missed = one.asked is not None and wall >= one.asked
        rows.append(
            [
                one.what,
                f"{wall:.3f}",
                f"{min(one.walls):.3f} – {max(one.walls):.3f}",
                "" if one.asked is None else f"< {one.asked:g}{' !' if missed else ''}",
                f"{statistics.median(one.cpus):.3f}",
            ]
        )
    return tabulate(
        rows,
        headers=["what", "median s", "from – to", "asked", "CPU s"],
        tablefmt="github",
        colalign=["left", "right", "right", "right", "right"],
        disable_numparse=True,
    )


def _site(folder: Path, port: int) -> Site:
    """One host at a port of this machine, with a key and a known host key, so that nothing is left out on the way."""
    key, known_hosts = folder / "keys" / "client", folder / "known_hosts"
    ensure_key(key)
    public = ensure_key(folder / "keys" / "host")
    known_hosts.write_text(f"[127.0.0.1]:{port} {public}\n")
    host = LabHost(
        name="lab1",
        address="127.0.0.1",
        port=port,
        user="nobody",
        key_file=key,
        known_hosts=known_hosts,
        public_key=public,
    )
    materials = folder / "materials"
    materials.mkdir()
    for name, content in play.WORK.materials.items():
        (materials / name).write_bytes(content)
    variables = {host.name: {**host.inventory_vars(), "bench_root": "/nowhere"}}
    return Site(hosts=[host], variables=variables, folder=folder, home=folder, materials=materials)


def _to_end(command: Command) -> tuple[float, float]:
    """Wall and CPU seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        command.argv, env=command.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise NotStarted(f"{' '.join(command.argv)}: exit status {done.returncode}: {done.stderr.strip()}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _to_connection(command: Command, listener: socket.socket) -> tuple[float, float]:
    """Wall and CPU seconds of a command until it connects to a listener; then it is ended."""
    began = time.perf_counter()
    with subprocess.Popen(
        command.argv, env=command.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            connection, _ = listener.accept()
            wall = time.perf_counter() - began
            cpu = _cpu_seconds(process.pid)
            connection.close()
        except TimeoutError:
            process.kill()
            said = process.communicate()[0].decode(errors="replace").strip()
            raise NotStarted(f"{' '.join(command.argv)}: never connected: {said}") from None
        process.kill()
    return wall, cpu


def _cpu_seconds(pid: int) -> float:
    """What all threads of a living process have used; the kernel tells it in nanoseconds there."""
    told = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(text.split()[0]) for text in told) / 1e9
