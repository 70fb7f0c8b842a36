"""What a template gets for a name that has no value, or whose value cannot be computed.

Both stand in for the value until they are used, so that ``is defined`` and ``default()`` can ask first, also
about something inside a missing thing (``a.b.c | default(1)``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import jinja2

from stella_ops.errors import TemplateError, UndefinedVariableError


class UndefinedUse(jinja2.UndefinedError):
    """An undefined value was used; ``value`` is that value."""

    def __init__(self, value: MissingValue) -> None:
        super().__init__(value.describe())
        self.value = value


class MissingValue(jinja2.StrictUndefined):
    """An undefined name or attribute.

    When it stands for a variable whose own template needs something undefined, ``_cause`` is that error and
    ``_undefined_name`` the variable.
    """

    __slots__ = ("_cause", "_line")

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = jinja2.utils.missing,
        name: str | None = None,
        exc: type[jinja2.TemplateRuntimeError] = jinja2.UndefinedError,
        cause: UndefinedVariableError | None = None,
    ) -> None:
        super().__init__(hint, obj, name, exc)
        self._cause = cause
        self._line: tuple[jinja2.Template, int] | None = None  # where a template wrote it out

    def describe(self) -> str:
        """What is undefined, one sentence."""
        if self._undefined_hint:
            return str(self._undefined_hint)
        name = self._undefined_name
        if self._undefined_obj is jinja2.utils.missing:
            return f"'{name}' is undefined"
        kind = kind_of(self._undefined_obj)
        if kind == "HostVars":
            return f"hostvars[{name!r}]"
        if isinstance(name, str):
            return f"object of type '{kind}' has no attribute '{name}'"
        if isinstance(self._undefined_obj, list | tuple | str | Mapping):
            return f"object of type '{kind}' has no attribute {name!r}"
        return f"{kind} object has no element {name!r}"

    def fail(self) -> NoReturn:
        """Raise the error that using this value means."""
        if self._undefined_exception is not jinja2.UndefinedError:  # the sandbox forbids the access
            raise self._undefined_exception(self.describe())
        raise UndefinedUse(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def _fail_with_undefined_error(self, *args: Any, **kwargs: Any) -> NoReturn:
        self.fail()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.describe()!r})"

    __str__ = __len__ = __iter__ = __eq__ = __ne__ = __bool__ = __hash__ = _fail_with_undefined_error
    __contains__ = __call__ = __lt__ = __le__ = __gt__ = __ge__ = _fail_with_undefined_error
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _fail_with_undefined_error
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _fail_with_undefined_error
    __mod__ = __rmod__ = __pow__ = __rpow__ = __neg__ = __pos__ = _fail_with_undefined_error
    __int__ = __float__ = __complex__ = _fail_with_undefined_error


class FailedValue(MissingValue):
    """A variable whose template cannot be rendered. Any use raises why, also ``default``."""

    __slots__ = ("_failure",)

    def __init__(self, name: str, failure: TemplateError) -> None:
        super().__init__(name=name)
        self._failure = failure

    def describe(self) -> str:
        return self._failure.message

    def fail(self) -> NoReturn:
        raise self._failure


def first_missing(args: Sequence[Any], options: Mapping[str, Any]) -> MissingValue | None:
    """The first undefined one of a call's arguments."""
    for value in args:
        if isinstance(value, MissingValue):
            return value
    for value in options.values():
        if isinstance(value, MissingValue):
            return value
    return None


def require(value: Any) -> Any:
    """The value, unless it is undefined: then raise what using it means."""
    if isinstance(value, MissingValue):
        value.fail()
    return value


def kind_of(value: Any) -> str:
    """The name of a value's type as a playbook's author knows it."""
    named = getattr(type(value), "stella_kind", None)
    if named is not None:
        return str(named)
    for kind, name in ((Mapping, "dict"), (list, "list"), (str, "str")):
        if isinstance(value, kind):
            return name
    return type(value).__name__
