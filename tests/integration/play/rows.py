"""Plays on one host whose runner is a process of this machine, with tasks sent ahead as over SSH.

Local sessions send nothing ahead, since what one task does may change what the next one reads. Here they do, so that
many plays can be compared without a login for each.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stella_ops.cli.modules import module_index
from stella_ops.engine.events import Event, HostFinished, HostStarted, RunFinished, to_json
from stella_ops.engine.options import RunOptions
from stella_ops.engine.run import Run
from stella_ops.engine.run_context import RunContext
from stella_ops.errors import StellaError
from stella_ops.inventory.loader import load_inventory
from stella_ops.playbook.parser import load_playbook
from stella_ops.redaction import Redactor
from stella_ops.transport.base import Become, ConnectionSpec, HostSession, ModuleCall
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.local import LocalSession
from stella_ops.transport.pool import SessionPool
from stella_ops.transport.session import Session

# What is another at every run.
VOLATILE = frozenset({"time", "duration", "run_id", "start", "end", "delta", "ansible_facts", "backup_file"}) | {
    *("atime", "mtime", "ctime", "birthtime", "inode", "dev", "uid", "gid", "nlink", "blocks", "version"),
    *("access_time", "modification_time"),
}


class LinkedSession(LocalSession):
    """A local session that keeps tasks' places in a row."""

    async def call(self, call: ModuleCall, become: Become | None = None) -> dict[str, Any]:
        if call.link is not None and call.link.previous is not None:
            self.ahead += 1
        return await Session.call(self, call, become)

    ahead = 0

    def __init__(self, spec: ConnectionSpec, code: CodeLibrary) -> None:
        super().__init__(spec, code)
        self.started: list[Become | None] = []

    async def _start_runner(self, become: Become | None) -> Any:
        self.started.append(become)
        return await super()._start_runner(become)

    async def close(self) -> None:
        await super().close()
        for process in self._processes:
            # The loop is not to end before those that it looks after.
            while process.get_returncode() is None:
                await asyncio.sleep(0.001)


class LinkedPool(SessionPool):
    """Makes such sessions for whatever kind of connection."""

    def __init__(self, code: CodeLibrary) -> None:
        super().__init__(code)
        self.made: list[LinkedSession] = []

    def _make(self, spec: ConnectionSpec) -> HostSession:
        self.made.append(LinkedSession(spec, self._code))
        return self.made[-1]


@dataclass
class Played:
    """What came of a play.

    Attributes:
        events: without what differs from run to run.
        variables: what was registered and set, by host.
        files: of the host: content by path.
        ahead: how many calls were made ahead of their turn.
        complaints: what asyncio said of tasks that nobody looked after.
    """

    code: int | str = 0
    events: list[Any] = field(default_factory=list)
    raw: list[Event] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    ahead: int = 0
    complaints: list[str] = field(default_factory=list)

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of a kind, as they were."""
        return [event for event in self.raw if isinstance(event, kind)]


class _Remembering:
    def __init__(self, watch: Callable[[Event], None] | None) -> None:
        self.events: list[Event] = []
        self._watch = watch

    def handle(self, event: Event) -> None:
        self.events.append(event)
        if self._watch is not None:
            self._watch(event)

    def close(self) -> None:
        return None


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


async def play(
    folder: Path,
    plays: list[dict[str, Any]],
    *,
    hosts: str | Path = "web,",
    root: Path | None = None,
    watch: Callable[[Event], None] | None = None,
    pool: Any = None,
    **options: Any,
) -> Played:
    """Run plays; ``root`` is the host's folder, the variable ``root`` for them.

    Args:
        folder: of the playbook, with what it copies.
        hosts: an inventory.
        watch: called with every event.
    """
    root = root or folder / "host"
    root.mkdir(parents=True, exist_ok=True)
    book = folder / "play.yml"
    book.write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    complaints = _Complaints()
    logger = logging.getLogger("asyncio")
    logger.addHandler(complaints)
    pool = pool or LinkedPool(CodeLibrary(()))
    seen = _Remembering(watch)
    given = {"root": str(root), **options.pop("extra_vars", {})}
    context = RunContext(
        run_id="run",
        inventory=load_inventory([hosts]),
        options=RunOptions(extra_vars=given, **options),
        pool=pool,
        reporter=seen,
        redactor=Redactor(),
    )
    played = Played()
    try:
        played.code = await Run(context).execute([load_playbook(book, modules=module_index(()))])
    except StellaError as error:
        played.code = f"{type(error).__name__}: {error.message}"
    finally:
        logger.removeHandler(complaints)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    played.complaints = [*complaints.texts, *(f"still there: {task}" for task in others)]
    played.raw = seen.events
    played.events = [_plain(to_json(event), root) for event in seen.events if not isinstance(event, HostStarted)]
    played.variables = {name: _plain(state.set_facts, root) for name, state in context.states.items()}
    played.files = {
        str(path.relative_to(root)): (path.read_bytes() if path.is_file() else "folder", path.stat().st_mode)
        for path in sorted(root.rglob("*"))
    }
    played.ahead = sum(session.ahead for session in getattr(pool, "made", ()))
    return played


def _plain(value: Any, root: Path) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, root) for key, item in value.items() if key not in VOLATILE}
    if isinstance(value, list | tuple):
        return [_plain(item, root) for item in value]
    # Differences show times as text.
    return value.replace(str(root), "ROOT") if isinstance(value, str) else value


def recap(played: Played) -> dict[str, Any]:
    """The counts of each host."""
    [finished] = played.of(RunFinished)
    hosts: dict[str, Any] = finished.hosts
    return hosts


def log(word: str, then: str = "true", **keywords: Any) -> dict[str, Any]:
    """A task that leaves its word in the log, each time it runs."""
    return {"name": word, "shell": f"echo {word} >> {{{{ root }}}}/log; {then}", **keywords}


def logged(played: Any) -> list[str]:
    content: bytes = played.files["log"][0]
    return content.decode().split()


def statuses(played: Any) -> list[str]:
    return [event.status for event in played.of(HostFinished)]
