from __future__ import annotations

import json
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.remote.lib import arguments
from stella_ops.remote.lib.arguments import ArgumentError, apply_spec

WORDS = arguments.TRUE | arguments.FALSE
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def one(kind: str, value: object, **option: object) -> object:
    return apply_spec({"x": {"type": kind, **option}}, {"x": value})["x"]


@pytest.mark.parametrize("text", ["yes", "on", "1", "true", "y", "t"])
@given(data=st.data())
def test_words_for_true_in_any_case(text, data):
    shown = "".join(data.draw(st.sampled_from([letter.upper(), letter])) for letter in text)
    assert one("bool", f" {shown} ") is True


@pytest.mark.parametrize("value", ["no", "OFF", "0", "False", "n", "F", False, 0, 0.0])
def test_words_for_false(value):
    assert one("bool", value) is False


@given(json_values)
def test_bool_is_a_bool_or_a_clear_refusal(value):
    known = value is None or value in (0, 1) or (isinstance(value, str) and value.strip().lower() in WORDS)
    if known:
        assert one("bool", value) in (True, False, None)
    else:
        with pytest.raises(ArgumentError, match="argument 'x'"):
            one("bool", value)


@given(st.integers())
def test_int_from_every_spelling(number):
    assert one("int", number) == one("int", str(number)) == one("int", f" {number} ") == number


@given(st.integers(-(2**50), 2**50))
def test_int_from_a_float_without_fraction(number):
    assert one("int", float(number)) == number
    assert one("int", f"{number}.0") == number


@pytest.mark.parametrize("value", ["", "1.5", 1.5, "0x10", "one", "inf", math.inf, math.nan, [], {}])
def test_what_is_no_int(value):
    with pytest.raises(ArgumentError, match="argument 'x'"):
        one("int", value)


@given(st.floats(allow_nan=False))
def test_float_from_its_text(number):
    assert one("float", repr(number)) == number


@given(json_values)
def test_no_type_ever_crashes(value):
    for kind in arguments.COERCIONS:
        try:
            fitted = one(kind, value)
        except ArgumentError:
            continue
        assert isinstance(fitted, (str, int, float, bool, list, dict, type(None)))
        if kind == "raw":
            assert fitted == value


words = st.text(
    st.characters(blacklist_characters=",", blacklist_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1
)


@given(st.lists(words, min_size=1))
def test_list_from_comma_separated_text(items):
    assert one("list", ",".join(items)) == items
    assert one("list", items) == items


def test_what_cannot_be_converted_is_said_in_the_words_that_people_look_for():
    with pytest.raises(
        ArgumentError, match="argument 'x' is of type str and we were unable to convert to bool: The value"
    ):
        one("bool", "maybe")
    with pytest.raises(ArgumentError, match="unable to convert to int: \"'1x'\" cannot be converted to an int"):
        one("int", "1x")


def test_list_of_elements():
    assert one("list", "1, 2", elements="int") == [1, 2]
    assert one("list", 5) == ["5"]
    assert one("list", "a, b,") == ["a", " b", ""], "blanks and empty parts stay, as in ansible-core"
    assert one("list", [1, ["a"]], elements="str") == ["1", "['a']"]
    with pytest.raises(
        ArgumentError, match="Elements value for option 'x' is of type str and we were unable to convert"
    ):
        one("list", "1,b", elements="int")
    with pytest.raises(ArgumentError, match="<class 'dict'> cannot be converted to a list"):
        one("list", {"a": 1})


@given(st.dictionaries(st.text(), json_values))
def test_dict_from_json(value):
    assert one("dict", json.dumps(value)) == value


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_]\w*", fullmatch=True),
        st.text(st.characters(blacklist_categories=["Cs", "Cc"])),
        min_size=1,
    ),
    st.sampled_from([" ", ",", ", "]),
)
def test_dict_from_pairs(value, between):
    text = between.join(f"{key}={quoted(item)}" for key, item in value.items())
    assert one("dict", text) == value


@pytest.mark.parametrize("value", ["{broken", "words only", "[1]", "=x", "{1, 2}", ["a"], 5])
def test_what_is_no_dict(value):
    with pytest.raises(ArgumentError, match="argument 'x'"):
        one("dict", value)


def test_text_is_made_of_anything():
    assert one("str", 5) == "5"
    assert one("str", True) == "True"
    assert one("str", ["a"]) == "['a']"
    assert one("path", {"a": 1}) == "{'a': 1}"
    assert one("int", True) == 1


