"""What the options of plug-ins are made of: values as the types that their documentation declares.

As ``ansible.config.manager.ensure_type`` of ansible-core 2.19 does it, whose docstring lists the types.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from decimal import Decimal, DecimalException
from pathlib import Path
from typing import Any

from stella_ops.origins import SourceText, SourceVault
from stella_ops.templating.filters.text import boolean
from stella_ops.templating.plugins.both_errors import OptionWrong


def typed(value: Any, kind: Any, what: str = "an option", choices: Any = None) -> Any:
    """A value as one of an option's type. Text that may be a template stays such; what is encrypted is decrypted.

    Args:
        kind: the type, None for any.
        what: the option, for the message.
        choices: what it may be, by their names; None for all.

    Raises:
        OptionWrong: it cannot be that.
    """
    if value is None:
        return None
    try:
        made = converted(value, kind)
    except ValueError:
        raise OptionWrong(f"{what} of type {kind} cannot be '{value}'") from None
    if choices and any(each not in choices for each in (made if kind == "list" else [made])):
        known = choices if isinstance(choices, str) else ", ".join(map(str, choices))
        raise OptionWrong(f"Invalid value '{made}' for {what}.", hint=f"Valid values are: {known}")
    return made


def converted(value: Any, kind: Any) -> Any:
    """The same, of a type's name alone; a name that is not known takes every value.

    Raises:
        ValueError: it cannot be that.
    """
    if isinstance(value, SourceVault):
        value = value.reveal()
    if value is None or not isinstance(kind, str):
        return value
    try:
        return _converted(value, kind.lower())
    except ValueError:
        raise ValueError(f"Invalid value provided for {kind!r}: {value!r}") from None


def _converted(value: Any, kind: str) -> Any:
    match kind:
        case "bool" | "boolean":
            try:
                return boolean(value)
            except Exception:  # what is neither counts as no
                return False
        case "int" | "integer":
            return _whole(value)
        case "float" if isinstance(value, int | float | str):
            return float(value)
        case "list":
            return _listed(value)
        case "dict" | "dictionary" if isinstance(value, Mapping):
            return value
        case "path" if isinstance(value, str):
            return _marked(value, _path(value))
        case "pathspec" | "pathlist":
            parts = value.split(":" if kind == "pathspec" else ",") if isinstance(value, str) else value
            if not isinstance(parts, Sequence) or not all(isinstance(part, str) for part in parts):
                raise ValueError
            return [_marked(value, _path(part.strip())) for part in parts]
        case "temppath" | "tmppath" | "tmp" if isinstance(value, str):
            folder = Path(_path(value))
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return tempfile.mkdtemp(prefix="stella-", dir=folder)
        case "str" | "string" if isinstance(value, str):
            return value
        case "str" | "string" if isinstance(value, int | float | complex):
            return str(value)
        case "none" if value == "None":
            return None
        case "float" | "dict" | "dictionary" | "path" | "temppath" | "tmppath" | "tmp" | "str" | "string" | "none":
            raise ValueError
    return value


def _whole(value: Any) -> int:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | str):
        try:
            exact = Decimal(value)
            if exact == int(exact):
                return int(exact)
        except (DecimalException, OverflowError):
            pass
    raise ValueError


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [_marked(value, _unquoted(part.strip())) for part in value.split(",")]
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return value if isinstance(value, list) else list(value)
    raise ValueError


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[-2] != "\\"
    return text[1:-1] if quoted else text


def _path(text: str) -> str:
    here = os.path.expandvars(text.replace("{{CWD}}", str(Path.cwd())))
    return os.path.normpath(Path.cwd() / Path(here).expanduser())


def _marked(of: Any, text: str) -> str:
    """A text that may be a template where what it was made of may."""
    return SourceText(text, of.origin) if isinstance(of, SourceText) else text
