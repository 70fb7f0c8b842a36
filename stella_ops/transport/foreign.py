"""What travels with a module that others wrote for ansible-core; ``remote/lib/foreign.py`` runs it on the host.

Of the ``ansible.module_utils`` that it imports, those of the user's own are sent as they are, and all others are
answered by ours, which travel like other library files.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stella_ops.errors import TaskError
from stella_ops.module_kind import Kind, module_file
from stella_ops.transport.bytecode import Unit, pack

if TYPE_CHECKING:
    from stella_ops.transport.base import ModuleCall

FOREIGN = "stella_ops.remote.lib.foreign"
_OURS = "stella_ops.remote.lib.module_utils"
_OUR_FOLDER = Path(__file__).parent.parent / "remote" / "lib" / "module_utils"
_UTILS = "ansible.module_utils"
# What runs a module in Python needs these itself.
_ALWAYS = ("basic",)


class Foreign(NamedTuple):
    """A module for ansible-core.

    Attributes:
        libs: library files of ours that answer its imports.
        utils: the user's own ``module_utils`` that it imports, by their names; a package's file as ``….__init__``.
    """

    name: str
    path: Path
    kind: Kind
    libs: tuple[str, ...] = ()
    utils: Mapping[str, Unit] = {}


def read_foreign(name: str, path: Path, source: bytes, folders: Sequence[Path]) -> Foreign | None:
    """What a module for ansible-core needs; None where it is one of ours.

    Args:
        folders: with the user's own ``module_utils``.

    Raises:
        TaskError: it is for Windows, no Python, or imports what is nowhere.
    """
    kind = module_file(path).kind
    if kind is Kind.OWN:
        return None
    if kind is Kind.POWERSHELL:
        raise TaskError(f"the module '{name}' is for Windows, which is not supported", where=str(path))
    if kind is not Kind.PYTHON:
        return Foreign(name, path, kind)
    search = _Search(folders)
    search.follow(source, path, _UTILS + ".basic", False)
    libs = [*_ALWAYS, *search.libs]
    return Foreign(name, path, kind, tuple(dict.fromkeys(f"{_OURS}.{lib}" for lib in libs)), search.utils)


def foreign_request(foreign: Foreign, call: ModuleCall) -> dict[str, Any]:
    """The part of a task that is about such a module."""
    return {
        "name": foreign.name,
        "file": foreign.path.name,
        "kind": foreign.kind.value,
        "utils": {name: unit.key for name, unit in foreign.utils.items()},
        "interpreter": call.told.get("interpreter"),
        "version": call.told.get("version"),
        "told": call.told.get("settings") or {},
    }


class _Search:
    """Follows imports of ``ansible.module_utils``."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self.libs: dict[str, None] = {}
        self.utils: dict[str, Unit] = {}

    def follow(self, source: bytes, path: Path, name: str, is_package: bool) -> None:
        """Find what some source imports, and what that imports in its turn.

        Args:
            name: of the source, by which relative imports are meant.
        """
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError) as problem:
            line = getattr(problem, "lineno", None) or 0
            raise TaskError(f"{path}:{line}: not valid Python: {getattr(problem, 'msg', problem)}") from None
        for module, names, must in _imported(tree, name, is_package):
            self._need(module, names, must, path)

    def _need(self, module: str, names: tuple[str, ...], must: bool, path: Path) -> None:
        short = module[len(_UTILS) + 1 :]
        found = self._take(short) if short else True
        # Of a package's names some are modules.
        deeper = [self._take(f"{short}.{each}" if short else each) for each in names]
        if not found and must and not any(deeper):
            raise TaskError(
                f"the module file {path} imports '{module}', which is nowhere",
                hint="module_utils of your own go into a folder 'module_utils' beside the playbook or in the role",
            )

    def _take(self, short: str) -> bool:
        if short.startswith("six.moves"):
            short = "six"
        full = f"{_UTILS}.{short}"
        if full in self.utils or f"{full}.__init__" in self.utils or short in self.libs:
            return True
        relative = short.replace(".", "/")
        for folder in self._folders:
            for candidate, key in ((f"{relative}/__init__.py", f"{full}.__init__"), (f"{relative}.py", full)):
                path = folder / candidate
                if path.is_file():
                    self._own(path, key, full)
                    return True
            if (folder / relative).is_dir():
                return True
        for candidate in (f"{relative}.py", f"{relative}/__init__.py"):
            if (_OUR_FOLDER / candidate).is_file():
                self.libs[short] = None
                return True
        return False

    def _own(self, path: Path, key: str, full: str) -> None:
        source = path.read_bytes()
        unit = f"{key}@{hashlib.sha256(source).hexdigest()[:16]}"
        self.utils[key] = Unit(unit, pack(unit, source, f"module_utils/{path.name}"))
        # The packages that it lies in come along.
        parent = full.rpartition(".")[0]
        if parent != _UTILS:
            self._take(parent[len(_UTILS) + 1 :])
        self.follow(source, path, full, key.endswith(".__init__"))


def _imported(tree: ast.Module, name: str, is_package: bool) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Imports of ``ansible.module_utils``: module, names taken from it, whether nothing works without."""
    tried = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.Try) for inner in ast.walk(node)}
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        must = id(node) in top and id(node) not in tried
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith(_UTILS + "."):
                    yield alias.name, (), must
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                parts = name.split(".")
                kept = len(parts) - node.level + (1 if is_package else 0)
                module = ".".join([*parts[:kept], *([node.module] if node.module else [])])
            taken = tuple(alias.name for alias in node.names)
            if module == "ansible" and "module_utils" in taken:
                continue
            if module == _UTILS or module.startswith(_UTILS + "."):
                yield module, taken, must
