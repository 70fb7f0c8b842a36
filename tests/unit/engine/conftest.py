"""Plays without hosts: a pool of sessions that answer from memory, and a reporter that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stella_ops.cli.modules import module_index
from stella_ops.engine.events import Event, HostFinished, RunFinished
from stella_ops.engine.journal import Journal
from stella_ops.engine.options import RunOptions
from stella_ops.engine.run import Run
from stella_ops.engine.run_context import RunContext
from stella_ops.errors import NotYet
from stella_ops.inventory.loader import load_inventory
from stella_ops.playbook.model import Playbook, Prompt
from stella_ops.playbook.parser import load_playbook
from stella_ops.redaction import Redactor
from stella_ops.transport.base import Become, CommandResult, ConnectionSpec, ModuleCall

Answer = Callable[[str, ModuleCall], dict[str, Any]]


def pong(host: str, call: ModuleCall) -> dict[str, Any]:
    """What a host answers where a test does not care."""
    return {"changed": call.module == "command", "rc": 0, "stdout": f"{call.module} on {host}"}


@dataclass
class FakeSession:
    """Answers at once, having let others have their turn as a real connection does."""

    spec: ConnectionSpec
    pool: FakePool

    async def call(self, call: ModuleCall, become: Become | None = None) -> dict[str, Any]:
        self.pool.calls.append((self.spec, call, become))
        self.pool.running += 1
        self.pool.most_at_once = max(self.pool.most_at_once, self.pool.running)
        try:
            await asyncio.sleep(0)
            return self.pool.answer(self.spec.name, call)
        finally:
            self.pool.running -= 1

    async def raw(self, command: str, become: Become | None = None, timeout: float = 0) -> CommandResult:
        return CommandResult(0, b"", b"")

    async def hello(self, become: Become | None = None) -> dict[str, Any]:
        return {}

    async def close(self) -> None:
        return None


@dataclass
class FakePool:
    """Sessions in memory; ``answer`` is what their hosts say to a module call."""

    answer: Answer = pong
    calls: list[tuple[ConnectionSpec, ModuleCall, Become | None]] = field(default_factory=list)
    sessions: dict[ConnectionSpec, FakeSession] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0
    closed: bool = False

    def session(self, spec: ConnectionSpec) -> FakeSession:
        return self.sessions.setdefault(spec, FakeSession(spec, self))

    async def drop_host(self, name: str) -> None:
        self.dropped.append(name)

    async def close(self) -> None:
        self.closed = True


class RowSession(FakeSession):
    """A host that takes tasks ahead of their turn, and runs each after the one before it as the runner does."""

    async def call(self, call: ModuleCall, become: Become | None = None) -> dict[str, Any]:
        pool = self.pool
        assert isinstance(pool, RowPool)
        runner = (self.spec, become)
        after, link = None, call.link
        if link is not None:
            if link.previous is not None and link.previous.runner != runner:
                raise NotYet
            after = link.follow(link.previous.runner if link.previous is not None else runner)
        number = len(pool.sent)
        pool.sent.append(pool.label(call))
        ended = pool.ended[number] = asyncio.get_running_loop().create_future()
        if link is not None:
            link.mark_sent(runner, number, final=pool.label(call) not in pool.open)
            link.size = pool.size
        pool.news.set()
        well = False
        try:
            if after is not None and not await asyncio.shield(pool.ended[after]):
                raise NotYet
            pool.ran.append(pool.label(call))
            if pool.label(call) in pool.gates:
                await pool.gates[pool.label(call)].wait()
            answer = await super().call(call, become)
            well = not answer.get("failed")
            return answer
        finally:
            ended.set_result(well)


@dataclass
class RowPool(FakePool):
    """Hosts that take tasks ahead of their turn.

    Attributes:
        sent: what was sent, by command or module, in order.
        ran: what the hosts have begun of it.
        gates: what waits on the host until it is let go.
        size: so many bytes each task counts as.
        open: what may be asked a second time before it is done.
    """

    sent: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    ended: dict[int, asyncio.Future[bool]] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    size: int = 0
    open: set[str] = field(default_factory=set)

    def session(self, spec: ConnectionSpec) -> FakeSession:
        return self.sessions.setdefault(spec, RowSession(spec, self))

    def hold(self, label: str) -> asyncio.Event:
        """Have a task wait on the host."""
        self.gates[label] = asyncio.Event()
        return self.gates[label]

    async def until_sent(self, *labels: str) -> None:
        """Wait until all of these have been sent."""
        while not set(labels) <= set(self.sent):
            self.news.clear()
            await self.news.wait()

    @staticmethod
    def label(call: ModuleCall) -> str:
        words = call.args.get("_raw_params") or call.args.get("cmd") or call.args.get("dest") or call.args.get("path")
        return str(words or call.module)


@dataclass
class Remembering:
    """A reporter that keeps every event."""

    events: list[Event] = field(default_factory=list)

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        return None

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def statuses(self, task: str) -> dict[str, str]:
        """The status of each host in a task."""
        return {event.host: event.status for event in self.of(HostFinished) if event.task == task}

    def results(self, task: str) -> dict[str, Any]:
        """The result of each host in a task."""
        return {event.host: event.result for event in self.of(HostFinished) if event.task == task}


@dataclass
class Played:
    """A play that was run: its exit code, its events, what was asked of hosts."""

    code: int
    pool: FakePool
    seen: Remembering
    context: RunContext

    @property
    def recap(self) -> dict[str, Any]:
        [finished] = self.seen.of(RunFinished)
        return finished.hosts


@pytest.fixture
def fake_pool() -> type[FakePool]:
    """The class, for tests that make their own."""
    return FakePool


@pytest.fixture
def row_pool() -> type[RowPool]:
    """The class, for tests that make their own."""
    return RowPool


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Any]:
    """Runs a playbook's text on hosts in memory: ``await play(text, hosts="a,b,", answer=…, forks=5)``."""

    async def run(
        text: str,
        *,
        hosts: str = "a,b,",
        answer: Answer = pong,
        pool: FakePool | None = None,
        journal: Callable[[list[Playbook]], Journal] = lambda books: Journal(),
        ask: Callable[[Prompt], Any] = lambda prompt: prompt.default,
        watched: bool = False,
        **options: Any,
    ) -> Played:
        path = tmp_path / "playbook.yml"
        path.write_text(text, encoding="utf-8")
        source: str | Path = hosts
        if "\n" in hosts:
            source = tmp_path / "hosts.ini"
            source.write_text(hosts, encoding="utf-8")
        pool = pool or FakePool(answer)
        seen = Remembering()
        books = [load_playbook(path, modules=module_index(options.get("module_folders", ())))]
        context = RunContext(
            run_id="run",
            inventory=load_inventory([source]),
            options=RunOptions(**options),
            pool=pool,  # type: ignore[arg-type]
            reporter=seen,
            redactor=Redactor(),
            journal=journal(books),
            ask=ask,
            watched=watched,
        )
        code = await Run(context).execute(books)
        return Played(code, pool, seen, context)

    return run
