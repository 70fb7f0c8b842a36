"""Fully qualified names: ``namespace.collection.name``, with folders between (``ns.coll.folder.name``)."""

from __future__ import annotations

import re
from typing import NamedTuple

BUILTIN = ("ansible.builtin", "ansible.legacy")
_NAME = re.compile(r"\w+(?:\.\w+){2,}")
_COLLECTION = re.compile(r"[^\W\d]\w*\.[^\W\d]\w*")


class Reference(NamedTuple):
    """What a fully qualified name says.

    Attributes:
        collection: namespace and name, with a dot between.
        folders: below the folder of its kind.
        name: of the thing itself.
    """

    collection: str
    folders: tuple[str, ...]
    name: str

    @property
    def inside(self) -> str:
        """The name within its collection, as ``meta/runtime.yml`` has it."""
        return ".".join((*self.folders, self.name))


def parse(text: str) -> Reference | None:
    """The parts of a fully qualified name; None for any other text."""
    if not _NAME.fullmatch(text):
        return None
    namespace, collection, *folders, name = text.split(".")
    return Reference(f"{namespace}.{collection}", tuple(folders), name)


def is_collection(text: str) -> bool:
    """Whether a text can be a collection's name."""
    return _COLLECTION.fullmatch(text) is not None
