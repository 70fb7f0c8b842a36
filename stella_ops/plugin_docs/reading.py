"""Reads what plug-ins say of themselves, from Python or from a YAML file beside it, without running anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ENDINGS = (".py", ".yml", ".yaml")
_PARTS = {"DOCUMENTATION": "doc", "EXAMPLES": "examples", "RETURN": "return", "ANSIBLE_METADATA": "metadata"}
Told = dict[str, Any]


class Unreadable(ValueError):
    """Documentation that cannot be read."""


def read(path: Path) -> Told:
    """What a file says: ``doc``, ``examples``, ``return`` and ``metadata``, None for what it is silent about.

    Raises:
        Unreadable: it is not valid.
    """
    if path.suffix == ".py":
        return _python(path)
    try:
        loaded = load_yaml_file(path)
    except (OSError, ValueError) as problem:
        raise Unreadable(f"Unable to parse yaml file {path}: {problem}") from None
    said = loaded if isinstance(loaded, Mapping) else {}
    return {part: said.get(name) for name, part in _PARTS.items()}


def _python(path: Path) -> Told:
    told: Told = dict.fromkeys(_PARTS.values())
    try:
        for name, value in assigned(path.read_bytes()):
            if name not in _PARTS:
                continue
            if isinstance(value, ast.Dict):
                told[_PARTS[name]] = ast.literal_eval(value)
            elif not isinstance(value, ast.Constant):
                raise ValueError(f"'{type(value).__name__}' object has no attribute 'value'")
            else:
                told[_PARTS[name]] = str(value.value) if name == "EXAMPLES" else load_yaml(value.value)
    except (OSError, SyntaxError, ValueError) as problem:
        raise Unreadable(f"Unable to parse documentation in python file {str(path)!r}: {problem}") from None
    return told


def assigned(source: bytes) -> Iterator[tuple[str, ast.expr]]:
    """The names that Python assigns to at its outermost level, and what; SyntaxError, ValueError for what is none."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))


def load_yaml(text: Any) -> Any:
    """YAML as plain data; ValueError for what is not valid."""
    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as problem:
        raise ValueError(str(problem)) from None


def load_yaml_file(path: Path) -> Any:
    """The YAML in a file; OSError and ValueError where it cannot be read."""
    with path.open("rb") as file:
        return load_yaml(file)


def summary(path: Path) -> str | None:
    """The short description alone; None where there is none. ValueError for YAML that is not valid."""
    lines: list[str] = []
    inside, indent = False, ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        if not inside:
            inside = line.startswith("DOCUMENTATION") and ("=" in line or ":" in line)
        elif lines:
            if not line.startswith(indent):
                break
            lines.append(line)
        elif line.lstrip().startswith("short_description:"):
            indent = " " * (len(line) - len(line.lstrip()) + 1)
            lines.append(line)
    found = load_yaml("".join(lines).strip().rstrip("."))
    return None if not isinstance(found, Mapping) else str(found["short_description"]).strip()


def stamp(said: Any, collection: str, *, module: bool) -> None:
    """Write down whose versions those in some documentation are, where it does not say so."""
    if not isinstance(said, dict):
        return
    _version(said, collection)
    gone = said.get("deprecated")
    if isinstance(gone, dict) and ("removed_in" in gone or "removed_at_date" in gone):
        gone.setdefault("removed_from_collection", collection)
    _options(said.get("options"), collection, module)
    for about in _values(said.get("attributes")):
        _version(about, collection)


def stamp_returned(said: Any, collection: str) -> None:
    """As ``stamp``, of returned values."""
    for about in _values(said):
        _version(about, collection)
        stamp_returned(about.get("contains"), collection)


def _options(options: Any, collection: str, module: bool) -> None:
    for about in _values(options):
        _version(about, collection)
        if not module:
            _deprecated(about, collection)
            for kind in ("env", "ini", "vars"):
                places = about.get(kind)
                for place in places if isinstance(places, list) else ():
                    if isinstance(place, dict):
                        _version(place, collection)
                        _deprecated(place, collection)
        _options(about.get("suboptions"), collection, module)


def _values(said: Any) -> Sequence[dict[str, Any]]:
    return [each for each in said.values() if isinstance(each, dict)] if isinstance(said, dict) else []


def _version(about: dict[str, Any], collection: str) -> None:
    if "version_added" in about:
        about.setdefault("version_added_collection", collection)


def _deprecated(about: dict[str, Any], collection: str) -> None:
    gone = about.get("deprecated")
    if isinstance(gone, dict) and ("version" in gone or "removed_at_date" in gone):
        gone.setdefault("collection_name", collection)
