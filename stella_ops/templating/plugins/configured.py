"""Sections of ``ansible.cfg`` in which plug-ins look for their options (``ini:`` of their documentation)."""

from __future__ import annotations

import os
from collections.abc import Mapping

_sections: Mapping[str, Mapping[str, str]] = {}


def use_sections(sections: Mapping[str, Mapping[str, str]]) -> None:
    """Take options from these from here on."""
    global _sections
    _sections = sections


def written(section: str, key: str) -> str | None:
    """What stands there; None where nothing does."""
    return _sections.get(section, {}).get(key.lower())


def set_anywhere(variable: str, section: str, key: str) -> str | None:
    """What a variable of the environment says, else the file."""
    return os.environ.get(variable) or written(section, key)
