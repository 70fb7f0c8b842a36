"""An action's arguments by its ``ARGUMENTS``: the same types, aliases and choices as a module's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from stella_ops.actions.base import ActionError, ActionFailure
from stella_ops.booleans import FALSE_WORDS, TRUE_WORDS

# Actions that ansible-core looks at the names of itself, and the modules that refuse what others hand on to them.
_OF_ACTIONS = frozenset(("fail", "group_by", "reboot", "set_stats", "wait_for_connection"))
_LEADS_TO = {
    **{name: f"ansible.legacy.{name}" for name in ("assemble", "command", "copy", "unarchive", "uri")},
    "shell": "ansible.legacy.command",
    "template": "ansible.legacy.copy",
}


def settle(
    spec: Mapping[str, Mapping[str, Any]] | None,
    args: Mapping[str, Any],
    *,
    name: str = "this",
    refusal: str | None = None,
    answered: Collection[str] = (),
) -> dict[str, Any]:
    """Arguments under their first names, as the types they have; what is not given stays away.

    Args:
        spec: ``ARGUMENTS``; None takes anything as it is.
        name: of the action, for errors.
        refusal: what is said where one is missing; None for the names.
        answered: ``ANSWERED`` of the action.

    Raises:
        ActionFailure: one is missing, unknown in value, or of another type, where the action answers for that.
        ActionError: so where it does not.
    """
    if spec is None:
        return dict(args)
    missed, wrong = (ActionFailure if kind in answered else ActionError for kind in ("missing", "wrong"))
    names = {alias: name for name, each in spec.items() for alias in (name, *each.get("aliases", ()))}
    given = {names.get(key, key): value for key, value in args.items()}
    missing = [key for key, each in spec.items() if each.get("required") and given.get(key) is None]
    if missing:
        raise missed(refusal or f"missing required arguments: {', '.join(missing)}")
    settled = {
        key: value if key not in spec or value is None else _typed(key, value, spec[key], wrong)
        for key, value in given.items()
    }
    strangers = [key for key in args if key not in names and key != "_raw_params" and not str(key).startswith("_")]
    if strangers:
        raise wrong(_unsupported(spec, name, ", ".join(sorted(strangers))))
    return settled


def _unsupported(spec: Mapping[str, Mapping[str, Any]], name: str, said: str) -> str:
    if name in _OF_ACTIONS:
        return f"Invalid options for {name}: {said}"
    if name == "include_vars":
        return f"{said} is not a valid option in {name}"
    known = ", ".join(sorted(spec))
    others = ", ".join(sorted(alias for each in spec.values() for alias in each.get("aliases", ())))
    supported = f"Supported parameters include: {known}{f' ({others})' if others else ''}."
    return f"Unsupported parameters for ({_LEADS_TO.get(name, name)}) module: {said}. {supported}"


def _typed(name: str, value: Any, each: Mapping[str, Any], wrong: type[ActionFailure]) -> Any:
    kind = each.get("type", "str")
    try:
        typed = convert(kind, value)
    except (TypeError, ValueError) as problem:
        raise wrong(
            f"argument '{name}' is of type {type(value).__name__} and we were unable to convert to {kind}: {problem}"
        ) from None
    choices = each.get("choices")
    if choices and typed not in choices and value not in choices:
        known = ", ".join(map(str, choices))
        raise wrong(f"value of {name} must be one of: {known}, got: {value}")
    return typed


def _why(kind: str, value: Any) -> str:
    """What is wrong with a value, in the words that people look for."""
    if kind == "bool" and isinstance(value, str | int | float):
        known = ", ".join(repr(word) for word in sorted(TRUE_WORDS | FALSE_WORDS))
        return f"The value {value!r} is not a valid boolean. Valid booleans include: {known}"
    if kind == "int":
        return f'"{value!r}" cannot be converted to an int'
    return f"{type(value)} cannot be converted to a {kind}"


def convert(kind: str, value: Any) -> Any:
    """A value as one of the types that arguments have.

    Raises:
        TypeError, ValueError: it cannot become one.
    """
    if kind == "bool":
        word = str(value).strip().lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            known = ", ".join(map(repr, (*sorted(TRUE_WORDS), *sorted(FALSE_WORDS), 1, 0)))
            raise ValueError(f"The value '{value}' is not a valid boolean. Valid booleans include: {known}")
        return word in TRUE_WORDS
    if kind == "int":
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise ValueError(f'"{value!r}" cannot be converted to an int')
        try:
            return int(value)
        except (TypeError, ValueError):
            raise ValueError(f'"{value!r}" cannot be converted to an int') from None
    if kind == "float":
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ValueError(f"{type(value)} cannot be converted to a float") from None
    if kind in ("str", "path"):
        if isinstance(value, dict | list):
            raise ValueError(f"{value!r} is not a string and conversion is not allowed")
        return str(value)
    if kind == "list":
        if isinstance(value, list | tuple):
            return list(value)
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
    if kind == "dict" and not isinstance(value, dict):
        raise ValueError(f"{type(value)} cannot be converted to a dict")
    return value
