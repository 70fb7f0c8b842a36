from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from stella_ops.console.text import banner, safe_block, safe_json, safe_line, shorten, width


@given(st.text(st.characters()))
def test_no_control_character_gets_through(text: str) -> None:
    line, block = safe_line(text), safe_block(text)
    assert not [char for char in line if unicodedata.category(char) in ("Cc", "Zl", "Zp")]
    assert not [char for char in block if unicodedata.category(char) in ("Cc", "Zl", "Zp") and char not in "\n\t"]


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_json_keeps_its_value(text: str) -> None:
    made = safe_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(made) == text
    assert not any(unicodedata.category(char) == "Cc" for char in made)


@given(st.text(), st.integers(1, 60))
def test_shortened_text_fits(text: str, columns: int) -> None:
    made = shorten(text, columns)
    assert width(made) <= columns
    assert made == text or made.endswith("…")


def test_escapes_are_readable() -> None:
    assert safe_line("a\r\n\tb\x1b[0m\x9b\u202e") == "a\\r\\n\\tb\\x1b[0m\\x9b\\u202e"
    assert safe_block("a\r\nb\tc\rd") == "a\nb\tc\\rd"


def test_banner_is_eighty_columns_wide_or_has_three_stars() -> None:
    assert banner("PLAY RECAP") == "PLAY RECAP " + "*" * 69
    assert width(banner("TASK [日本語]")) == 80
    assert banner("x" * 90) == "x" * 90 + " ***"
