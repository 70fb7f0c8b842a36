"""Options that a plug-in's documentation declares: which there are, what each is, and where that comes from."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from stella_ops.collections import current
from stella_ops.collections.fragments import with_fragments
from stella_ops.module_source import assigned_text
from stella_ops.origins import Origin, SourceText
from stella_ops.templating.lazy import finalize
from stella_ops.templating.plugins.configured import written
from stella_ops.templating.plugins.option_types import typed


class Chosen(NamedTuple):
    """What an option is; ``origin`` is ``var: NAME``, ``env: NAME``, ``ini: SECTION.KEY`` or ``default``."""

    value: Any
    origin: str


def declared(documentation: Any) -> dict[str, Any]:
    """The options that a plug-in's ``DOCUMENTATION`` declares, by name; none where it is no such text."""
    if not isinstance(documentation, str):
        return {}
    try:
        return with_fragments(current(), yaml.safe_load(documentation) or {})
    except (yaml.YAMLError, AttributeError):
        return {}


def declared_in(path: Path) -> dict[str, Any]:
    """The same of a plug-in's file, which is not run."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    return declared(assigned_text(tree, "DOCUMENTATION"))


def elsewhere(said: Mapping[str, Any], variables: Any) -> Chosen | None:
    """What an option is by a variable, else by the environment, else by ``ansible.cfg``."""
    for entry in reversed(said.get("vars") or []):
        if variables is not None and entry.get("name") in variables:
            return Chosen(finalize(variables[entry["name"]]), f"var: {entry['name']}")
    for entry in reversed(said.get("env") or []):
        if entry.get("name") in os.environ:
            name = str(entry["name"])
            return Chosen(SourceText(os.environ[name], Origin(f"the environment's {name}")), f"env: {name}")
    for entry in reversed(said.get("ini") or []):
        found = written(str(entry.get("section")), str(entry.get("key")))
        if found is not None:
            return Chosen(found, f"ini: {entry.get('section')}.{entry.get('key')}")
    return None


def chosen(said: Mapping[str, Any], variables: Any = None) -> Chosen:
    """The same, else its default.

    Raises:
        OptionWrong: what is written is not of the option's type.
    """
    found = elsewhere(said, variables) or Chosen(said.get("default"), "default")
    return found._replace(value=typed(found.value, said.get("type")))
