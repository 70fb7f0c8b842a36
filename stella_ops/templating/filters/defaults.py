"""Filters that may be asked about something undefined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from stella_ops.errors import PluginError, TemplateError
from stella_ops.templating.lazy import settle
from stella_ops.templating.undefined import FailedValue, MissingValue, kind_of

NOT_OVERRIDDEN = "Mandatory variable has not been overridden"


def default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    """``default_value`` for an undefined value; with ``boolean`` also for an empty or false one."""
    if isinstance(value, FailedValue):  # it has a value, which cannot be computed: no default hides that
        value.fail()
    if isinstance(value, MissingValue) or (boolean and not value):
        return default_value
    return value


def mandatory(value: Any, msg: str | None = None) -> Any:
    """The value; undefined it is an error with this message."""
    if isinstance(value, MissingValue):
        if isinstance(value, FailedValue):
            value.fail()
        known = value._undefined_hint is None and isinstance(value._undefined_name, str)
        named = f"'{value._undefined_name}' " if known else ""
        raise PluginError.of(
            "filter",
            "ansible.builtin.mandatory",
            TemplateError(f"Mandatory variable {named}not defined." if msg is None else str(msg)),
        )
    return value


def type_debug(value: Any) -> str:
    """The name of the value's type."""
    if isinstance(value, MissingValue):
        return "UndefinedMarker"
    return "Markup" if isinstance(value, Markup) else kind_of(value if type(value) is set else settle(value))


def ternary(value: Any, true_val: Any, false_val: Any, none_val: Any = None) -> Any:
    """One of two values by the truth of the first; ``none_val``, when given, for none."""
    if isinstance(value, MissingValue):
        return value
    if value is None and none_val is not None:
        return none_val
    return true_val if value else false_val


def undef(hint: str | None = None) -> MissingValue:
    """An undefined value on purpose: a variable that a user must set."""
    wanted = "Error rendering template: The 'hint' argument must be of type 'str' or 'NoneType'"
    if isinstance(hint, MissingValue):
        raise TemplateError(f"{wanted}: {hint.describe()}")
    if hint is not None and not isinstance(hint, str):
        raise TemplateError(f"{wanted}, not '{kind_of(hint)}'.")
    return MissingValue(hint or NOT_OVERRIDDEN)


FILTERS: dict[str, Callable[..., Any]] = {
    "default": default,
    "d": default,
    "mandatory": mandatory,
    "type_debug": type_debug,
    "ternary": ternary,
}
