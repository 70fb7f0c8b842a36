"""How the hosts of a pattern are reached, for commands that work on hosts without running tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stella_ops.engine.preparation import Preparation
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.variables import PlayVariables
from stella_ops.errors import StellaError
from stella_ops.origins import Origin, SourceText
from stella_ops.playbook.model import Inherited, Task
from stella_ops.transport.base import Become, ConnectionSpec


@dataclass(frozen=True, slots=True)
class ReachedHost:
    """A host, the connection to it and the user to become there, by its variables and the command line.

    Attributes:
        prefix: where its agent is installed (``stella_agent_prefix``); None for the usual place.
        problem: why its variables make no sense; what else there is means nothing then.
    """

    name: str
    spec: ConnectionSpec
    become: Become | None = None
    prefix: str | None = None
    problem: StellaError | None = None


def reach(run: RunContext, pattern: str, *, prefix: str | None = None) -> Iterator[ReachedHost]:
    """The hosts that a pattern means, with ``--limit``.

    Args:
        prefix: in place of what variables say.

    Raises:
        PatternError: a pattern that is malformed or means nobody.
    """
    hosts = run.inventory.select(pattern)
    if run.options.limit is not None:
        hosts = run.inventory.select(pattern, run.options.limit)
    variables = PlayVariables(
        run.inventory,
        run.options,
        run.templar,
        run.states,
        play_vars={},
        play_name="",
        play_hosts=hosts,
        playbook_dir=Path.cwd(),
        run_id=run.run_id,
    )
    task = Task(name=None, action="meta", args={}, origin=Origin("command line"), inherited=Inherited())
    preparation = Preparation(run, variables, [])
    for host in hosts:
        view = run.templar.lazy(variables.of(host, task))
        try:
            context = preparation.prepare(task, host, host, view, secret=True).context
            own = prefix or _rendered(run, view, "stella_agent_prefix")
        except StellaError as problem:
            yield ReachedHost(host, ConnectionSpec(name=host), problem=problem)
        else:
            yield ReachedHost(host, context.session.spec, context.become, str(own) if own else None)


def _rendered(run: RunContext, view: Any, name: str) -> Any:
    if name not in view:
        return None
    return run.templar.render(SourceText("{{ " + name + " }}", Origin(name)), view)
