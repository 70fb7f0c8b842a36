"""Warnings for the operator, each said once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stella_ops.collections.runtime import Removal
from stella_ops.console.stream import Sink
from stella_ops.console.text import safe_block, safe_line
from stella_ops.engine.events import Warned


class WarningPrinter:
    """Prints ``[WARNING]: text`` lines; the same text is not said again, or at ``-v`` once for each host."""

    def __init__(self, sink: Sink, verbosity: int) -> None:
        self._sink = sink
        self._verbosity = verbosity
        self._said: set[tuple[str, str]] = set()

    def event(self, event: Warned) -> None:
        """A warning of the engine, with its place or host."""
        place = event.where or event.host
        self._say(
            "ERROR" if event.error else "DEPRECATION WARNING" if event.deprecated else "WARNING",
            event.message,
            event.host,
            safe_block(f"{place}: {event.message}" if place else event.message),
        )

    def result(self, result: Mapping[str, Any], host: str) -> None:
        """The warnings that a module returned."""
        for key, title in (("warnings", "WARNING"), ("deprecations", "DEPRECATION WARNING")):
            found = result.get(key)
            for one in found if isinstance(found, list | tuple) else ():
                text = _deprecation(one) if isinstance(one, Mapping) else str(one)
                self._say(title, text, host, safe_line(f"{host}: {text}" if self._verbosity else text))

    def _say(self, title: str, text: str, host: str | None, line: str) -> None:
        key = (text, (host or "") if self._verbosity else "")
        if key not in self._said:
            self._said.add(key)
            self._sink.warn(f"[{title}]: {line}")


def _deprecation(said: Mapping[str, Any]) -> str:
    """What goes away, and when; in ansible-core's words."""
    text, name = str(said.get("msg", said)), said.get("collection_name")
    if not name:
        return text
    removal = Removal(version=said.get("version"), date=said.get("date"))
    return f"{text}{'' if text.endswith(('.', '!', '?')) else '.'} {removal.sentence(str(name))}"
