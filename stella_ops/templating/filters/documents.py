"""JSON and YAML."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import yaml

from stella_ops.errors import TemplateError
from stella_ops.origins import VaultedText
from stella_ops.templating.lazy import finalize, of_plugin
from stella_ops.templating.undefined import kind_of

_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml breaks lines and quotes as ansible-core does


class _Dumper(_Base):  # type: ignore[misc]
    """Writes what YAML has no type for as text."""


def _represent_vaulted(dumper: Any, value: VaultedText) -> Any:
    if not value.ciphertext:
        return dumper.represent_str(str.__str__(value))
    return dumper.represent_scalar("!vault", value.ciphertext, style="|")


_Dumper.add_multi_representer(object, lambda dumper, value: dumper.represent_str(str(value)))
_Dumper.add_representer(VaultedText, _represent_vaulted)


def to_json(value: Any, **options: Any) -> str:
    """JSON text on one line; options are those of ``json.dumps``."""
    options.pop("vault_to_text", None)
    options.pop("preprocess_unsafe", None)
    options.pop("profile", None)
    return json.dumps(finalize(of_plugin(value)), default=_written, **options)


def _written(value: Any) -> str:
    """What JSON has no type for: a time as by ISO 8601."""
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def to_nice_json(value: Any, indent: int = 4, sort_keys: bool = True, **options: Any) -> str:
    """JSON text with one value a line, keys sorted."""
    for name in ("separators", "vault_to_text", "preprocess_unsafe", "profile"):
        options.pop(name, None)
    plain = finalize(value)
    try:
        return json.dumps(plain, default=_written, indent=indent, sort_keys=sort_keys, **options)
    except TypeError:  # keys of several types have no order
        return json.dumps(plain, default=_written, indent=indent, **options)


def from_json(value: Any, **options: Any) -> Any:
    """The value of a JSON text."""
    options.pop("profile", None)
    if not isinstance(value, str | bytes):
        if value is None or isinstance(value, list | dict | int | float):
            raise TemplateError(f"the JSON object must be str, bytes or bytearray, not {kind_of(value)}")
        return value
    try:
        return json.loads(value, **options)
    except ValueError as problem:
        raise TemplateError(str(problem)) from None


def to_yaml(value: Any, default_flow_style: bool | None = None, **options: Any) -> str:
    """YAML text; innermost collections are written on one line."""
    return _dump(value, default_flow_style=default_flow_style, **options)


def to_nice_yaml(value: Any, indent: int = 4, **options: Any) -> str:
    """YAML text, one value a line."""
    options.setdefault("default_flow_style", False)
    return _dump(value, indent=indent, **options)


def _dump(value: Any, **options: Any) -> str:
    options.setdefault("allow_unicode", True)
    # What was written with !vault is written so again, as ansible-core does, unless dump_vault_tags is false.
    vaulted = bool(options.pop("dump_vault_tags", True))
    # a lone scalar would be followed by "...", which nobody wants inside another file
    text = str(yaml.dump(finalize(value, vaulted=vaulted), Dumper=_Dumper, **options))
    return text if options.get("explicit_end") else text.removesuffix("...\n")


def from_yaml(value: Any) -> Any:
    """The value of a YAML text of one document."""
    return _load(yaml.safe_load, value, "from_yaml")


def from_yaml_all(value: Any) -> Any:
    """The values of the documents of a YAML text."""
    return [] if value is None else _load(lambda text: list(yaml.safe_load_all(text)), value, "from_yaml_all")


def _load(load: Any, value: Any, name: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return load(value)
    except yaml.YAMLError as problem:
        raise TemplateError(str(problem)) from None


FILTERS: dict[str, Callable[..., Any]] = {
    "to_json": to_json,
    "to_nice_json": to_nice_json,
    "from_json": from_json,
    "to_yaml": to_yaml,
    "to_nice_yaml": to_nice_yaml,
    "from_yaml": from_yaml,
    "from_yaml_all": from_yaml_all,
}
