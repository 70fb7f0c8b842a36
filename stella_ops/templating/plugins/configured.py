"""Sections of ``ansible.cfg`` in which plug-ins look for their options (``ini:`` of their documentation)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

SECTIONS: ContextVar[Mapping[str, Mapping[str, str]]] = ContextVar("sections", default=MappingProxyType({}))


def written(section: str, key: str) -> str | None:
    """What stands there; None where nothing does."""
    return SECTIONS.get().get(section, {}).get(key.lower())


def set_anywhere(variable: str, section: str, key: str) -> str | None:
    """What a variable of the environment says, else the file."""
    return os.environ.get(variable) or written(section, key)
