"""Warnings for the operator, each said once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stella_ops.collections.notices import DISABLE, deprecation
from stella_ops.console.stream import Sink
from stella_ops.console.text import safe_block, safe_line
from stella_ops.engine.events import Warned

_DEPRECATED = "DEPRECATION WARNING"


class WarningPrinter:
    """Prints ``[WARNING]: text`` lines; the same text is not said again, or at ``-v`` once for each host.

    Args:
        deprecated: what will go away is told, too.
    """

    def __init__(self, sink: Sink, verbosity: int, *, deprecated: bool = True) -> None:
        self._sink = sink
        self._verbosity = verbosity
        self._deprecated = deprecated
        self._said: set[tuple[str, str]] = set()
        self._told: set[str] = set()  # what results tell again

    def event(self, event: Warned) -> None:
        """A warning of the engine, with its place or host."""
        self._told.add(event.message.partition("\nOrigin: ")[0])
        place = event.where or event.host
        self._say(
            "ERROR" if event.error else _DEPRECATED if event.deprecated else "WARNING",
            event.message,
            event.host,
            safe_block(f"{place}: {event.message}" if place else event.message),
        )

    def result(self, result: Mapping[str, Any], host: str) -> None:
        """The warnings that a module returned."""
        for key, title in (("warnings", "WARNING"), ("deprecations", _DEPRECATED)):
            found = result.get(key)
            for one in found if isinstance(found, list | tuple) else ():
                text = deprecation(one) if isinstance(one, Mapping) else str(one).rstrip()
                if text not in self._told:
                    self._say(title, text, host, safe_line(f"{host}: {text}" if self._verbosity else text))

    def _say(self, title: str, text: str, host: str | None, line: str) -> None:
        key = (text, (host or "") if self._verbosity else "")
        if key in self._said:
            return
        self._said.add(key)
        if title == _DEPRECATED:
            if not self._deprecated:
                return
            self._say("WARNING", DISABLE, None, DISABLE)
        self._sink.warn(f"[{title}]: {line}")
