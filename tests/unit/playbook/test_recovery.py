"""The entry with a mistake is left out, and no other line moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.playbook.recovery import without_entry

TEXT = """\
- hosts: a
  tasks:
    - one:
        x: 1

        y: 2
    - two:
  handlers:
    - three:
- hosts: b
"""


@pytest.mark.parametrize(
    ("line", "gone"),
    [(4, (3, 6)), (3, (3, 6)), (6, (3, 6)), (7, (7, 7)), (9, (9, 9)), (1, (1, 9)), (10, (10, 11)), (99, (10, 11))],
)
def test_the_entry_of_a_line(line: int, gone: tuple[int, int]) -> None:
    expected = ["" if gone[0] <= number <= gone[1] else text for number, text in enumerate(TEXT.split("\n"), 1)]
    assert without_entry(TEXT, line) == "\n".join(expected)


def test_a_line_of_no_entry() -> None:
    assert without_entry("a: 1\nb: [\n", 2) is None


@given(st.text(alphabet="-: ab\n\t'", max_size=80), st.integers(1, 12))
def test_lines_keep_their_numbers_and_less_is_left_each_time(text: str, line: int) -> None:
    rest = without_entry(text, line)
    if rest is not None:
        assert rest.count("\n") == text.count("\n")
        assert len(rest) < len(text)
