"""Makes text that came from hosts or files fit to be shown: no control characters, known width."""

from __future__ import annotations

import re
import unicodedata

# C0 and C1 controls, DEL, line and paragraph separators, and the characters that reorder what follows them.
_CONTROL = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"  # noqa: RUF100
_UNSAFE_IN_LINE = re.compile(f"[{_CONTROL}]")
_UNSAFE_IN_BLOCK = re.compile(f"(?![\n\t])[{_CONTROL}]")
_ZERO_WIDTH = frozenset(("Mn", "Me", "Cf"))
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _json_escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def safe_line(text: object) -> str:
    """One line for a terminal: line breaks and every other control character are written as escapes."""
    return _UNSAFE_IN_LINE.sub(_escape, str(text))


def safe_block(text: str) -> str:
    """Several lines for a terminal: like ``safe_line``, but newlines and tabs stay; CRLF ends a line too."""
    return _UNSAFE_IN_BLOCK.sub(_escape, text.replace("\r\n", "\n"))


def safe_json(text: str) -> str:
    """JSON text whose remaining control characters are written as JSON escapes: the same value."""
    return _UNSAFE_IN_BLOCK.sub(_json_escape, text)


def width(text: str) -> int:
    """The columns a text takes on a terminal: East Asian wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(char) in _ZERO_WIDTH else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def shorten(text: str, columns: int) -> str:
    """A text cut to at most so many columns, with an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    kept = ""
    used = 0
    for char in text:
        used += width(char)
        if used > columns - 1:
            break
        kept += char
    return kept + "…" if columns > 0 else ""


def banner(text: str) -> str:
    """A headline as ansible-core prints it off a terminal: padded with stars to column 80, at least three."""
    return f"{text} {'*' * max(3, 79 - width(text))}"
