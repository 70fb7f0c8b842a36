from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.remote.lib import units

names = st.from_regex(r"[A-Z][A-Za-z0-9]*", fullmatch=True)
values = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]))


@given(st.dictionaries(names, values))
def test_properties_are_read_back(properties):
    text = "".join(f"{name}={value}\n" for name, value in properties.items())
    assert units.parse_properties(text) == properties


def test_values_of_several_lines_and_lists():
    text = "Id=x.service\nExecStart={ path=/a }\nExecStart={ path=/b }\nDescription=one\n  two\nNames=\n"
    assert units.parse_properties(text) == {
        "Id": "x.service",
        "ExecStart": "{ path=/a } ; { path=/b }",
        "Description": "one\n  two",
        "Names": "",
    }


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("sshd", "sshd.service"),
        ("sshd.service", "sshd.service"),
        ("a.timer", "a.timer"),
        ("getty@tty1", "getty@tty1.service"),
        ("php8.2-fpm", "php8.2-fpm.service"),
    ],
)
def test_full_name(name, full):
    assert units.full_name(name) == full
