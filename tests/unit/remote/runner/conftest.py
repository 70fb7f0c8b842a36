"""The remote runner as a process of its own, and a controller that speaks with it frame by frame."""

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import stella_ops.remote.runner as runner_package
from stella_ops.transport import frames, launch
from stella_ops.transport.code import CodeLibrary

SOURCES = [path for path in Path(runner_package.__file__).parent.glob("*.py") if path.name != "__init__.py"]


class RunnerProcess:
    """One runner. Frames are sent and read in blocking style; reads give up after some seconds."""

    def __init__(self, interpreter: Path, modules: Path, edit: Callable[[str], str], **options: Any) -> None:
        program = launch.pack_program({path.name: edit(path.read_text()).encode() for path in SOURCES})
        self.modules = modules
        self.library = CodeLibrary((modules,))
        self.process = subprocess.Popen(
            [str(interpreter), "-I", "-S", "-c", launch.boot_code(program).replace('\\"', '"')],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )
        assert self.process.stdin and self.process.stdout
        self.stdin = self.process.stdin
        self.out = self.process.stdout.fileno()
        self.decoder = frames.FrameDecoder()
        self.frames: list[tuple[int, int, Any]] = []
        self.sent: set[str] = set()
        self.last_id = 0
        self.write(program.whole)

    @property
    def pid(self) -> int:
        return self.process.pid

    def hello(self) -> dict[str, Any]:
        start = b""
        while len(start) < len(frames.MAGIC):
            start += os.read(self.out, len(frames.MAGIC) - len(start)) or pytest.fail(self.complaint())
        assert start == frames.MAGIC
        kind, _, payload = self.next_frame()
        assert kind == frames.HELLO
        return payload

    def complaint(self) -> str:
        assert self.process.stderr
        return self.process.stderr.read().decode(errors="replace")

    def write(self, data: bytes) -> None:
        self.stdin.write(data)
        self.stdin.flush()

    def start(
        self, source: str, args: Any = None, content: bool = False, inline: bytes | None = None, **request: Any
    ) -> int:
        """Send a module and start it, with ``inline`` content if there is any; the task's id."""
        name = f"m{abs(hash(source))}"
        (self.modules / f"{name}.py").write_text(source)
        module = self.library.module(name)
        packed = b""
        for unit in (*module.libs, module.unit):
            if unit.key not in self.sent:
                self.sent.add(unit.key)
                packed += frames.encode(frames.CODE, 0, unit.packed)
        self.last_id += 1
        full = {
            "module": module.unit.key,
            "libs": module.lib_names,
            "later": module.later_names,
            "args": args or {},
            "check": False,
            "diff": False,
            "timeout": 0,
            "environment": {},
            "content": content,
            "inline": inline is not None,
            **request,
        }
        told = json.dumps(full).encode() + (b"" if inline is None else b"\n" + inline)
        self.write(packed + frames.encode(frames.TASK, self.last_id, told))
        return self.last_id

    def next_frame(self, timeout: float = 30) -> tuple[int, int, Any]:
        deadline = time.monotonic() + timeout
        while not self.frames:
            if not select.select([self.out], [], [], max(0.0, deadline - time.monotonic()))[0]:
                pytest.fail(f"no frame within {timeout} seconds")
            data = os.read(self.out, 1 << 20)
            if not data:
                pytest.fail(f"the runner ended: {self.complaint()}")
            for kind, task, payload in self.decoder.feed(data):
                read = frames.read_output if kind == frames.OUTPUT else json.loads
                self.frames.append((kind, task, read(payload)))
        return self.frames.pop(0)

    def call(self, source: str, args: Any = None, **request: Any) -> dict[str, Any]:
        """Run a module to its end; its result, or the crash with ``kind``."""
        task = self.start(source, args, **request)
        kind, answered, payload = self.next_frame()
        assert answered == task
        return payload if kind == frames.RESULT else {"kind": kind, **payload}

    def end(self) -> int:
        """Close its input and wait for its end."""
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        return self.process.wait(10)


@pytest.fixture
def start_runner(tmp_path: Path) -> Iterator[Callable[..., RunnerProcess]]:
    """Starts runners under any interpreter; ``edit`` may change the program's text, to set its limits."""
    running: list[RunnerProcess] = []

    def start(interpreter: Path, edit: Callable[[str], str] = str, **options: Any) -> RunnerProcess:
        folder = tmp_path / f"runner{len(running)}"
        folder.mkdir()
        running.append(RunnerProcess(interpreter, folder, edit, **options))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        for pipe in (one.process.stdin, one.process.stdout, one.process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()


@pytest.fixture
def runner(start_runner: Callable[..., RunnerProcess], interpreter: Path) -> RunnerProcess:
    """A runner that has said hello, once under each interpreter; of short patience with stubborn tasks."""
    started = start_runner(interpreter, lambda text: text.replace("GRACE_SECONDS = 2.0", "GRACE_SECONDS = 0.5"))
    started.hello()
    return started


@pytest.fixture(params=[0, -1], ids=["oldest", "newest"])
def ends(request: pytest.FixtureRequest, interpreters: list[Path]) -> Path:
    """The oldest interpreter and the newest: enough where it is the kernel that decides."""
    return interpreters[request.param]


@pytest.fixture
def kept(start_runner: Callable[..., RunnerProcess], ends: Path) -> RunnerProcess:
    """A runner like ``runner``, under two interpreters only."""
    started = start_runner(ends, lambda text: text.replace("GRACE_SECONDS = 2.0", "GRACE_SECONDS = 0.5"))
    started.hello()
    return started


class Watch:
    """Waits for processes and for what modules write down."""

    @staticmethod
    def until(true: Callable[[], Any], timeout: float = 20) -> Any:
        """The first true answer."""
        deadline = time.monotonic() + timeout
        while not (found := true()):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.01)
        return found

    @staticmethod
    def alive(pid: int) -> bool:
        """Whether a process is there, and more than a zombie."""
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state not in "ZX"

    def pids(self, path: Path, count: int = 1) -> list[int]:
        """So many process ids that are written down in a file, one a line, once they are."""
        self.until(lambda: path.exists() and path.read_text().count("\n") >= count)
        return [int(word) for word in path.read_text().split()]

    def gone(self, *pids: int) -> None:
        """Waits for the end of all of them."""
        self.until(lambda: not any(self.alive(pid) for pid in pids))


@pytest.fixture
def watch() -> Watch:
    return Watch()