def test_path_expands(monkeypatch):
    monkeypatch.setenv("FOLDER", "/opt/x")
    assert one("path", "$FOLDER/${FOLDER}") == "/opt/x//opt/x"
    assert one("path", "~/f") == os.path.expanduser("~/f")
    assert one("path", "~") == os.path.expanduser("~")
    with pytest.raises(ArgumentError, match="NUL"):
        one("path", "a\0b")


def test_defaults_and_what_is_required():
    spec = {"a": {"required": True}, "b": {"type": "int", "default": "3"}, "c": {}}
    assert apply_spec(spec, {"a": "x"}) == {"a": "x", "b": 3, "c": None}
    with pytest.raises(ArgumentError, match=r"missing required arguments: a$"):
        apply_spec(spec, {"c": 1})


def test_null_is_absent_only_where_nothing_is_there_without_it():
    assert one("str", None) is None
    assert one("int", None) is None
    assert one("str", None, required=True) == one("str", None, default="x") == ""
    for kind in ("int", "bool", "list", "dict", "float"):
        with pytest.raises(ArgumentError, match=f"argument 'x' is of type NoneType and .* convert to {kind}"):
            one(kind, None, default="1")
    with pytest.raises(ArgumentError, match="value of x must be one of: a, got: None"):
        one("str", None, choices=["a"])
    assert apply_spec({"_x": {"type": "bool", "default": False}}, {"_x": None}) == {"_x": False}


def test_aliases():
    spec = {"path": {"aliases": ["dest", "name"], "required": True}}
    assert apply_spec(spec, {"dest": "x"}) == {"path": "x"}
    warnings: list[str] = []
    assert apply_spec(spec, {"path": "a", "name": "b"}, warnings.append) == {"path": "b"}
    assert apply_spec(spec, {"name": "b", "path": "a"}, warnings.append) == {"path": "b"}
    assert warnings == ["Both option path and its alias name are set."] * 2


def test_unknown_argument_names_the_nearest_and_the_rest():
    spec = {"owner": {}, "group": {"aliases": ["grp", "gid"]}, "_private": {}}
    with pytest.raises(ArgumentError, match="Unsupported parameters for this module: onwer, zz") as caught:
        apply_spec(spec, {"zz": 1, "onwer": "x"})
    assert str(caught.value).endswith("Supported parameters include: group, owner (gid, grp).")
    assert caught.value.hint == "did you mean 'owner'?"
    assert "_private" not in str(caught.value)
    with pytest.raises(ArgumentError, match="it takes none"):
        apply_spec({}, {"a": 1})


def test_what_is_missing_or_wrong_is_told_before_what_is_unknown():
    spec = {"a": {"required": True}, "b": {"type": "int"}}
    with pytest.raises(ArgumentError, match="missing required arguments: a"):
        apply_spec(spec, {"zz": 1, "b": "x"})
    with pytest.raises(ArgumentError, match="convert to int"):
        apply_spec(spec, {"zz": 1, "b": "x", "a": 1})


def test_choices():
    option = {"choices": ["started", "stopped", "no"]}
    assert one("str", "started", **option) == "started"
    assert one("str", False, **option) == "no", "YAML reads a bare no as a boolean"
    with pytest.raises(ArgumentError, match=r"must be one of: started, stopped, no, got: startd$") as caught:
        one("str", "startd", **option)
    assert caught.value.hint == "did you mean 'started'?"
    assert one("list", "a,b", elements="str", choices=["a", "b"]) == ["a", "b"]
    with pytest.raises(ArgumentError, match=r"must be one or more of: a, b\. Got no match for: c, d"):
        one("list", "a,c,d", elements="str", choices=["a", "b"])


@pytest.mark.parametrize("option", [{"type": "int"}, {"choices": ["a"]}, {"type": "dict"}])
def test_a_refusal_never_shows_a_secret(option):
    with pytest.raises(ArgumentError) as caught:
        apply_spec({"x": {"no_log": True, **option}}, {"x": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_secrets_are_found_at_any_depth():
    spec = {"x": {"no_log": True}, "y": {}}
    applied = {"x": {"a": ["deep", 7], "b": "longest"}, "y": "open"}
    assert arguments.secrets(spec, applied) == ["longest", "deep", "7"]
