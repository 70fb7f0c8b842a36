"""The keywords of plays, roles, blocks, tasks and handlers, as ``ansible-doc -t keyword`` tells of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_WHERE = {"p": "Play", "r": "Role", "b": "Block", "t": "Task", "h": "Handler"}
# What ansible-core's own name of a keyword is, where Python has taken it.
_ALIASES = {"async": "async"}


@functools.cache
def keywords() -> Mapping[str, Mapping[str, Any]]:
    """All keywords by name: description, applies_to, type, template and priority."""
    found: dict[str, Mapping[str, Any]] = {}
    text = Path(__file__).parent.joinpath("builtin", "keywords.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, where, kind, template, priority, said = line.split("|")
        found[name] = {
            **({"alias": _ALIASES[name]} if name in _ALIASES else {}),
            "applies_to": [_WHERE[letter] for letter in where],
            "description": said,
            "priority": int(priority),
            "template": template,
            "type": kind,
        }
    return found
