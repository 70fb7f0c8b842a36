"""What users' plug-ins change in their own modules, which does not outlive the task.

ansible-core runs each task in a process of its own: a filter that sets an option in a table of its module does so for
one task, and its authors have never seen another.
"""

from __future__ import annotations

import contextlib
import copy
from types import ModuleType
from typing import Any

from stella_ops.templating.lazy import INERT

_CONTAINERS = (dict, list, set)

_loaded: dict[str, tuple[ModuleType, dict[str, tuple[Any, Any]]]] = {}
_ran = False


def watch(module: ModuleType) -> None:
    """Remember the containers and plain values of a module that has just been loaded."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, value in vars(module).items():
        if name.startswith("__"):
            continue
        if type(value) in INERT:
            found[name] = value, value
        elif type(value) in _CONTAINERS:
            with contextlib.suppress(Exception):  # it holds what cannot be copied: a lock, a connection
                found[name] = value, copy.deepcopy(value)
    _loaded[module.__name__] = module, found


def ran() -> None:
    """Say that a plug-in runs."""
    global _ran
    _ran = True


def renew() -> None:
    """A task begins: what is remembered is as it was loaded."""
    global _ran
    if not _ran:
        return
    _ran = False
    for module, found in _loaded.values():
        for name, (value, first) in found.items():
            if getattr(module, name, None) is not value:
                setattr(module, name, value)
            if type(value) in _CONTAINERS and value != first:
                value.clear()
                fresh = copy.deepcopy(first)
                value.extend(fresh) if isinstance(value, list) else value.update(fresh)


def forget() -> None:
    """No plug-ins are loaded any more."""
    _loaded.clear()
