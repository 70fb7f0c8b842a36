"""Short names of plug-ins that were part of Ansible before collections, and that playbooks still use.

ansible-core sends such a name to the collection that has it now; where that is not installed, it is unknown.
``moved.txt`` lists them; it is read when a name is met that is none of those here.
"""

from __future__ import annotations

import functools
from pathlib import Path


def moved_to(kind: str, name: str) -> str | None:
    """The full name that a short one, or one of ansible.builtin, stands for; None where it stands for none.

    Args:
        kind: ``modules``, ``module_utils``, ``lookup``, ``filter``, ``inventory`` or ``connection``.
    """
    return _table().get((kind, name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")))


@functools.cache
def _table() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for line in Path(__file__).with_name("moved.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        heading, _, names = line.partition(": ")
        kind, collection = heading.split()
        for name in names.split():
            short, _, other = name.partition("=")
            found[kind, short] = f"{collection}.{other or short}"
    return found
