"""``-e``: variables from the command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stella_ops.cli.ansible_programs import called_as_ansible
from stella_ops.errors import MissingVariablesError, OptionsError, UsageError
from stella_ops.origins import Origin, SourceText
from stella_ops.source_files import load_yaml, load_yaml_file

_ORIGIN = Origin("--extra-vars")


def parse_extra_vars(values: Sequence[str]) -> dict[str, Any]:
    """All ``-e`` values merged, later ones over earlier ones.

    Raises:
        MissingVariablesError: there is no @file of that name.
        UsageError: text that is neither key=value, nor a YAML mapping, nor @file.
        ParseError: YAML that is malformed.
    """
    merged: dict[str, Any] = {}
    for value in values:
        merged.update(_parse(value))
    return merged


def _parse(value: str) -> dict[str, Any]:
    text = value.strip()
    if text.startswith("@"):
        path = Path(text[1:]).expanduser()
        if not path.is_file():
            raise MissingVariablesError(
                f"Unable to retrieve file contents. Could not find or access '{path.absolute()}'", where="--extra-vars"
            )
        return _mapping(load_yaml_file(path), str(path))
    if text.startswith(("{", "[")):
        return _mapping(_from_json(text) or load_yaml(text, "--extra-vars"), value)
    if "=" not in text and ":" in text:
        return _mapping(load_yaml(text, "--extra-vars"), value)
    try:
        words = shlex.split(text)
    except ValueError as problem:
        raise UsageError(f"-e {value!r}: {problem}", hint="close the quote") from None
    found: dict[str, Any] = {}
    for word in words:
        name, sign, rest = word.partition("=")
        if not sign and called_as_ansible():
            continue
        if not sign or not name.strip():
            raise UsageError(
                f"-e {value!r}: '{word}' is not key=value",
                hint="for values with spaces: -e \"key='a b'\", or JSON",
            )
        found[name.strip()] = SourceText(rest, _ORIGIN)
    return found


def _from_json(text: str) -> Any:
    """The value of JSON text, whose escapes YAML does not all know; None when it is none, or has a key twice."""
    try:
        return _trusted(json.loads(text, object_pairs_hook=_without_duplicates))
    except ValueError:
        return None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _trusted(value: Any) -> Any:
    if isinstance(value, str):
        return SourceText(value, _ORIGIN)
    if isinstance(value, dict):
        return {name: _trusted(item) for name, item in value.items()}
    return [_trusted(item) for item in value] if isinstance(value, list) else value


def _mapping(loaded: Any, name: str) -> dict[str, Any]:
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise OptionsError(
            f"Invalid extra vars data supplied. {name!r} could not be made into a dictionary",
            hint="variables are 'name: value' pairs",
        )
    return loaded
