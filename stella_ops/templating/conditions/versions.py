"""Comparing versions."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from packaging.version import InvalidVersion, Version

from stella_ops.errors import TemplateError
from stella_ops.templating.lazy import plain_text

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "=": operator.eq, "eq": operator.eq,
    "<": operator.lt, "lt": operator.lt,
    "<=": operator.le, "le": operator.le,
    ">": operator.gt, "gt": operator.gt,
    ">=": operator.ge, "ge": operator.ge,
    "!=": operator.ne, "<>": operator.ne, "ne": operator.ne,
}  # fmt: skip
_PART = re.compile(r"\d+|[a-zA-Z]+")
_STRICT = re.compile(r"\d+\.\d+(?:\.\d+)?(?:[ab]\d+)?")
_SEMVER = re.compile(
    r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"  # https://semver.org, section 2, 9, 10
)


class Loose:
    """Versions as numbers and words: numbers by value, words by letter, a shorter one first."""

    def __init__(self, text: str) -> None:
        parts = [int(part) if part.isdigit() else part for part in _PART.findall(text)]
        self.key: list[Any] = list(parts)

    def _order(self, other: Loose) -> int:
        for mine, theirs in zip_longest(self.key, other.key):
            if mine is None or theirs is None:
                return -1 if mine is None else 1
            if type(mine) is not type(theirs):
                raise TemplateError(
                    f"Version comparison failed: '{mine}' and '{theirs}' cannot be compared: a word and a number"
                )
            if mine != theirs:
                return -1 if mine < theirs else 1
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loose) and self._order(other) == 0

    def __lt__(self, other: Loose) -> bool:
        return self._order(other) < 0

    def __le__(self, other: Loose) -> bool:
        return self._order(other) <= 0

    def __gt__(self, other: Loose) -> bool:
        return self._order(other) > 0

    def __ge__(self, other: Loose) -> bool:
        return self._order(other) >= 0

    __hash__ = None  # type: ignore[assignment]


def _semver(text: str) -> tuple[Any, ...]:
    found = _SEMVER.fullmatch(text)
    if not found:
        raise TemplateError(f"Version comparison failed: invalid semantic version '{text}'")
    numbers = tuple(int(part) for part in found.groups()[:3])
    if found.group(4) is None:
        return (*numbers, 1, ())  # a release follows its pre-releases
    parts = found.group(4).split(".")
    return (*numbers, 0, tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts))


def _pep440(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        raise TemplateError(f"Version comparison failed: Invalid version: '{text}'") from None


def _strict(text: str) -> Version:
    if not _STRICT.fullmatch(text):
        raise TemplateError(
            f"Version comparison failed: invalid version number '{text}'",
            hint="a strict version is 1.2, 1.2.3, 1.2a1 or 1.2.3b2",
        )
    return _pep440(text)


_TYPES: dict[str, Callable[[str], Any]] = {
    "loose": Loose,
    "strict": _strict,
    "semver": _semver,
    "semantic": _semver,
    "pep440": _pep440,
}


def version(
    value: Any, version: Any, operator: str = "eq", strict: bool | None = None, version_type: str | None = None
) -> bool:
    """Whether one version compares so to another.

    Args:
        operator: ``<``, ``lt``, ``<=``, ``le``, ``>``, ``gt``, ``>=``, ``ge``, ``==``, ``=``, ``eq``, ``!=``,
            ``<>``, ``ne``.
        strict: the same as ``version_type='strict'``.
        version_type: loose (the default: any text), strict, semver, semantic or pep440.
    """
    if operator not in _OPERATORS:
        raise TemplateError(f"Invalid operator type ({operator}). Must be one of {', '.join(map(repr, _OPERATORS))}")
    if strict is not None and version_type is not None:
        raise TemplateError("Cannot specify both 'strict' and 'version_type'")
    kind = version_type or ("strict" if strict else "loose")
    if kind not in _TYPES:
        raise TemplateError(f"Invalid version type ({kind}). Must be one of {', '.join(map(repr, _TYPES))}")
    left, right = plain_text("" if value is None else value), plain_text("" if version is None else version)
    if not left:
        raise TemplateError("Input version value cannot be empty")
    if not right:
        raise TemplateError("Version parameter to compare against cannot be empty")
    read = _TYPES[kind]
    return _OPERATORS[operator](read(left), read(right))


CONDITIONS = {"version": version, "version_compare": version}
