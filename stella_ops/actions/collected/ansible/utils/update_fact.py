"""Returns variables with something in them changed; the variables themselves stay as they are."""

from __future__ import annotations

import ast
import copy
import re
from typing import Any

import jinja2

from stella_ops.actions.base import ActionContext, ActionFailure, Result
from stella_ops.templating.environment import value_environment
from stella_ops.templating.lazy import finalize

ARGUMENTS: dict[str, dict[str, Any]] = {
    "updates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "doc": "What to change: each a mapping with a path (a.b[0]['c']) and a value.",
    },
}
SUPPORTS_ASYNC = True
# A part of a path: what stands in brackets, or a name between dots.
_PART = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Each variable that was named, as it would be."""
    updates = [_update(each) for each in args["updates"]]
    _check_paths([path for path, _ in updates])
    made: dict[str, Any] = {}
    changed = False
    for path, value in updates:
        name, *rest = _parts(path)
        if name not in made:
            if name not in context.variables:
                raise ActionFailure(f"'{name}' was not found in the current facts.")
            made[name] = copy.deepcopy(finalize(context.variables[name]))
        if rest:
            changed = _set(made[name], rest, value) or changed
        elif made[name] != value:
            made[name], changed = value, True
    return {"changed": changed, **made}


def _update(each: Any) -> tuple[str, Any]:
    if not isinstance(each, dict):
        raise ActionFailure(
            f"Elements value for option 'updates' is of type {type(each).__name__} and we were unable to convert to "
            f"dict: {each!r}"
        )
    missing = sorted({"path", "value"} - each.keys())
    if missing:
        raise ActionFailure(f"missing required arguments: {', '.join(missing)} found in updates")
    return str(each["path"]), copy.deepcopy(each["value"])


def _check_paths(paths: list[str]) -> None:
    said = []
    for path in paths:
        try:
            value_environment().parse("{{" + path + "}}")
        except jinja2.TemplateSyntaxError as problem:
            said.append(
                f"While processing '{path}' found malformed path. Ensure syntax follows valid jinja format. "
                f"The error was: {problem}"
            )
    if said:
        raise ActionFailure(" ".join(said))


def _parts(path: str) -> list[Any]:
    return [_key(found[1] if found[1] is not None else found[2]) for found in _PART.finditer(path)]


def _key(word: str) -> Any:
    """A number as a number, a name without its quotes."""
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return re.sub("['\"]", "", word)


def _set(within: Any, path: list[Any], value: Any) -> bool:
    """Put a value at its place; whether it was another one before."""
    *way, last = path
    for key in way:
        try:
            within = within[key]
        except (KeyError, TypeError, IndexError):
            raise ActionFailure(f"Error: the key '{key}' was not found in {within}.") from None
    if isinstance(within, dict):
        if last in within and within[last] == value:
            return False
        within[last] = value
        return True
    if not isinstance(within, list):
        raise ActionFailure("update_fact can only modify mutable objects.")
    if not isinstance(last, int):
        raise ActionFailure(f"Error: {within} is a list, but index provided was not an integer: '{last}'")
    if last > len(within):
        raise ActionFailure(f"Error: {within} not long enough for item #{last} to be set.")
    if last == len(within):
        within.append(value)
        return True
    changed = bool(within[last] != value)
    within[last] = value
    return changed
