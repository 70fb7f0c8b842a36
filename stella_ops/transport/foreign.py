"""What travels with a module that others wrote for ansible-core; ``remote/lib/foreign.py`` runs it on the host.

Of the ``ansible.module_utils`` that it imports, those of the user's own are sent as they are, and all others are
answered by ours, which travel like other library files. Of the collection that a module comes from, and of others, what
it imports of their ``module_utils`` is sent.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stella_ops.collections import current
from stella_ops.collections.moved import moved_to
from stella_ops.collections.reference import parse
from stella_ops.collections.resolving import explain
from stella_ops.collections.runtime import Routing
from stella_ops.errors import TaskError
from stella_ops.module_kind import Kind, module_file
from stella_ops.transport.bytecode import Unit, pack

if TYPE_CHECKING:
    from stella_ops.transport.base import ModuleCall

FOREIGN = "stella_ops.remote.lib.foreign"
_OURS = "stella_ops.remote.lib.module_utils"
_OUR_FOLDER = Path(__file__).parent.parent / "remote" / "lib" / "module_utils"
_UTILS = "ansible.module_utils"
_COLLECTIONS = "ansible_collections"
# What runs a module in Python needs these itself.
_ALWAYS = ("basic",)


class Foreign(NamedTuple):
    """A module for ansible-core.

    Attributes:
        libs: library files of ours that answer its imports.
        utils: the user's own ``module_utils`` that it imports, and those of collections, by their full names; a
            package's file as ``….__init__``.
        package: of Python, that it lies in where it is a collection's.
        aliases: names of ``module_utils`` that other names answer for.
    """

    name: str
    path: Path
    kind: Kind
    libs: tuple[str, ...] = ()
    utils: Mapping[str, Unit] = {}
    package: str | None = None
    aliases: Mapping[str, str] = {}


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
    reference = parse(name)
    package = None
    if reference is not None:
        package = ".".join((_COLLECTIONS, reference.collection, "plugins", "modules", *reference.folders))
    search = _Search(folders, f"{package or 'ansible.legacy'}.{path.stem}")
    search.follow(source, path, f"{package}.{path.stem}" if package else _UTILS + ".basic", False)
    libs = tuple(dict.fromkeys(f"{_OURS}.{lib}" for lib in (*_ALWAYS, *search.libs)))
    return Foreign(name, path, kind, libs, search.utils, package, search.aliases)


def foreign_request(foreign: Foreign, call: ModuleCall) -> dict[str, Any]:
    """The part of a task that is about such a module."""
    return {
        "name": foreign.name,
        "file": foreign.path.name,
        "kind": foreign.kind.value,
        "utils": {name: unit.key for name, unit in foreign.utils.items()},
        "package": foreign.package,
        "aliases": dict(foreign.aliases),
        "interpreter": call.told.get("interpreter"),
        "version": call.told.get("version"),
        "told": call.told.get("settings") or {},
    }


class _Search:
    """Follows imports of ``ansible.module_utils`` and of the ``module_utils`` of collections.

    Args:
        folders: with the user's own ``module_utils``.
        whose: the module's name in errors.
    """

    def __init__(self, folders: Sequence[Path], whose: str) -> None:
        self._folders = folders
        self._whose = whose
        self.libs: dict[str, None] = {}
        self.utils: dict[str, Unit] = {}
        self.aliases: dict[str, str] = {}

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
        found = self._take(module) if module not in (_UTILS, _COLLECTIONS) else True
        # Of a package's names some are modules.
        deeper = [self._take(f"{module}.{each}") for each in names]
        if not found and must and not any(deeper):
            hint = "module_utils of your own go into a folder 'module_utils' beside the playbook or in the role"
            parts = module.split(".")
            if parts[0] == _COLLECTIONS and len(parts) > 4:
                hint = explain(current(), parts[4], ".".join([*parts[1:3], *(parts[5:] or names or ["*"])])) or hint
            looked = [*(f"{module}.{each}" for each in names), module]
            raise TaskError(
                f"Task failed: Could not find imported module support code for {self._whose}. Looked for ({looked})",
                hint=f"{path} imports it; {hint}",
            )

    def _take(self, full: str) -> bool:
        if full in self.utils or f"{full}.__init__" in self.utils or full in self.aliases:
            return True
        if full.startswith(f"{_COLLECTIONS}."):
            return self._take_collected(full)
        short = full.removeprefix(f"{_UTILS}.")
        if short.startswith("six.moves"):
            short = "six"
        if short in self.libs:
            return True
        relative = short.replace(".", "/")
        for folder in self._folders:
            if self._take_file(full, folder / relative):
                return True
        for candidate in (f"{relative}.py", f"{relative}/__init__.py"):
            if (_OUR_FOLDER / candidate).is_file():
                self.libs[short] = None
                return True
        moved = moved_to("module_utils", short)
        if moved is None:
            return False
        namespace, collection, rest = moved.split(".", 2)
        other = f"{_COLLECTIONS}.{namespace}.{collection}.plugins.module_utils.{rest}"
        return current().get(f"{namespace}.{collection}") is not None and self._alias(full, other)

    def _take_collected(self, full: str) -> bool:
        parts = full.split(".")
        if len(parts) < 5 or parts[3] != "plugins":
            return True  # folders, up to those of plug-ins
        if parts[1:3] == ["ansible", "builtin"]:
            return len(parts) == 5 or self._alias(full, ".".join([_UTILS, *parts[5:]]))
        found = current().get(".".join(parts[1:3]))
        if found is None:
            return False
        if len(parts) == 5:
            return (found.folder.joinpath(*parts[3:]) / "__init__.py").is_file()
        said = found.runtime.of(parts[4], ".".join(parts[5:]))
        if said.tombstone is not None or said.deprecation is not None:
            self._tell_of_removal(full, found.name, said)
        redirect = found.redirected_import(full)
        if redirect is not None:
            return self._alias(full, redirect)
        return self._take_file(full, found.folder.joinpath(*parts[3:]))

    @staticmethod
    def _tell_of_removal(full: str, collection: str, said: Routing) -> None:
        removal = said.tombstone or said.deprecation
        assert removal is not None
        text = f"module_util {full} has been removed{f' ({removal.text})' if removal.text else ''}."
        text += f" {removal.sentence(collection, done=said.tombstone is not None)}"
        if said.tombstone is not None:
            raise TaskError(text)
        current().say(text, deprecated=True)

    def _alias(self, full: str, other: str) -> bool:
        self.aliases[full] = other
        self._packages(full)
        return self._take(other)

    def _take_file(self, full: str, place: Path) -> bool:
        """Take the module or package that lies at a place, without its ending."""
        for path, key in ((place / "__init__.py", f"{full}.__init__"), (place.with_name(f"{place.name}.py"), full)):
            if path.is_file():
                self._own(path, key, full)
                return True
        return place.is_dir()

    def _own(self, path: Path, key: str, full: str) -> None:
        source = path.read_bytes()
        unit = f"{key}@{hashlib.sha256(source).hexdigest()[:16]}"
        self.utils[key] = Unit(unit, pack(unit, source, f"module_utils/{path.name}"))
        self._packages(full)
        self.follow(source, path, full, key.endswith(".__init__"))

    def _packages(self, full: str) -> None:
        """The packages that a module lies in come along."""
        parent = full.rpartition(".")[0]
        if parent.startswith((f"{_UTILS}.", f"{_COLLECTIONS}.")):
            self._take(parent)


def _imported(tree: ast.Module, name: str, is_package: bool) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Imports of what is sent along: module, names taken from it, whether nothing works without."""
    tried = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.Try) for inner in ast.walk(node)}
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        must = id(node) in top and id(node) not in tried
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith((_UTILS + ".", _COLLECTIONS + ".")):
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
            if module == _UTILS or module.startswith((_UTILS + ".", _COLLECTIONS + ".")):
                yield module, taken, must
