from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.linting.typos import Typos, is_typo


@pytest.mark.parametrize(
    ("name", "meant"),
    [("greetin", "greeting"), ("greting", "greeting"), ("geretings", "greetings"), ("listen_adress", "listen_address")],
)
def test_a_letter_amiss(name: str, meant: str) -> None:
    assert is_typo(name, meant)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("host1", "host2"),
        ("prt", "port"),
        ("db_user", "db_name"),
        ("age_system_packages", "system_packages"),
        ("x", "y"),
    ],
)
def test_another_name(name: str, meant: str) -> None:
    assert not is_typo(name, meant)


def _distance(a: str, b: str) -> int:
    """Letters to put in, leave out, change or swap with their neighbour: the whole table, row by row."""
    rows = [[i + j if 0 in (i, j) else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            ways = [rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] != b[j - 1])]
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                ways.append(rows[i - 2][j - 2] + 1)
            rows[i][j] = min(ways)
    return rows[-1][-1]


@given(st.text("abc", min_size=5, max_size=12), st.text("abc", max_size=12))
def test_the_search_ends_early_without_missing_one(name: str, meant: str) -> None:
    assert is_typo(name, meant) == (name != meant and _distance(name, meant) <= (1 if len(name) < 9 else 2))


def test_each_pair_is_compared_once_and_each_set_by_itself() -> None:
    typos = Typos()
    assert not typos.of_any("greeting", {"farewell", "other"})
    assert typos.of_any("greeting", {"farewell", "greetings"})
    assert not typos.of_any("greeting", {"farewell"})
    assert typos.of_any("greeting", {"greetings", "more"})
    assert not typos.of_any("farewel", {"greetings"}) and typos.of_any("farewel", {"farewell"})
