"""What an operator should know of playbooks, templates and collections, and is no failure.

``Collections.say`` tells it, once. What is said while a task runs belongs to the task's result as well, under
``warnings`` and ``deprecations``, as ansible-core 2.19 has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

from stella_ops.collections.runtime import Removal
from stella_ops.origins import Origin

BUILTIN = "ansible.builtin"
DISABLE = "Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg."
GOES = "2.23"  # the ansible-core without what 2.19 calls deprecated


class Notice(NamedTuple):
    """Something to know.

    Attributes:
        deprecated: it tells what will go away one day.
        version: of the collection from which that is gone; ``date`` after which.
        collection: whose it is; the text says when itself where that is None.
        plugin: kind and name of the plug-in whose it is.
        where: the place in a file of the operator's.
    """

    text: str
    deprecated: bool = False
    version: str | None = None
    date: str | None = None
    collection: str | None = None
    plugin: tuple[str, str] | None = None
    where: str | None = None

    def told(self) -> str:
        """All of it for people."""
        place = f"\nOrigin: {self.where}" if self.where else ""
        return self.told_of_result() + place

    def told_of_result(self) -> str:
        """Without the place, as a result tells it."""
        entry = self.entry()
        return entry if isinstance(entry, str) else deprecation(entry)

    def entry(self) -> str | dict[str, Any]:
        """What the result of a task says of it."""
        if not self.deprecated:
            return self.text
        if self.collection is None:
            return {"msg": self.text}
        kind, name = self.plugin or (None, "")
        made = {
            "msg": self.text,
            "collection_name": self.collection,
            "deprecator": {"resolved_name": f"{self.collection}.{name}".rstrip("."), "type": kind},
        }
        return {
            **made,
            **({"version": self.version} if self.version else {}),
            **({"date": self.date} if self.date else {}),
        }


def deprecation(said: Mapping[str, Any]) -> str:
    """What goes away, and when, of an entry of ``deprecations``; in ansible-core's words."""
    text, name = str(said.get("msg", said)), said.get("collection_name")
    if not name:
        return text
    removal = Removal(version=said.get("version"), date=said.get("date"))
    by = said.get("deprecator")
    plugin = None
    if isinstance(by, dict) and by.get("type") and by.get("resolved_name"):
        plugin = (str(by["type"]), str(by["resolved_name"]).rpartition(".")[2])
    stop = "" if text.endswith((".", "!", "?")) else "."
    return f"{text}{stop} {removal.sentence(str(name), plugin=plugin)}"


def sign(deprecations: Iterable[Any], module: str) -> None:
    """Put into what a module calls deprecated whose it is: the module's, where no collection is named."""
    module = module if "." in module else f"ansible.legacy.{module}"
    for said in deprecations:
        if isinstance(said, dict) and not said.get("deprecator"):
            mine = not said.get("collection_name")
            named = module if mine else str(said["collection_name"])
            said["collection_name"] = module.rpartition(".")[0] if mine else named
            said["deprecator"] = {"resolved_name": named, "type": "module" if mine else None}


_heard: ContextVar[dict[Notice, None] | None] = ContextVar("heard_notices", default=None)


@contextmanager
def hearing() -> Iterator[dict[Notice, None]]:
    """Collect what is said meanwhile, in this context; it is said all the same."""
    heard: dict[Notice, None] = {}
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def hear(notice: Notice) -> None:
    """Note something for the task that runs now, if one does."""
    heard = _heard.get()
    if heard is not None:
        heard[notice] = None


def goes_away(text: str, *, where: Origin | None = None, plugin: tuple[str, str] | None = None) -> None:
    """Say that a form of the language will not be one day."""
    from stella_ops.collections.installed import current

    current().tell(Notice(text, True, GOES, collection=BUILTIN, plugin=plugin, where=_whole(where)))


def warn(text: str, *, where: Origin | None = None) -> None:
    """Say something that is likely a mistake."""
    from stella_ops.collections.installed import current

    current().tell(Notice(text, where=_whole(where)))


def _whole(where: Origin | None) -> str | None:
    if where is None:
        return None
    return str(Origin(str(Path(where.source).absolute()), where.line, where.column))


def add_to(result: MutableMapping[str, Any], heard: dict[Notice, None]) -> None:
    """Put into a result what was said while it came about."""
    for name, deprecated in (("warnings", False), ("deprecations", True)):
        found = [notice.entry() for notice in heard if notice.deprecated is deprecated]
        if found:
            before = result.get(name)
            result[name] = [*(before if isinstance(before, list | tuple) else [before] if before else ()), *found]
