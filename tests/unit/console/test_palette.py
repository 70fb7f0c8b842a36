"""Colours of one's own."""

from __future__ import annotations

import contextvars
from collections.abc import Mapping

import pytest

from stella_ops.console import stream
from stella_ops.console.palette import paint_with
from stella_ops.errors import SettingsError


def painted(chosen: Mapping[str, str]) -> str:
    """What is shown of an "x" that is ok, in a context of its own."""

    def show() -> str:
        paint_with(chosen)
        return stream.paint("x", "ok")

    return contextvars.copy_context().run(show)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *(("bright red", "1;31"), ("purple", "0;35"), ("dark gray", "1;30"), ("normal", "0")),
        *(("color9", "38;5;9"), ("rgb135", "38;5;75"), ("gray7", "38;5;239")),
    ],
)
def test_names(name: str, code: str) -> None:
    assert painted({"COLOR_OK": name}) == f"\x1b[{code}m\x1b[0m".replace("m\x1b", "mx\x1b")


def test_what_is_no_colour() -> None:
    with pytest.raises(SettingsError, match="'redd' is no colour"):
        painted({"COLOR_ERROR": "redd"})
