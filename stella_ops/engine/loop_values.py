"""What a loop's items see of the loop: its variables, and what ``loop_control`` says."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from stella_ops.collections import current
from stella_ops.engine.keyword_values import rendered
from stella_ops.engine.preparation import Preparation
from stella_ops.errors import LoopError, TemplateError, UndefinedVariableError
from stella_ops.origins import origin_of
from stella_ops.playbook.keywords import is_identifier
from stella_ops.playbook.model import Task
from stella_ops.templating.scope import is_template
from stella_ops.templating.templar import Templar


def named(task: Task, view: Mapping[str, Any], templar: Templar) -> Task:
    """A task whose loop's variables templates may name, with those names.

    Raises:
        LoopError: a name that no variable can have, or a template that fails.
    """

    def name_of(keyword: str, written: str) -> str:
        with of_loop(undefined=True):
            return str(rendered(keyword, written, lambda value: templar.render(value, view)))

    if is_template(task.loop_var):
        task = dataclasses.replace(task, loop_var=name_of("loop_var", task.loop_var))
    if task.loop_index_var and is_template(task.loop_index_var):
        task = dataclasses.replace(task, loop_index_var=name_of("index_var", task.loop_index_var))
    if task.loop_var in view:
        current().say(
            f"The loop variable {str(task.loop_var)!r} is already in use.\n"
            "Name another one with `loop_var` in the task's `loop_control`, lest one hides the other."
        )
    if not is_identifier(task.loop_var):
        raise LoopError(f"Invalid variable name {str(task.loop_var)!r}.", where=origin_of(task.loop_var))
    return task


def control(task: Task, view: Mapping[str, Any], prepared: Preparation) -> tuple[float, bool, bool]:
    """``pause`` (seconds), ``extended`` and ``extended_allitems`` of a loop.

    Raises:
        LoopError: one of them is no such thing.
    """
    with of_loop(undefined=True):
        return (
            prepared.number("pause", task.loop_pause, view, 0, whole=False),
            prepared.flag("extended", task.loop_extended, view),
            prepared.flag("extended_allitems", task.loop_extended_allitems, view, True),
        )


@contextlib.contextmanager
def of_loop(*, undefined: bool = False) -> Iterator[None]:
    """Templates that fail in here are a loop's, and not its task's.

    Args:
        undefined: so are variables that are not there, which a task's own condition may guard against else.

    Raises:
        LoopError: in their place.
    """
    try:
        yield
    except LoopError:
        raise
    except TemplateError as problem:
        if isinstance(problem, UndefinedVariableError) and not undefined:
            raise
        raise LoopError(problem.message, where=problem.where, hint=problem.advice()) from problem


def of_item(task: Task, index: int, item: Any, loop: dict[str, Any] | None) -> dict[str, Any]:
    """The variables of a loop's item."""
    extra: dict[str, Any] = {task.loop_var: item, "ansible_loop_var": task.loop_var}
    if loop is not None:
        extra["ansible_loop"] = loop
    if task.loop_index_var:
        extra[task.loop_index_var] = index
        extra["ansible_index_var"] = task.loop_index_var
    return extra


def extended(items: list[Any], index: int, all_items: bool) -> dict[str, Any]:
    """``ansible_loop``: where in the loop an item is, with ``loop_control: extended``."""
    count = len(items)
    made: dict[str, Any] = {
        "index": index + 1,
        "index0": index,
        "first": index == 0,
        "last": index + 1 == count,
        "length": count,
        "revindex": count - index,
        "revindex0": count - index - 1,
    }
    if all_items:
        made["allitems"] = items
    if index + 1 < count:
        made["nextitem"] = items[index + 1]
    if index:
        made["previtem"] = items[index - 1]
    return made
