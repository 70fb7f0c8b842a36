"""Did a tool really do the work? Looked up in the hosts' folders, never in what the tool says of itself."""

from __future__ import annotations

import platform
import stat
from collections import Counter
from pathlib import Path

import jinja2

from benchmarks.works.steps import COMMAND_LOG, Command, Copy, Directory, Line, Ping, Template, Work

State = dict[str, tuple[int, int]]


class HostCheck:
    """Follows one host's folder through the parts of a work.

    Args:
        work: what was to be done.
        name: the host's name.
        root: the host's ``bench_root``, as a folder of this machine.
    """

    def __init__(self, work: Work, name: str, root: Path) -> None:
        self._work = work
        self._name = name
        self._root = root
        self._runs = 0
        self._before: State = {}

    def after_run(self) -> list[str]:
        """What is wrong on the host after one more run of the steps; empty when all is as it should be.

        After the second run, files that were right before must not have been replaced or rewritten.
        """
        self._runs += 1
        wrong = [f"{self._name}: {problem}" for problem in self._look()]
        now = self._state()
        if self._runs > 1:
            touched = sorted(path for path, seen in self._before.items() if now.get(path) != seen)
            wrong.extend(f"{self._name}: {path} was written again" for path in touched)
        self._before = now
        return wrong

    def _look(self) -> list[str]:
        wrong: list[str] = []
        for step in self._work.steps:
            if isinstance(step, Directory | Template | Copy | Line):
                wrong.extend(self._path_problems(step))
        expected = Counter({step.mark: self._runs for step in self._work.steps if isinstance(step, Command)})
        log = self._root / COMMAND_LOG
        ran = Counter(log.read_text().split()) if log.is_file() else Counter()
        if ran != expected:
            wrong.append(f"commands ran {ran.total()} times in all, not {expected.total()}")
        return wrong

    def _path_problems(self, step: Directory | Template | Copy | Line) -> list[str]:
        path = self._root / step.path
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return [f"{step.path} is missing"]
        wrong = []
        if stat.S_IMODE(found.st_mode) != int(step.mode, 8):
            wrong.append(f"{step.path} has mode {stat.S_IMODE(found.st_mode):04o}, not {step.mode}")
        if isinstance(step, Directory):
            if not path.is_dir():
                wrong.append(f"{step.path} is no directory")
        elif path.read_bytes() != self._content(step):
            wrong.append(f"{step.path} has other content")
        return wrong

    def _content(self, step: Template | Copy | Line) -> bytes:
        if isinstance(step, Copy):
            return self._work.materials[step.source]
        if isinstance(step, Line):
            return (step.text + "\n").encode()
        # As Ansible's tools and pyinfra set Jinja2 up: blocks' newlines go, the last newline stays.
        return render(self._work.materials[step.source].decode(), self._name, platform.release()).encode()

    def _state(self) -> State:
        state = {}
        for step in self._work.steps:
            if isinstance(step, Template | Copy | Line):
                path = self._root / step.path
                if path.exists():
                    found = path.stat()
                    state[step.path] = (found.st_ino, found.st_mtime_ns)
        return state


def render(source: str, host_name: str, host_kernel: str) -> str:
    """A material's template for one host."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True)
    return environment.from_string(source).render(host_name=host_name, host_kernel=host_kernel)


def pings_missing(work: Work, output: str, hosts: int) -> list[str]:
    """For works with a ping, the one step that leaves nothing behind: as many answers as hosts are needed."""
    if not any(isinstance(step, Ping) for step in work.steps):
        return []
    answers = sum("pong" in line for line in output.splitlines())
    return [] if answers >= hosts else [f"{answers} hosts said pong, not {hosts}"]
