"""Dates and times."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any

from stella_ops.errors import TemplateError


def to_datetime(value: Any, format: str = "%Y-%m-%d %H:%M:%S") -> datetime.datetime:
    """The moment a text names."""
    try:
        return datetime.datetime.strptime(str(value), format)
    except ValueError as problem:
        raise TemplateError(f"to_datetime: {problem}") from None


def strftime(format: Any, second: Any = None, utc: bool = False) -> str:
    """A moment as text.

    Args:
        format: as Python's ``strftime``.
        second: seconds since the epoch; now, when not given.
        utc: in UTC instead of local time.
    """
    if not isinstance(format, str):
        raise TemplateError("strftime: the format must be text")
    try:
        moment = None if second is None else float(second)
    except (TypeError, ValueError):
        raise TemplateError(f"Invalid value for epoch value ({second})") from None
    return time.strftime(str(format), time.gmtime(moment) if utc else time.localtime(moment))


def now(utc: bool = False, fmt: str | None = None) -> Any:
    """This moment, as text when a format is given."""
    zone = datetime.UTC if utc else None
    moment = datetime.datetime.now(zone).replace(tzinfo=None)
    return moment.strftime(fmt) if fmt else moment


FILTERS: dict[str, Callable[..., Any]] = {"to_datetime": to_datetime, "strftime": strftime}
