"""What the source of a module or an action says of itself, read without running it: constants and imports.

Parsing Python costs more than anything else that is done with a module here (50 ms for ``copy`` and the library files
it imports, when each who asks parses them), so of files that ship with stella-ops only the statements that matter are
cut out and parsed. A test compares that with the whole tree for every one of them; a user's modules are parsed whole.

What modules have in common stands in the library: a constant may take in another one by ``**NAME`` where NAME is
imported from ``stella_ops.remote``, and is a literal there.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

CONSTANTS = ("ARGUMENTS", "FREE_FORM", "SUPPORTS_CHECK")

_OWN = (Path(__file__).parent, Path(__file__).parent.parent / "modules")
# A constant begins at the start of a line, and ends before the next line that begins with anything but a bracket.
_STATEMENT = r"^(?:{})\b[^\n]*(?:\n(?:[ \t)\]}}#][^\n]*)?)*"
_CONSTANT = re.compile(_STATEMENT.format("|".join(CONSTANTS)), re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*((?:from|import)[ \t]+stella_ops\.(?:[^\n(]*\([^)]*\)|[^\n]*))", re.MULTILINE)


class NotLiteral(ValueError):
    """A constant is more than literals, its own and the library's; ``name`` and ``line`` say which."""

    def __init__(self, name: str, line: int) -> None:
        super().__init__(f"{name} must be written as a literal")
        self.name = name
        self.line = line


def assigned_text(tree: ast.Module, name: str) -> str | None:
    """The text that a file assigns to a name at its top level; None where there is none, or no literal."""
    for node in tree.body:
        named = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in named):
            value = getattr(node, "value", None)
            return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
    return None


def constants(path: Path) -> Mapping[str, Any]:
    """Those of ``CONSTANTS`` that a file has at its top level; read once as long as it does not change.

    Raises:
        OSError: the file cannot be read.
        SyntaxError: it is no Python.
        NotLiteral: the value of a constant would have to be computed.
        ValueError: it is no text.
    """
    about = path.stat()
    return _constants(path, about.st_mtime_ns, about.st_size)


class Import(NamedTuple):
    """An absolute import. ``nested`` tells one that is done only when a function, or a branch, comes to it."""

    module: str
    names: tuple[str, ...]
    nested: bool


def imports(source: bytes, *, own: bool) -> Iterator[Import]:
    """The absolute imports of some source at any depth: a module, and the names that are taken from it.

    Args:
        own: the source ships with stella-ops; only imports of ``stella_ops`` are of interest then.

    Raises:
        SyntaxError: it is no Python.
    """
    if own:
        text = source.decode("utf-8")
        found = list(_IMPORT.finditer(text))
        tree = _cut_out(_IMPORT, text)
        if tree is not None and len(tree.body) == len(found):
            for match, node in zip(found, tree.body, strict=True):
                yield from _of(node, nested=match.start(1) != match.start())
            return
    whole = ast.parse(source)
    top = set(map(id, whole.body))
    for each in ast.walk(whole):
        yield from _of(each, nested=id(each) not in top)


def _of(node: ast.AST, *, nested: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, (), nested)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield Import(node.module, tuple(alias.name for alias in node.names), nested)


def is_own(path: Path) -> bool:
    """Whether a file ships with stella-ops."""
    return any(folder in path.parents for folder in _OWN)


@functools.lru_cache(maxsize=1024)
def _constants(path: Path, _changed: int, _size: int) -> Mapping[str, Any]:
    text = path.read_text(encoding="utf-8")
    tree = _cut_out(_CONSTANT, text) if is_own(path) else None
    found: dict[str, Any] = {}
    for node in (tree or ast.parse(text)).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = [target.id for target in targets if isinstance(target, ast.Name) and target.id in CONSTANTS]
        value = getattr(node, "value", None)
        if not names or value is None:
            continue
        try:
            literal = _value(value, text, own=tree is not None)
        except ValueError:
            raise NotLiteral(names[0], node.lineno) from None
        for name in names:
            found.setdefault(name, literal)
    return found


def _value(node: ast.expr, text: str, *, own: bool) -> Any:
    """A literal, which may take in dictionaries of the library; raises ValueError when it is more than that."""
    if not isinstance(node, ast.Dict) or None not in node.keys:
        return ast.literal_eval(node)
    homes = {name: found.module for found in imports(text.encode(), own=own) for name in found.names}
    whole: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is not None:
            whole[ast.literal_eval(key)] = ast.literal_eval(value)
        elif isinstance(value, ast.Name) and homes.get(value.id, "").startswith("stella_ops.remote."):
            whole.update(_of_the_library(homes[value.id], value.id))
        else:
            raise ValueError
    return whole


@functools.cache
def _of_the_library(module: str, name: str) -> Mapping[str, Any]:
    """A dictionary of ours that modules take in."""
    text = _OWN[0].joinpath(*module.split(".")[1:]).with_suffix(".py").read_text(encoding="utf-8")
    tree = _cut_out(re.compile(_STATEMENT.format(re.escape(name)), re.MULTILINE), text)
    for node in tree.body if tree is not None else []:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            value: Mapping[str, Any] = ast.literal_eval(node.value)
            return value
    raise ValueError


def _cut_out(wanted: re.Pattern[str], text: str) -> ast.Module | None:
    """The statements that a pattern finds; None when it cut wrongly."""
    try:
        return ast.parse("\n".join(match[match.lastindex or 0] for match in wanted.finditer(text)))
    except SyntaxError:
        return None
