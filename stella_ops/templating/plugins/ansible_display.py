"""``Display`` of ansible-core, to which users' plug-ins tell what an operator should know."""

from __future__ import annotations

import sys
from typing import Any

from stella_ops.collections import current
from stella_ops.collections.runtime import Removal


class Display:
    """Messages of plug-ins: warnings are the run's, or go to standard error where none runs; the rest is dropped."""

    verbosity = 0

    def warning(self, msg: Any, formatted: bool = False, **more: Any) -> None:
        _say(str(msg))

    def deprecated(
        self,
        msg: Any,
        version: str | None = None,
        removed: bool = False,
        date: str | None = None,
        collection_name: str | None = None,
        **more: Any,
    ) -> None:
        text = f"{str(msg).rstrip()}{'' if str(msg).rstrip().endswith(('.', '!', '?')) else '.'}"
        if collection_name:
            text += f" {Removal(version=version, date=date).sentence(collection_name, done=removed)}"
        _say(text, deprecated=True)

    def display(self, message: Any, *args: Any, **more: Any) -> None:
        print(message, file=sys.stderr)

    def error(self, message: Any, *args: Any, **more: Any) -> None:
        print(f"[ERROR]: {message}", file=sys.stderr)

    def _dropped(self, *args: Any, **more: Any) -> None:
        """Nothing."""

    v = vv = vvv = vvvv = vvvvv = vvvvvv = verbose = debug = banner = _dropped


def _say(text: str, *, deprecated: bool = False) -> None:
    collections = current()
    if collections.heard:
        collections.say(text, deprecated=deprecated)
    elif not deprecated:
        print(f"[WARNING]: {text}", file=sys.stderr)
