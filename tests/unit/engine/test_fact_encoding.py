"""The text that facts are kept as."""

from __future__ import annotations

import datetime
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stella_ops.engine.fact_caches.encoding import decode, encode
from stella_ops.origins import Origin, SourceText

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC))
    | st.dates()
    | st.times()
)
# One that marks a wrapping is never kept: see below.
KEYS = st.text().filter(lambda key: key != "__ansible_type")
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(KEYS, VALUES))
def test_what_is_kept_comes_back(facts: dict[str, object]) -> None:
    for some in (facts, {**facts, "a day": datetime.date(2024, 2, 29)}):
        text, unkept = encode(some)
        assert unkept == []
        assert decode(text) == some


def test_a_template_comes_back_as_data() -> None:
    found = decode(encode({"x": SourceText("{{ 1 }}", Origin("f"))})[0])["x"]
    assert type(found) is str and found == "{{ 1 }}"


def test_what_cannot_be_kept_is_named() -> None:
    loop: list[object] = []
    loop.append(loop)
    text, unkept = encode({"a": 1, "b": object(), "c": [loop], "d": {"e": {"__ansible_type": "TrustedAsTemplate"}}})
    assert (json.loads(text), unkept) == ({"a": 1}, ["b", "c", "d"])


def test_wrappings_of_ansible_core_are_taken_off() -> None:
    origin = {"path": "p.yml", "line_num": 4, "__ansible_type": "Origin"}
    tags = [origin, {"__ansible_type": "TrustedAsTemplate"}]

    def tagged(kind: str, value: object) -> dict[str, object]:
        return {"value": value, "tags": tags, "__ansible_type": f"_AnsibleTagged{kind}"}

    day = {"iso8601": "2020-01-02T00:00:00", "fold": 0, "__ansible_type": "AnsibleSerializableDateTime"}
    facts = {
        "text": tagged("Str", "{{ x }}"),
        "list": tagged("List", [tagged("Int", 1), {"a": tagged("Float", 1.5)}]),
        "map": tagged("Dict", {"k": tagged("Str", "v")}),
        "day": tagged("DateTime", day),
        "cipher": {"ciphertext": "$ANSIBLE_VAULT…", "__ansible_type": "EncryptedString"},
        "forged": tagged("Str", {"__ansible_type": "EncryptedString"}),
        "bad": {"iso8601": "yesterday", "__ansible_type": "AnsibleSerializableDate"},
    }
    assert decode(json.dumps(facts)) == {
        "text": "{{ x }}",
        "list": [1, {"a": 1.5}],
        "map": {"k": "v"},
        "day": datetime.datetime(2020, 1, 2),
    }


@pytest.mark.parametrize("text", ["", "[]", "1", "{", '"x"'])
def test_no_facts(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)
