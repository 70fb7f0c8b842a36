from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.console.diffs import diff_lines


def lines(diff: Any) -> list[str]:
    return [text for text, _ in diff_lines(diff)]


CASES: list[tuple[str, Any, list[str]]] = [
    (
        "new file",
        {"before": "", "after": "a\nb\n", "after_header": "/etc/x"},
        ["--- before", "+++ after: /etc/x", "@@ -0,0 +1,2 @@", "+a", "+b", ""],
    ),
    (
        "no newline at the end",
        {"before": "c\nd", "after": "c\ne", "before_header": "x", "after_header": "x"},
        [
            "--- before: x",
            "+++ after: x",
            "@@ -1,2 +1,2 @@",
            " c",
            "-d",
            "\\ No newline at end of file",
            "+e",
            "\\ No newline at end of file",
            "",
        ],
    ),
    (
        "data",
        {"before": {"path": "/x", "mode": "0644"}, "after": {"path": "/x", "mode": "0600"}},
        [
            "--- before",
            "+++ after",
            "@@ -1,4 +1,4 @@",
            " {",
            '-    "mode": "0644",',
            '+    "mode": "0600",',
            '     "path": "/x"',
            " }",
            "",
        ],
    ),
    ("nothing before", {"before": None, "after": "x\n"},
     ["--- before", "+++ after", "@@ -0,0 +1 @@", "+x", ""]),
    ("the same", {"before": "x\n", "after": "x\n"}, []),
    ("one side only", {"after": "x\n"}, []),
    ("prepared", {"prepared": "x\ny\n"}, ["x", "y"]),
    ("binary", {"dst_binary": 1}, ["diff skipped: destination file appears to be binary"]),
    ("large", {"src_larger": 104448}, ["diff skipped: source file size is greater than 104448"]),
    ("several", [{"prepared": "x"}, {"before": "a\n", "after": "b\n"}],
     ["x", "--- before", "+++ after", "@@ -1 +1 @@", "-a", "+b", ""]),
    ("line ends", {"before": "z\r\n", "after": "z\n"},
     ["--- before", "+++ after", "@@ -1 +1 @@", "-z\\r", "+z", ""]),
    ("escapes and tabs", {"before": "", "after": "\tx\x1b[31m\\t\n"},
     ["--- before", "+++ after", "@@ -0,0 +1 @@", "+\tx\\x1b[31m\\t", ""]),
    ("other shapes", "text", []),
    ("too large to compare", {"before": "a\n" * 900_000, "after": "b\n" * 900_000},
     ["diff skipped: destination file size is greater than 2000000"]),
]  # fmt: skip


@pytest.mark.parametrize(("diff", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_forms(diff: Any, expected: list[str]) -> None:
    assert lines(diff) == expected


@given(st.text("ab\n"), st.text("ab\n"))
def test_a_diff_tells_both_sides(before: str, after: str) -> None:
    made = diff_lines({"before": before, "after": after})
    assert bool(made) == (before != after)
    removed = sum(text.startswith("-") for text, _ in made[2:])
    added = sum(text.startswith("+") for text, _ in made[2:])
    count = len(before.splitlines()) - removed + added
    assert count == len(after.splitlines())


def test_lines_have_their_colours() -> None:
    styles = [style for _, style in diff_lines({"before": "a\n", "after": "b\n"})]
    assert styles == ["removed", "added", "hunk", "removed", "added", None]
