"""What modules there are and which arguments they take, read from their sources without running them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from stella_ops.content import module_names, module_path
from stella_ops.errors import PlaybookError
from stella_ops.module_source import NotLiteral, constants
from stella_ops.origins import Origin


class ModuleSpec(NamedTuple):
    """What a playbook may say to a module or action.

    Attributes:
        arguments: name to description, as the source's ``ARGUMENTS``; None when it takes any.
        free_form: the argument that free-form text stands for, or None when there is no such text.
    """

    name: str
    arguments: Mapping[str, Mapping[str, Any]] | None = None
    free_form: str | None = None


class ModuleIndex(Protocol):
    """Knows modules and actions by their short names."""

    def spec(self, name: str) -> ModuleSpec | None:
        """The module of that name, or None."""
        ...

    def names(self) -> Iterable[str]:
        """All names."""
        ...


class SourceModuleIndex:
    """The modules found by ``stella_ops.content``, and the given actions, which come first.

    Args:
        extra_folders: folders of modules searched before the built-in one.
        actions: actions by name.
    """

    def __init__(self, extra_folders: Sequence[Path] = (), actions: Mapping[str, ModuleSpec] | None = None) -> None:
        self._extra = tuple(extra_folders)
        self._actions = {} if actions is None else actions
        self._specs: dict[str, ModuleSpec | None] = {}

    def spec(self, name: str) -> ModuleSpec | None:
        """The action or module of that name, or None.

        Raises:
            PlaybookError: the module's source or its constants cannot be read.
        """
        if name in self._actions:
            return self._actions[name]
        if name not in self._specs:
            path = module_path(name, self._extra) if name.isidentifier() else None
            self._specs[name] = None if path is None else read_spec(name, path)
        return self._specs[name]

    def names(self) -> Iterable[str]:
        """The names of all actions and modules, sorted."""
        return sorted({*self._actions, *module_names(self._extra)})


def read_spec(name: str, path: Path) -> ModuleSpec:
    """The spec that a module's source states in its literal constants ``ARGUMENTS`` and ``FREE_FORM``.

    Raises:
        PlaybookError: the source is no Python, or a constant is no literal.
    """
    try:
        found = constants(path)
    except SyntaxError as problem:
        raise PlaybookError(
            f"the module '{name}' is not valid Python: {problem.msg}",
            where=Origin(str(path), problem.lineno or 0),
        ) from None
    except NotLiteral as problem:
        raise PlaybookError(str(problem), where=Origin(str(path), problem.line)) from None
    except (OSError, ValueError) as problem:
        raise PlaybookError(f"the module '{name}' cannot be read: {problem}", where=Origin(str(path))) from None
    arguments = found.get("ARGUMENTS")
    if arguments is not None and not isinstance(arguments, dict):
        raise PlaybookError(f"ARGUMENTS of the module '{name}' must be a dict", where=Origin(str(path)))
    return ModuleSpec(name, arguments, found.get("FREE_FORM"))
