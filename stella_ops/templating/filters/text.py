"""Text: patterns, quoting, encodings, comments, booleans."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable
from typing import Any

from stella_ops.collections.notices import goes_away
from stella_ops.errors import TemplateError
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.undefined import kind_of

_TRUE = frozenset({"yes", "on", "1", "true"})
_FALSE = frozenset({"no", "off", "0", "false"})


def boolean(value: Any) -> bool:
    """``yes``, ``on``, ``1``, ``true`` and True are true; all else is false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return bool(value == 1)


def to_bool(value: Any) -> bool:
    """The truth of ``yes``, ``off``, ``1``, True and their like; what else is taken will not be one day."""
    word = str(value).lower() if isinstance(value, str | int) else None
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    made = bool(value == 1)
    shown = plain_text(value) if isinstance(value, str) else value
    goes_away(f"The `bool` filter coerced invalid value {shown!r} ({kind_of(value)}) to {made!r}.")
    return made


def _flags(ignorecase: bool, multiline: bool) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def _compiled(pattern: Any, flags: int = 0) -> re.Pattern[str]:
    try:
        return re.compile(plain_text(pattern), flags)
    except re.error as problem:
        raise TemplateError(str(problem), hint=f"'{pattern}' is no regular expression") from None


def regex_replace(
    value: Any = "",
    pattern: Any = "",
    replacement: Any = "",
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    """The text with matches of a pattern replaced; ``\\1`` names a group."""
    text = plain_text(value)
    for name, given in (("pattern", pattern), ("replacement", replacement)):
        if not isinstance(given, str | bytes):
            raise TemplateError(f"regex_replace: the {name} is text, not {kind_of(given)}")
    try:
        replaced, times = _compiled(pattern, _flags(ignorecase, multiline)).subn(
            plain_text(replacement), text, count=count
        )
    except (re.error, IndexError) as problem:
        raise TemplateError(str(problem), hint=f"'{replacement}' is no replacement for that pattern") from None
    if mandatory_count and times != mandatory_count:
        raise TemplateError(f"'{pattern}' should match {mandatory_count} times, but matches {times} times in '{text}'")
    return replaced


def regex_search(value: Any, regex: Any, *groups: Any, ignorecase: bool = False, multiline: bool = False) -> Any:
    """The first match of a pattern, or none; with groups (``'\\\\1'``, ``'\\\\g<name>'``) a list of those."""
    found = _compiled(regex, _flags(ignorecase, multiline)).search(plain_text(value))
    named = [_group(group) for group in groups]
    if found is None:
        return None
    if not groups:
        return found.group()
    return [found.group(group) for group in named]


def _group(written: Any) -> int | str:
    named = re.fullmatch(r"\\g<(\S+)>", str(written))
    if named:
        return named.group(1)
    numbered = re.fullmatch(r"\\(\d+)", str(written))
    if numbered:
        return int(numbered.group(1))
    raise TemplateError("Unknown argument", hint=rf"'{written}' names no group: write '\\1' or '\\g<name>'")


def regex_findall(value: Any, regex: Any, multiline: bool = False, ignorecase: bool = False) -> list[Any]:
    """All matches of a pattern; of its groups, when it has any."""
    found = _compiled(regex, _flags(ignorecase, multiline)).findall(plain_text(value))
    return [list(item) if isinstance(item, tuple) else item for item in found]


def regex_escape(value: Any, re_type: str = "python") -> str:
    """The text with everything escaped that means something in a regular expression."""
    text = plain_text(value)
    if re_type == "python":
        return re.escape(text)
    if re_type == "posix_basic":
        return re.sub(r"([].[^$*\\])", r"\\\1", text)
    raise TemplateError(f"Invalid regex type ({re_type})", hint="known: python, posix_basic")


def split(value: Any, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    """The parts of a text between separators, which are runs of white space by default."""
    if not isinstance(value, str):
        raise TemplateError(f"split: needs text, not {kind_of(value)}")
    return plain_text(value).split(sep, maxsplit)


def quote(value: Any) -> str:
    """The text as one word of a POSIX shell."""
    return shlex.quote("" if value is None else plain_text(value))


def b64encode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    """Base64 of a text's bytes; ``urlsafe`` writes ``-`` and ``_`` for ``+`` and ``/``."""
    data = value if isinstance(value, bytes) else plain_text(value).encode(encoding)
    return (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(data).decode("ascii")


def b64decode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    """The text that a Base64 text holds."""
    try:
        data = (base64.urlsafe_b64decode if urlsafe else base64.b64decode)(plain_text(value))
        return data.decode(encoding, "surrogateescape")
    except ValueError as problem:
        raise TemplateError(f"b64decode: {problem}") from None


_COMMENT_STYLES: dict[str, dict[str, str]] = {
    "plain": {"decoration": "# "},
    "erlang": {"decoration": "% "},
    "c": {"decoration": "// "},
    "cblock": {"beginning": "/*", "decoration": " * ", "end": " */"},
    "xml": {"beginning": "<!--", "decoration": " - ", "end": "-->"},
}


def comment(text: Any, style: str = "plain", **options: Any) -> str:
    """The text as a comment in the style of a language: plain, erlang, c, cblock, xml.

    Args:
        options: ``beginning``, ``end``, ``decoration``, ``prefix``, ``prefix_count``, ``postfix``,
            ``postfix_count``, ``newline``.
    """
    if not isinstance(text, str | bytes):
        raise TemplateError(f"comment: needs text, not {kind_of(text)}", hint="add  | string")
    if style not in _COMMENT_STYLES:
        raise TemplateError(f"Invalid style {style!r}.", hint=f"known: {', '.join(_COMMENT_STYLES)}")
    chosen: dict[str, Any] = {**_COMMENT_STYLES[style], **options}
    newline, decoration = str(chosen.get("newline", "\n")), str(chosen.get("decoration", ""))
    bare = decoration.rstrip()
    prefix, postfix = str(chosen.get("prefix", bare)), str(chosen.get("postfix", bare))
    above = newline if prefix == newline else f"{prefix}{newline}" if prefix else ""
    below = f"{newline}{postfix}" * int(chosen.get("postfix_count", 1))
    body = decoration + plain_text(text).replace(newline, newline + decoration)
    body = body.replace(decoration + newline, bare + newline)
    beginning = f"{chosen['beginning']}{newline}" if chosen.get("beginning") else ""
    end = f"{newline}{chosen['end']}" if chosen.get("end") else ""
    return f"{beginning}{above * int(chosen.get('prefix_count', 1))}{body}{below}{end}"


FILTERS: dict[str, Callable[..., Any]] = {
    "bool": to_bool,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "regex_findall": regex_findall,
    "regex_escape": regex_escape,
    "split": split,
    "quote": quote,
    "b64encode": b64encode,
    "b64decode": b64decode,
    "comment": comment,
}
