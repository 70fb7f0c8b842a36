"""``module_defaults``: which of them are for a module. See "Module defaults" in ansible-core's documentation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stella_ops import collections as installed
from stella_ops.collections import groups
from stella_ops.errors import CollectionError
from stella_ops.playbook.module_index import ModuleIndex
from stella_ops.playbook.module_names import canonical

_GROUP = "group/"


class ModuleDefaults:
    """Chooses among the levels of a task.

    Args:
        modules: what modules there are.
    """

    def __init__(self, modules: ModuleIndex) -> None:
        self._modules = modules
        self._meant = functools.cache(self._find)

    def of(self, action: str, levels: Iterable[Any], render: Callable[[Any], Any]) -> dict[str, Any]:
        """The arguments for a module, rendered; as written where they are only what its name stands for.

        Of one name the innermost level counts, whole; a module's own come before those of groups it is in.

        Args:
            action: canonical.
            levels: mappings, or templates of them, the outermost first.

        Raises:
            CollectionError: a group that there is not.
            StellaError: a template fails.
        """
        chosen: dict[str, Any] = {}
        for level in levels:
            for name, args in ((render(level) if isinstance(level, str) else level) or {}).items():
                key = str(name)
                if key.startswith(_GROUP):
                    chosen[key] = args
                elif action in self._meant(key):
                    chosen[""] = args
        made: dict[str, Any] = {}
        own = chosen.pop("", None)
        for key, args in chosen.items():
            if action in self._meant(key):
                made.update(_arguments(args, render))
        made.update(_arguments(own, render))
        return made

    def _find(self, key: str) -> frozenset[str]:
        """The canonical names that a key stands for."""
        if not key.startswith(_GROUP):
            return frozenset({self._canonical(key)})
        members = groups.actions(installed.current(), key.removeprefix(_GROUP))
        return frozenset(self._canonical(name) for name in members)

    def _canonical(self, name: str) -> str:
        try:
            return canonical(name, self._modules)
        except CollectionError:
            return name  # a task that names it is told


def _arguments(args: Any, render: Callable[[Any], Any]) -> Mapping[str, Any]:
    args = render(args) if isinstance(args, str) else args
    return args if isinstance(args, Mapping) else {}
