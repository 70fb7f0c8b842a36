"""Arguments written as text: ``copy: src=a dest="b c"`` and ``command: make install creates=/usr/bin/x``."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from stella_ops.errors import PlaybookError
from stella_ops.origins import SourceText

COMMAND_OPTIONS = frozenset(
    {"creates", "removes", "chdir", "executable", "warn", "stdin", "stdin_add_newline", "strip_empty_ends"}
    | {"expand_argument_vars"}
)
_MENTIONS_OPTION = re.compile(rf"(?:^|\s)(?:{'|'.join(sorted(COMMAND_OPTIONS))})=")
_ESCAPED = ("\\", "'", '"')  # what a backslash keeps from meaning something
_JINJA = {"{{": "}}", "{%": "%}", "{#": "#}"}
_OPTION = re.compile(r"((?:[A-Za-z_]|\{\{[^{}]*\}\})(?:[\w-]|\{\{[^{}]*\}\})*)=(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]+\}|[0-7]{1,3}|[\\'\"abfnrtv])")


class Word(NamedTuple):
    """A piece of text between white space, and where it starts."""

    text: str
    start: int


def split_words(text: str) -> list[Word]:
    """The words of a text; white space inside quotes and Jinja2's braces does not end a word.

    Raises:
        ValueError: a quote or a brace is not closed.
    """
    words: list[Word] = []
    position, size = 0, len(text)
    while position < size:
        if text[position].isspace():
            position += 1
            continue
        end = _word_end(text, position)
        words.append(Word(text[position:end], position))
        position = end
    return words


def _word_end(text: str, position: int) -> int:
    quote = ""
    while position < len(text):
        character = text[position]
        closing = _JINJA.get(text[position : position + 2])
        if closing:
            end = text.find(closing, position + 2)
            if end < 0:
                raise ValueError(f"'{text[position : position + 2]}' is not closed")
            position = end + 2
        elif character == "\\" and text[position + 1 : position + 2] in _ESCAPED:
            position += 2
        elif quote:
            quote = "" if character == quote else quote
            position += 1
        elif character in "'\"":
            quote = character
            position += 1
        elif character.isspace():
            break
        else:
            position += 1
    if quote:
        raise ValueError(f"a quote ({quote}) is not closed")
    return position


def parse_text(text: SourceText, *, free_form: bool) -> dict[str, SourceText]:
    """The arguments in a text.

    Args:
        free_form: the module takes text (``command``): then only the options of commands are taken out of
            it, and the rest stays verbatim under ``_raw_params``. Otherwise each ``name=value`` is an
            argument; words that are none are joined under ``_raw_params``.

    Raises:
        PlaybookError: a quote or brace is not closed.
    """
    plain, origin = str.__str__(text), text.origin
    try:
        words = split_words(plain)
    except ValueError as problem:
        if free_form and not _MENTIONS_OPTION.search(plain):
            return {"_raw_params": SourceText(_trimmed(plain), origin)}  # a lone ' is the shell's own matter
        raise PlaybookError(
            f"failed at splitting arguments, either an unbalanced jinja2 block or quotes: {problem}", where=origin
        ) from None
    args: dict[str, SourceText] = {}
    rest: list[str] = []
    kept_from = 0  # where the text that is not yet in ``rest`` begins
    for word in words:
        end = word.start + len(word.text)
        if word.text == "\\" and plain[end : end + 1] == "\n":  # the line goes on in the next
            rest.append(plain[kept_from : word.start].rstrip(" \t"))
            kept_from = end
            continue
        found = _OPTION.fullmatch(word.text)
        if not found or (free_form and found.group(1) not in COMMAND_OPTIONS):
            continue
        name, value = found.groups()
        if name in args:
            raise PlaybookError(f"'{name}' is given twice", where=origin)
        key = SourceText(name, origin) if "{" in name else name
        args[key] = SourceText(_unquoted(_unescaped(value).strip()), origin)
        rest.append(plain[kept_from : word.start].rstrip(" \t"))
        kept_from = end
    rest.append(plain[kept_from:])
    left = _trimmed("".join(rest)) if kept_from == 0 or plain[kept_from:].strip() else "".join(rest).strip()
    if left.strip():
        args["_raw_params"] = SourceText(left, origin)
    return args


def _trimmed(text: str) -> str:
    """Without white space around it, but for the newlines at its end: a block scalar's belong to the command."""
    return text.lstrip().rstrip(" \t")


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and not text.endswith("\\" + text[0]):
        return text[1:-1]
    return text


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: codecs.decode(found.group(), "unicode-escape"), text)
