"""The code that travels to hosts: module sources and the library files they import.

Sources are read, compressed and hashed once for all hosts. A module is known on the host by its name and the
hash of its content, so that an edited module is another module; library files belong to this installation and
are known by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from stella_ops import content
from stella_ops.errors import TaskError
from stella_ops.module_source import imports, is_own
from stella_ops.spelling import did_you_mean
from stella_ops.transport.bytecode import Unit, pack
from stella_ops.transport.foreign import FOREIGN, Foreign, read_foreign

_LIB = "stella_ops.remote.lib"
_LIB_FOLDER = Path(content.__file__).parent / "remote" / "lib"

# The runner itself needs this one to run any module at all.
_ALWAYS = f"{_LIB}.task"


class ModuleCode(NamedTuple):
    """A module with the library files it needs, in the order they can be imported.

    ``at_once`` names those that it imports as soon as it is loaded; the others wait until a function asks for them.
    ``builtin`` tells our own from a user's: of ours it is known what they leave behind in their process.
    """

    name: str
    unit: Unit
    libs: tuple[Unit, ...]
    at_once: frozenset[str] = frozenset()
    builtin: bool = False
    foreign: Foreign | None = None

    @property
    def lib_names(self) -> list[str]:
        """The library files that are imported before the module, in order."""
        return [name for name in self._names() if name in self.at_once]

    @property
    def later_names(self) -> list[str]:
        """The library files that have to be there for the day that a function of it imports them."""
        return [name for name in self._names() if name not in self.at_once]

    def units(self) -> Iterator[Unit]:
        """All code that the host needs for it, in the order it can be taken in."""
        yield from self.libs
        if self.foreign is not None:
            yield from self.foreign.utils.values()
        yield self.unit

    def _names(self) -> list[str]:
        return [lib.key.removesuffix(".__init__") for lib in self.libs]


class CodeLibrary:
    """Finds module code by name, a user's ``modules/`` folders first. One instance serves a whole run."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = folders
        self._modules: dict[tuple[str, int], ModuleCode] = {}
        self._libs: dict[str, tuple[Unit, dict[str, bool]]] = {}

    def module(self, name: str) -> ModuleCode:
        """The code of a module.

        Raises:
            TaskError: there is no such module, it is no Python, or it imports a library file that is not there.
        """
        # Roles that are read meanwhile may bring others.
        key = (name, len(self._folders))
        known = self._modules.get(key)
        if known is None:
            known = self._modules[key] = self._load(name)
        return known

    def _load(self, name: str) -> ModuleCode:
        path = content.module_path(name, self._folders)
        if path is None:
            raise TaskError(
                f"there is no module '{name}'",
                hint=did_you_mean(name, content.module_names(self._folders)),
            )
        source = path.read_bytes()
        digest = hashlib.sha256(source).hexdigest()[:16]
        order: dict[str, None] = {}
        foreign = None if is_own(path) else read_foreign(name, path, source, getattr(self._folders, "utils", ()))
        if foreign is None:
            needed = {_ALWAYS: False, **_imports(source, str(path), own=is_own(path))}
        else:
            needed = {_ALWAYS: False, FOREIGN: False}
            for lib in foreign.libs:
                needed.update(_with_packages(lib, False))
        for lib in needed:
            self._collect(lib, order, set(), path)
        at_once: set[str] = set()
        self._follow((lib for lib, nested in needed.items() if not nested), at_once)
        return ModuleCode(
            name=name,
            unit=Unit(f"{name}@{digest}", pack(f"{name}@{digest}", source, f"modules/{name}.py")),
            libs=tuple(self._libs[lib][0] for lib in order),
            at_once=frozenset(at_once),
            builtin=content.builtin_folder("modules") in path.parents,
            foreign=foreign,
        )

    def _collect(self, lib: str, order: dict[str, None], visiting: set[str], wanted_by: Path) -> None:
        """Puts a library file into the order, after what it imports; a circle is entered only once."""
        if lib in order or lib in visiting:
            return
        visiting.add(lib)
        if lib not in self._libs:
            key, source = _lib_source(lib, wanted_by)
            self._libs[lib] = (Unit(key, pack(key, source, key, lean=True)), _imports(source, lib, own=True))
        for needed in self._libs[lib][1]:
            self._collect(needed, order, visiting, wanted_by)
        order[lib] = None

    def _follow(self, libs: Iterable[str], found: set[str]) -> None:
        """Library files, and those that come with them when they are imported."""
        for lib in libs:
            if lib not in found:
                found.add(lib)
                self._follow((needed for needed, nested in self._libs[lib][1].items() if not nested), found)


def _lib_source(lib: str, wanted_by: Path) -> tuple[str, bytes]:
    """A library file's source, and its name on the host, where a package is known as ``….__init__``."""
    relative = lib.removeprefix(_LIB + ".").replace(".", "/")
    for candidate, key in ((f"{relative}.py", lib), (f"{relative}/__init__.py", f"{lib}.__init__")):
        found = _LIB_FOLDER / candidate
        if found.is_file():
            return key, found.read_bytes()
    raise TaskError(
        f"module file {wanted_by} imports '{lib}', which does not exist",
        hint="modules may import the standard library and stella_ops.remote.lib only",
    )


def _with_packages(lib: str, nested: bool) -> dict[str, bool]:
    """A library file, after the packages it lies in: each arrives with its own ``__init__``."""
    parts = lib.split(".")
    return {".".join(parts[:end]): nested for end in range(4, len(parts) + 1)}


def _is_lib(name: str) -> bool:
    relative = name.removeprefix(_LIB + ".").replace(".", "/")
    return (_LIB_FOLDER / f"{relative}.py").is_file() or (_LIB_FOLDER / relative / "__init__.py").is_file()


def _imports(source: bytes, name: str, *, own: bool) -> dict[str, bool]:
    """The library files that some source imports, and whether a function has to run for that."""
    found: dict[str, bool] = {}
    try:
        for module, taken, nested in imports(source, own=own):
            deeper = [f"{module}.{each}" for each in taken]
            for lib in (module, *(d for d in deeper if d.startswith(_LIB + ".") and _is_lib(d))):
                if lib.startswith(_LIB + "."):
                    for part in _with_packages(lib, nested):
                        found[part] = found.get(part, True) and nested
    except SyntaxError as problem:
        raise TaskError(f"{name}:{problem.lineno}: not valid Python: {problem.msg}") from None
    return found
