"""Colours of one's own: ``[colors]`` of ``ansible.cfg`` and ``ANSIBLE_COLOR_*``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stella_ops.console.stream import CHOSEN_STYLES, STYLES
from stella_ops.errors import SettingsError

_DARK = {"black": 30, "red": 31, "green": 32, "yellow": 33, "blue": 34, "purple": 35, "magenta": 35, "cyan": 36}
# ansible-core's names: these are bright ones.
CODES = {
    **{name: f"0;{code}" for name, code in _DARK.items()},
    **{f"bright {name}": f"1;{code}" for name, code in _DARK.items() if name != "black"},
    **{"normal": "0", "white": "1;37", "bright gray": "0;37", "dark gray": "1;30"},
}
# Which of our styles a setting is for; the others are not painted here.
STYLES_OF = {
    "COLOR_CHANGED": ("changed",),
    "COLOR_OK": ("ok",),
    "COLOR_SKIP": ("skipped",),
    "COLOR_ERROR": ("failed",),
    "COLOR_UNREACHABLE": ("unreachable",),
    "COLOR_WARN": ("warning", "ignored"),
    "COLOR_VERBOSE": ("verbose",),
    "COLOR_DEBUG": ("retry",),
    "COLOR_INCLUDED": ("included",),
    "COLOR_DIFF_ADD": ("added",),
    "COLOR_DIFF_REMOVE": ("removed",),
    "COLOR_DIFF_LINES": ("hunk",),
}


def paint_with(chosen: Mapping[str, str]) -> None:
    """Use other colours from here on, in this context (PEP 567).

    Args:
        chosen: their names (``bright red``, ``color9``, ``rgb135``, ``gray7``), by the names of their settings.

    Raises:
        SettingsError: a name that means no colour.
    """
    own = {style: _code(name, key) for key, name in chosen.items() for style in STYLES_OF.get(key, ())}
    CHOSEN_STYLES.set({**STYLES, **own})


def _code(name: str, setting: str) -> str:
    if name in CODES:
        return CODES[name]
    found = re.fullmatch(r"color([0-9]+)|rgb([0-5])([0-5])([0-5])|gray([0-9]+)", name)
    if found is None:
        raise SettingsError(f"'{name}' is no colour", where=setting, hint=f"known: {', '.join(sorted(CODES))}")
    if found[1]:
        return f"38;5;{int(found[1])}"
    if found[2]:
        return f"38;5;{16 + 36 * int(found[2]) + 6 * int(found[3]) + int(found[4])}"
    return f"38;5;{232 + int(found[5])}"
