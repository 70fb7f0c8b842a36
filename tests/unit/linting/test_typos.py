from __future__ import annotations

import pytest

from stella_ops.linting.undefined import is_typo


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
