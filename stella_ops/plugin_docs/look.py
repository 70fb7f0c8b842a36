"""How a page of documentation looks: its width, and what stands out by escape sequences or by signs."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

# What is marked, and its colour unless ansible.cfg names another one.
COLORS: Mapping[str, str] = {
    "constant": "dark gray",
    "deprecated": "magenta",
    "link": "cyan",
    "module": "yellow",
    "plugin": "yellow",
    "reference": "magenta",
}
_CODES = {
    **{"black": "0;30", "bright gray": "0;37", "blue": "0;34", "white": "1;37", "green": "0;32", "bright blue": "1;34"},
    **{"cyan": "0;36", "bright green": "1;32", "red": "0;31", "bright cyan": "1;36", "purple": "0;35"},
    **{"bright red": "1;31", "yellow": "0;33", "bright purple": "1;35", "dark gray": "1;30", "magenta": "0;35"},
    **{"bright yellow": "1;33", "bright magenta": "1;35", "normal": "0"},
}
_END = "\033[0m"
_SIGNS = {"module": "[{}]", "plugin": "[{}]", "strong": "*{}*", "underline": "`{}`"}


@dataclass(frozen=True, slots=True)
class Look:
    """How to write a page.

    Attributes:
        columns: of a line.
        plain: without escape sequences; what stands out is between signs.
        colors: whether there are colours among the escape sequences.
        verbosity: with 1 and more a page tells since when there is what it tells of.
        chosen: colours by what they mark, in the place of ``COLORS``.
    """

    columns: int = 79
    plain: bool = True
    colors: bool = False
    verbosity: int = 0
    chosen: Mapping[str, str] = field(default_factory=dict)

    @property
    def limit(self) -> int:
        """Columns of running text."""
        return max(self.columns - int(self.columns * 0.2), 70)

    def bold(self, text: str) -> str:
        """A heading or name."""
        return text if self.plain else f"\033[1m{text}{_END}"

    def strong(self, text: str) -> str:
        """A word that stands out in running text."""
        return _SIGNS["strong"].format(text) if self.plain else f"\033[1m{text}{_END}"

    def underline(self, text: str) -> str:
        """A word that is meant as such."""
        return _SIGNS["underline"].format(text) if self.plain else f"\033[4m{text}{_END}"

    def color(self, text: str, name: str) -> str:
        """A text in a colour, line by line."""
        code = _CODES.get(name)
        if self.plain or not self.colors or code is None:
            return text
        return "\n".join(f"\033[{code}m{line}{_END}" for line in text.split("\n"))

    def mark(self, text: str, meaning: str) -> str:
        """A reference or constant of the kinds of ``COLORS``."""
        if self.plain:
            return _SIGNS.get(meaning, "{}").format(text)
        return self.color(text, self.chosen.get(meaning) or COLORS[meaning])


def terminal_columns() -> int:
    """How wide lines may be: as wide as the terminal, 79 columns where there is none."""
    try:
        return max(79, os.get_terminal_size(sys.stdout.fileno()).columns - 1)
    except (OSError, ValueError):
        return 79


def fill(text: str, width: int, first: str = "", rest: str = "", hang: int = 0) -> str:
    """Running text in lines of a width, paragraph by paragraph.

    Args:
        first: what the first line begins with.
        rest: what all others begin with.
        hang: columns of the first line that are taken by what will stand before it.
    """
    made = []
    for number, paragraph in enumerate(text.split("\n\n")):
        start = (first + " " * hang) if number == 0 else rest
        wrapper = textwrap.TextWrapper(width, start, rest, break_on_hyphens=False, break_long_words=False)
        lines = wrapper.fill(paragraph)
        made.append(lines.removeprefix(" " * hang) if number == 0 else lines)
    return "\n".join(made)
