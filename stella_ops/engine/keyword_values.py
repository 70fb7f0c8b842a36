"""Keywords whose values are templates: what they come to, and the words for those that come to nothing of use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stella_ops.booleans import says_no, says_yes
from stella_ops.errors import TemplateError
from stella_ops.origins import Origin, origin_of
from stella_ops.playbook.keywords import in_keyword, not_converted
from stella_ops.templating.omit import OMIT
from stella_ops.templating.templar import Templar


def rendered(name: str, value: Any, render: Callable[[Any], Any]) -> Any:
    """The value of a keyword.

    Raises:
        TemplateError: it cannot be rendered; the keyword is named.
    """
    try:
        return render(value)
    except TemplateError as problem:
        raise problem.within(in_keyword(name)) from problem


def flag(
    name: str, value: Any, templar: Templar, view: Mapping[str, Any], default: bool = False, where: Origin | None = None
) -> bool:
    """A keyword that is true or false; ``default`` where it is not given, or omitted.

    Raises:
        TemplateError: it is neither.
    """
    if value is None or isinstance(value, bool):
        return default if value is None else value
    found = rendered(name, value, lambda written: templar.render(written, view, where=where))
    if found is OMIT:
        return default
    return as_flag(name, found, value)


def as_flag(name: str, found: Any, value: Any) -> bool:
    """What a keyword came to, as true or false.

    Args:
        value: as it is written.

    Raises:
        TemplateError: it is neither.
    """
    if not says_yes(found) and not says_no(found) and found not in (0.0, 1.0):
        raise _not(found, "bool", name, value)
    return says_yes(found) or found == 1.0


def is_yes(found: Any) -> bool:
    """Whether what a keyword came to counts as true; a text that stands for neither does."""
    if found is None or found is OMIT:
        return False
    return not says_no(found) if isinstance(found, str) else bool(found)


def number(
    name: str, value: Any, templar: Templar, view: Mapping[str, Any], default: float, *, whole: bool = True
) -> float:
    """A keyword that is a number; ``default`` where it is not given, or omitted.

    Raises:
        TemplateError: it is none.
    """
    if value is None:
        return default
    found = rendered(name, value, lambda written: templar.render(written, view))
    if found is OMIT:
        return default
    return as_number(name, found, value, whole=whole)


def as_number(name: str, found: Any, value: Any, *, whole: bool = True) -> float:
    """What a keyword came to, as a number.

    Args:
        value: as it is written.

    Raises:
        TemplateError: it is none.
    """
    try:
        if whole and isinstance(found, float) and found != int(found):
            raise ValueError
        return int(found) if whole else float(found)
    except (TypeError, ValueError):
        raise _not(found, "int" if whole else "float", name, value) from None


def percentage(name: str, value: Any, templar: Templar, view: Mapping[str, Any]) -> float | None:
    """A keyword that is a number, with a percent sign or without; None where it is not given, or omitted.

    Raises:
        TemplateError: it is none.
    """
    found = rendered(name, value, lambda written: templar.render(written, view))
    if found is None or found is OMIT:
        return None
    try:
        return float(str(found).rstrip("% "))
    except ValueError:
        raise _not(found, "percent", name, value) from None


def _not(found: Any, kind: str, name: str, value: Any) -> TemplateError:
    return TemplateError(not_converted(name, found, kind), where=origin_of(value))
