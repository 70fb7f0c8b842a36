"""What a module's own source says of it, read without running it.

Ours say it in their docstring and ``ARGUMENTS``; modules written for ansible-core in ``DOCUMENTATION``, ``EXAMPLES``
and ``RETURN``, which are YAML in a string.
"""

from __future__ import annotations

import ast
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stella_ops.collections import current
from stella_ops.collections.fragments import with_fragments, with_sections
from stella_ops.errors import PlaybookError
from stella_ops.module_source import NotLiteral, constants

_PARTS = ("DOCUMENTATION", "EXAMPLES", "RETURN", "ANSIBLE_METADATA")


@dataclass(frozen=True, slots=True)
class ModuleDoc:
    """A module's documentation.

    Attributes:
        short: one sentence.
        options: name to description, as argument specifications have it; ``doc`` is text.
        returns: name to description, of modules that say so.
        written: the whole of ``DOCUMENTATION`` of others' modules, with what its fragments add to the options.
        metadata: ``ANSIBLE_METADATA``, where it is there.
    """

    name: str
    path: str
    short: str = ""
    description: tuple[str, ...] = ()
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    examples: str = ""
    returns: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        made = {**asdict(self), "description": list(self.description)}
        return {key: value for key, value in made.items() if key not in ("written", "metadata")}


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
    told = _strings(tree)
    if "DOCUMENTATION" in told:
        return _of_others(name, path, told)
    text = (ast.get_docstring(tree) or "").strip()
    short, _, rest = text.partition("\n")
    try:
        options = dict(constants(path).get("ARGUMENTS") or {})
    except (NotLiteral, TypeError, ValueError):
        options = {}
    description = tuple(part.strip() for part in rest.split("\n\n") if part.strip())
    return ModuleDoc(name, str(path), short, description, options)


def _strings(tree: ast.Module) -> dict[str, Any]:
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id in _PARTS:
                    with suppress(ValueError):  # what is no literal says nothing to a reader
                        found[target.id] = ast.literal_eval(node.value)
    return {name: value for name, value in found.items() if isinstance(value, str) or name == "ANSIBLE_METADATA"}


def _of_others(name: str, path: Path, told: dict[str, Any]) -> ModuleDoc:
    about = _yaml(name, "DOCUMENTATION", told["DOCUMENTATION"])
    returns = _yaml(name, "RETURN", told.get("RETURN", ""))
    options = with_fragments(current(), about)
    metadata = told.get("ANSIBLE_METADATA")
    return ModuleDoc(
        name,
        str(path.resolve()),
        str(about.get("short_description") or ""),
        tuple(_lines(about.get("description"))),
        {str(key): _option(value) for key, value in options.items()},
        told.get("EXAMPLES", ""),
        returns,
        with_sections(current(), about),
        metadata if isinstance(metadata, dict) else None,
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


def _yaml(name: str, part: str, text: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        said = f"module {name} Missing documentation (or could not parse documentation): {part} is not valid YAML"
        error = PlaybookError(f"{said}: {problem}")
        error.exit_code = 1
        raise error from None
    return found if isinstance(found, dict) else {}
