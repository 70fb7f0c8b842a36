"""Options written inside a term: ``lookup('csvfile', 'Li file=elements.csv delimiter=,')``."""

from __future__ import annotations

import re
from collections.abc import Collection

from stella_ops.errors import TemplateError
from stella_ops.spelling import did_you_mean

_WORD = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""")
_OPTION = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


def inline_options(term: str, known: Collection[str], lookup: str) -> tuple[str, dict[str, str]]:
    """A term without its options, and those.

    Args:
        known: the options that the lookup has.
        lookup: its name, for errors.

    Raises:
        TemplateError: an option that the lookup does not have.
    """
    words: list[str] = []
    options: dict[str, str] = {}
    for word in _WORD.findall(term):
        found = _OPTION.fullmatch(word)
        if found and found[1] in known:
            options[found[1]] = _bare(found[2])
        elif found and words:
            hint = did_you_mean(found[1], known) or f"known: {', '.join(sorted(known))}"
            raise TemplateError(f"lookup '{lookup}': unknown option '{found[1]}'", hint=hint)
        else:
            words.append(word)
    return " ".join(words) if options else term, options


def key_and_value(text: str) -> list[tuple[str, str]]:
    """The words ``key=value`` of a text, quotes around values taken away; a value is empty where there is none."""
    found = [word.partition("=") for word in _WORD.findall(text)]
    return [(key, _bare(value)) for key, _, value in found]


def _bare(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def check_options(options: Collection[str], known: Collection[str], lookup: str) -> None:
    """Refuse options that a lookup does not have."""
    for name in options:
        if name not in known:
            hint = did_you_mean(name, known) or f"known: {', '.join(sorted(known))}"
            raise TemplateError(f"lookup '{lookup}': unknown option '{name}'", hint=hint)
