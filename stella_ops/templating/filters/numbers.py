"""Numbers and sizes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from stella_ops.errors import TemplateError

_UNITS = ("", "K", "M", "G", "T", "P", "E", "Z", "Y")
_SIZE = re.compile(r"([0-9]*\.?[0-9]+)(?:\s*([A-Za-z]+))?\s*")
_NAMES = dict(zip("YZEPTGMKB", ("yotta", "zetta", "exa", "peta", "tera", "giga", "mega", "kilo", ""), strict=True))


def logarithm(value: Any, base: float = math.e) -> Any:
    """The logarithm, natural by default."""
    return _computed("log", lambda: math.log10(value) if base == 10 else math.log(value, base))


def power(value: Any, exponent: Any) -> Any:
    """The value to a power."""
    return _computed("pow", lambda: math.pow(value, exponent))


def root(value: Any, base: float = 2) -> Any:
    """The square root, or another."""
    return _computed("root", lambda: math.sqrt(value) if base == 2 else math.pow(value, 1.0 / float(base)))


def _computed(name: str, compute: Any) -> Any:
    try:
        return compute()
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as problem:
        said = f"{name}() can only be used on numbers" if isinstance(problem, TypeError) else str(problem)
        raise TemplateError(said) from None


def human_readable(size: Any, isbits: bool = False, unit: str | None = None) -> str:
    """A number of bytes (or bits) for people, in powers of 1024: ``1.50 GB``."""
    if not isinstance(size, int | float):
        raise TemplateError(f"human_readable() failed on bad input: '{size}' is not a number")
    amount = float(size)
    base = "bits" if isbits else "Bytes"
    power = 0
    if unit is None:
        while abs(amount) >= 1024 and power < len(_UNITS) - 1:
            amount, power = amount / 1024, power + 1
    else:
        letter = unit[:1].upper()
        if letter in _UNITS[1:]:
            power = _UNITS.index(letter)
            amount /= 1024**power
    return f"{amount:.2f} {_UNITS[power] + ('b' if isbits else 'B') if power else base}"


def human_to_bytes(size: Any, default_unit: str | None = None, isbits: bool = False) -> int:
    """The number of bytes (or bits) that a text such as ``10 MB`` names, in powers of 1024."""
    try:
        return bytes_of(size, default_unit, isbits)
    except ValueError as problem:
        raise TemplateError(
            f"human_to_bytes() can't interpret the input: {problem}",
            hint="known units: B, K or KB, M or MB, G, T, P, E, Z, Y",
        ) from None


def bytes_of(number: Any, default_unit: str | None = None, isbits: bool = False) -> int:
    """As ``human_to_bytes``, for users' plug-ins.

    Raises:
        ValueError: it is no size.
    """
    found = _SIZE.fullmatch(str(number))
    if not found:
        raise ValueError(f"human_to_bytes() can't interpret following string: {number}")
    amount = float(found[1])
    unit = found[2] or default_unit
    if unit is None:
        return round(amount)
    letter = unit[0].upper()
    if letter not in _NAMES:
        known = ", ".join(_NAMES)
        raise ValueError(
            f"human_to_bytes() failed to convert {number} (unit = {unit}). The suffix must be one of {known}"
        )
    word, short = ("bit", "b") if isbits else ("byte", "B")
    full = short if letter == "B" else letter + short
    if len(unit) > 1 and unit != full and unit.lower() != _NAMES[letter] + word:
        other = word if letter == "B" else letter
        raise ValueError(
            f"human_to_bytes() failed to convert {number}. Value is not a valid string (expect {full} or {other})"
        )
    return round(amount * (1 if letter == "B" else 1024 ** _UNITS.index(letter)))


FILTERS: dict[str, Callable[..., Any]] = {
    "log": logarithm,
    "pow": power,
    "root": root,
    "human_readable": human_readable,
    "human_to_bytes": human_to_bytes,
}
