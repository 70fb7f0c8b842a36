"""What modules there are and which arguments they take, read from their sources without running them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from stella_ops.content import module_names, module_path
from stella_ops.errors import PlaybookError
from stella_ops.module_folders import ModuleFolders
from stella_ops.module_kind import Kind, module_file
from stella_ops.module_source import NotLiteral, constants, is_own
from stella_ops.origins import Origin


class ModuleSpec(NamedTuple):
    """What a playbook may say to a module or action.

    Attributes:
        name: canonical; see ``module_names.py``.
        arguments: name to description, as the source's ``ARGUMENTS``; None when it takes any.
        free_form: the argument that free-form text stands for, or None when there is no such text.
    """

    name: str
    arguments: Mapping[str, Mapping[str, Any]] | None = None
    free_form: str | None = None


class ModuleIndex(Protocol):
    """Knows modules and actions by their canonical names.

    Attributes:
        rejected: names of modules that nobody is to use; it does not know them.
    """

    rejected: frozenset[str]

    def spec(self, name: str) -> ModuleSpec | None:
        """The module of that name, or None."""
        ...

    def is_ours(self, name: str) -> bool:
        """Whether what does a task of that name is an action or module that ships with stella-ops."""
        ...

    def names(self) -> Iterable[str]:
        """All names."""
        ...

    def add_role(self, folder: Path) -> None:
        """Look for modules in a role, too."""
        ...


class SourceModuleIndex:
    """The modules found by ``stella_ops.content``, and the given actions, which come first.

    Args:
        extra_folders: folders of modules searched before the built-in one.
        actions: actions by name.
        rejected: names that are not known here.
    """

    def __init__(
        self,
        extra_folders: Sequence[Path] = (),
        actions: Mapping[str, ModuleSpec] | None = None,
        rejected: frozenset[str] = frozenset(),
    ) -> None:
        self.rejected = rejected
        self._extra = extra_folders
        self._actions = {} if actions is None else actions
        self._specs: dict[tuple[str, int], ModuleSpec | None] = {}

    def spec(self, name: str) -> ModuleSpec | None:
        """The action or module of that name, or None.

        Raises:
            PlaybookError: the module's source or its constants cannot be read.
        """
        if name in self.rejected:
            return None
        if name in self._actions:
            return self._actions[name]
        # Roles that are read meanwhile may bring more of them.
        key = (name, len(self._extra))
        if key not in self._specs:
            path = module_path(name, self._extra) if name.replace(".", "_").isidentifier() else None
            self._specs[key] = None if path is None else read_spec(name, path)
        return self._specs[key]

    def is_ours(self, name: str) -> bool:
        """Whether it is one of the actions, or a built-in module."""
        if name in self._actions:
            return True
        path = module_path(name, self._extra) if "." not in name and name.isidentifier() else None
        return path is not None and is_own(path)

    def add_role(self, folder: Path) -> None:
        """Look for modules in a role's ``library``, too."""
        if isinstance(self._extra, ModuleFolders):
            self._extra.add_role(folder)

    def names(self) -> Iterable[str]:
        """The names of all actions and modules, sorted."""
        return sorted({*self._actions, *module_names(self._extra)} - self.rejected)


def read_spec(name: str, path: Path) -> ModuleSpec:
    """The spec that a module's source states in its literal constants ``ARGUMENTS`` and ``FREE_FORM``.

    What modules take that were written for ansible-core, they say only when they run.

    Raises:
        PlaybookError: the source is no Python, or a constant is no literal.
    """
    try:
        if not is_own(path) and module_file(path).kind is not Kind.OWN:
            return ModuleSpec(name)
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
