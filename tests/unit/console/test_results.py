from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stella_ops.console.results import clean, dump, dump_sections, is_loud, is_verbose, item_label, to_text

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner) | st.tuples(inner),
    max_leaves=15,
)


@given(values)
def test_any_value_has_one_line_of_strict_json(value: Any) -> None:
    text = to_text(value)
    assert "\n" not in text

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(text, parse_constant=refuse)


def test_odd_values_become_text() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    looped: dict[str, Any] = {}
    looped["self"] = looped
    assert to_text({"p": Path("/a"), "b": b"\xff", "s": {2, 1}, "x": Broken()}) == (
        '{"b": "\\\\xff", "p": "/a", "s": [1, 2], "x": "<Broken>"}'
    )
    assert to_text(looped).startswith('{"self": ')
    assert to_text(float("nan")) == "null"
    assert json.loads(to_text({1: "a", "b": {None: 2}})) == {"1": "a", "b": {"None": 2}}


def test_keys_are_hidden_by_verbosity() -> None:
    result = {
        "changed": True,
        "failed": True,
        "_ansible_x": 1,
        "invocation": {},
        "warnings": [],
        "exception": "t",
    }
    assert clean(result, "copy", 0) == {"changed": True}
    assert clean(result, "copy", 3) == {"changed": True, "invocation": {}}


def test_debug_shows_its_message_or_its_variable() -> None:
    assert clean({"changed": False, "msg": 1, "item": 2}, "debug", 3) == {"msg": 1}
    assert clean({"changed": False, "name": 1, "ansible_loop_var": "item"}, "debug", 0) == {"name": 1}


def test_what_is_verbose() -> None:
    assert is_verbose({}, "debug", 0)
    assert not is_verbose({}, "copy", 0)
    assert is_verbose({}, "copy", 1)
    assert is_verbose({}, "assert", 0)
    assert not is_verbose({"_ansible_verbose_always": False}, "assert", 0)
    assert is_verbose({"_ansible_verbose_always": True}, "mine", 0)
    assert is_loud({"assertion": "a == 2"}, "assert", failed=True)
    assert not is_loud({"msg": "'x' is undefined"}, "debug", failed=True)
    assert not is_verbose({}, "setup", 3)
    assert is_verbose({"skipped": True}, "setup", 1)


def test_indentation() -> None:
    assert dump({"b": 1, "a": 2}, "x", 0) == '{"a": 2, "b": 1}'
    assert dump({"b": 1}, "x", 0, loud=True) == dump({"b": 1}, "x", 3) == '{\n    "b": 1\n}'


def test_items_under_no_log_have_no_label() -> None:
    assert item_label("s3cret", {"censored": "x"}) == "(censored due to no_log)"
    assert item_label("s3cret", {"_ansible_no_log": True}) == "(censored due to no_log)"
    assert item_label({"a": 1}, {}) == "{'a': 1}"
    assert item_label({"a": 1}, {"_ansible_item_label": "one"}) == "one"


def test_what_was_written_stands_below_the_rest() -> None:
    result = {"rc": 3, "stdout": "one\n\x1b[31mtwo", "stdout_lines": ["one", "two"], "stderr": "", "msg": "bad"}
    assert dump_sections(result, "", 0) == '{\n    "rc": 3\n}\n\nSTDOUT:\n\none\n\\x1b[31mtwo\n\n\nMSG:\n\nbad'
    assert dump_sections({"msg": ["a"], "changed": False}, "debug", 0) == "{}\n\nMSG:\n\n['a']"
