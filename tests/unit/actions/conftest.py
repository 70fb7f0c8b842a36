"""Actions without a host: a context whose session remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stella_ops.actions.base import ActionContext
from stella_ops.origins import Origin, SourceText
from stella_ops.redaction import Redactor
from stella_ops.templating.templar import Templar
from stella_ops.transport.base import Become, CommandResult, ConnectionSpec, ModuleCall


@dataclass
class Session:
    """Answers every module with ``answer``, every bare command with ``command``."""

    spec: ConnectionSpec = field(default_factory=lambda: ConnectionSpec(name="a"))
    answer: Callable[[ModuleCall], dict[str, Any]] = lambda call: {"changed": True}
    command: CommandResult = field(default_factory=lambda: CommandResult(0, b"", b""))
    calls: list[ModuleCall] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    async def call(self, call: ModuleCall, become: Become | None = None) -> dict[str, Any]:
        self.calls.append(call)
        return self.answer(call)

    async def raw(self, command: str, become: Become | None = None, timeout: float = 0) -> CommandResult:
        self.commands.append(command)
        return self.command

    async def hello(self, become: Become | None = None) -> dict[str, Any]:
        return {}

    async def close(self) -> None:
        return None


@pytest.fixture
def session() -> Session:
    """What the context's actions talk to."""
    return Session()


@pytest.fixture
def make_context(session: Session, tmp_path: Path) -> Callable[..., ActionContext]:
    """Makes a context: ``make_context(check=True, x="written {{ y }}")``; strings are templates."""

    def make(*, check: bool = False, diff: bool = False, **variables: Any) -> ActionContext:
        redactor = Redactor()
        written = {
            name: SourceText(value, Origin("vars.yml", 1)) if type(value) is str else value
            for name, value in variables.items()
        }
        return ActionContext(
            host="a",
            variables=Templar().lazy(written),
            templar=Templar(),
            session=session,
            become=None,
            check=check,
            diff=diff,
            timeout=0,
            environment={},
            search_path=[tmp_path],
            keep_secret=redactor.add,
            scrub=redactor.scrub,
        )

    return make


@pytest.fixture
def written() -> Callable[[str], SourceText]:
    """A text as if it stood in a playbook."""
    return lambda text: SourceText(text, Origin("p.yml", 3, 7))
