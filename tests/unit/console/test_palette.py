"""Colours of one's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stella_ops.console import stream
from stella_ops.console.palette import paint_with
from stella_ops.errors import SettingsError


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    kept = dict(stream.STYLES)
    yield
    stream.STYLES.clear()
    stream.STYLES.update(kept)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *(("bright red", "1;31"), ("purple", "0;35"), ("dark gray", "1;30"), ("normal", "0")),
        *(("color9", "38;5;9"), ("rgb135", "38;5;75"), ("gray7", "38;5;239")),
    ],
)
def test_names(name: str, code: str) -> None:
    paint_with({"COLOR_OK": name})
    assert stream.paint("x", "ok") == f"\x1b[{code}m\x1b[0m".replace("m\x1b", "mx\x1b")


def test_what_is_no_colour() -> None:
    with pytest.raises(SettingsError, match="'redd' is no colour"):
        paint_with({"COLOR_ERROR": "redd"})
