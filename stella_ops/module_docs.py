"""What a module's own source says of it, read without running it.

Ours say it in their docstring and ``ARGUMENTS``; modules written for ansible-core in ``DOCUMENTATION``, which is YAML
in a string. ``plugin_docs`` has all that these say, for readers.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stella_ops.collections import current
from stella_ops.collections.fragments import with_fragments
from stella_ops.errors import PlaybookError
from stella_ops.module_source import NotLiteral, assigned_text, constants


@dataclass(frozen=True, slots=True)
class ModuleDoc:
    """A module's documentation.

    Attributes:
        short: one sentence.
        options: name to description, as argument specifications have it; ``doc`` is text.
    """

    name: str
    path: str
    short: str = ""
    description: tuple[str, ...] = ()
    options: dict[str, dict[str, Any]] = field(default_factory=dict)


def read_doc(name: str, path: Path) -> ModuleDoc:
    """The documentation of a module.

    Raises:
        PlaybookError: its source is Python and cannot be parsed, or its YAML cannot.
    """
    data = path.read_bytes()
    if path.suffix != ".py" and not data.startswith(b"#!") and b"DOCUMENTATION" not in data:
        return ModuleDoc(name, str(path))
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError) as problem:
        if path.suffix != ".py":
            return ModuleDoc(name, str(path))
        raise PlaybookError(f"the module '{name}' is not valid Python: {problem}") from None
    written = assigned_text(tree, "DOCUMENTATION")
    if written is not None:
        return _of_others(name, path, written)
    text = (ast.get_docstring(tree) or "").strip()
    short, _, rest = text.partition("\n")
    try:
        options = dict(constants(path).get("ARGUMENTS") or {})
    except (NotLiteral, TypeError, ValueError):
        options = {}
    description = tuple(part.strip() for part in rest.split("\n\n") if part.strip())
    return ModuleDoc(name, str(path), short, description, options)


def _of_others(name: str, path: Path, written: str) -> ModuleDoc:
    about = _yaml(name, written)
    options = with_fragments(current(), about)
    return ModuleDoc(
        name,
        str(path.resolve()),
        str(about.get("short_description") or ""),
        tuple(_lines(about.get("description"))),
        {str(key): _option(value) for key, value in options.items()},
    )


def _option(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    return {
        **{key: each for key, each in value.items() if key != "description"},
        "doc": " ".join(_lines(value.get("description"))),
    }


def _lines(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(each).strip() for each in (value if isinstance(value, list) else [value])]


def _yaml(name: str, text: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        said = (
            f"module {name} Missing documentation (or could not parse documentation): DOCUMENTATION is not valid YAML"
        )
        error = PlaybookError(f"{said}: {problem}")
        error.exit_code = 1
        raise error from None
    return found if isinstance(found, dict) else {}
