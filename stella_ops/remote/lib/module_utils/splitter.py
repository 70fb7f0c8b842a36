"""Arguments as text, split into words."""

import re

_BLOCKS = (("{{", "}}"), ("{%", "%}"), ("{#", "#}"))


def split_args(args):
    """Words of ``a=b c="d e"``; quotes and templates keep their blanks, and quotes stay.

    Raises:
        Exception: a quote or a template that does not end.
    """
    words, word, quote, ends, at = [], "", "", "", 0
    text = args.strip()
    while at < len(text):
        two, letter = text[at : at + 2], text[at]
        opening = dict(_BLOCKS).get(two) if not ends else None
        if opening:
            ends, word, at = opening, word + two, at + 2
            continue
        if ends and two == ends:
            ends, word, at = "", word + two, at + 2
            continue
        if letter in "'\"" and text[at - 1 : at] != "\\":
            quote = "" if quote == letter else quote or letter
        if letter in " \n" and not quote and not ends:
            if word == "\\":
                word = ""
            elif word:
                words.append(word)
                word = ""
            if letter == "\n" and words and not words[-1].endswith("\n") and text[at - 1 : at] != "\\":
                words[-1] += "\n"
        else:
            word += letter
        at += 1
    if quote or ends:
        raise Exception("error while splitting arguments, either an unbalanced jinja2 block or quotes")
    return words + [word] if word else words


def is_quoted(data):
    """Whether text begins and ends with the same quote."""
    return re.match(r"""(["']).*\1\Z""", data, re.DOTALL) is not None or data in ("'", '"')


def unquote(data):
    """Text without the quotes around it."""
    return data[1:-1] if is_quoted(data) else data
