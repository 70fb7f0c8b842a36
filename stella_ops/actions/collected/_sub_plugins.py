"""Plug-ins of a plug-in: what ``ansible.utils`` has in ``plugins/sub_plugins``, and other collections for it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure
from stella_ops.templating.plugins.imports import answered


def load(kind: str, name: str, class_name: str, *, suffix: str = "", failure: str) -> Any:
    """The class of a plug-in.

    Args:
        kind: its folder: ``fact_diff``, ``validate``, ``cli_parser``.
        name: the full one.
        suffix: of its file's name.
        failure: how a failure begins; ``{name}`` stands for the name.

    Raises:
        ActionFailure: there is none, or it cannot be loaded.
    """
    parts = name.split(".")
    if len(parts) != 3:
        raise ActionFailure("Parser name should be provided as a full name including collection")
    module = ".".join(("ansible_collections", *parts[:2], "plugins", "sub_plugins", kind, parts[2] + suffix))
    try:
        with answered():
            return getattr(importlib.import_module(module), class_name)
    except Exception as problem:
        raise ActionFailure(f"{failure.format(name=name)}: {problem}") from None


@contextmanager
def running(what: str) -> Iterator[None]:
    """A plug-in of others works here: what it raises ends the task.

    Raises:
        ActionFailure: it failed.
    """
    try:
        with answered():
            yield
    except ActionFailure:
        raise
    except Exception as problem:
        if type(problem).__name__.startswith("Ansible"):
            raise ActionFailure(str(problem)) from None
        raise ActionFailure(f"Unhandled exception from {what}. Error: {problem}") from None


def to_nobody(*words: Any) -> None:
    """Takes what plug-ins say for those who look for mistakes in them."""


def options_of(context: ActionContext, value: Any, *, what: str, known: tuple[str, ...]) -> dict[str, Any]:
    """An argument that holds options of its own.

    Raises:
        ActionFailure: it is no mapping, or has others.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ActionFailure(
            f"argument '{what}' is of type {type(value).__name__} and we were unable to convert to dict: {value!r}"
        )
    strangers = sorted(str(name) for name in value if name not in known)
    if strangers:
        raise ActionFailure(
            f"{what}: unsupported parameters for ({context.action}) module: {', '.join(strangers)}. "
            f"Supported parameters include: {', '.join(known)}."
        )
    return dict(value)
