"""What comes from a host is JSON of anybody's making."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.transport.answers import DEEPEST, AnswerError, read_answer

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.dictionaries(st.text(), values))
def test_an_honest_answer_is_kept(answer):
    assert read_answer(json.dumps(answer).encode()) == answer


@given(st.binary(max_size=200))
def test_anything_else_is_one_error(payload):
    try:
        assert isinstance(read_answer(payload), dict)
    except AnswerError:
        pass


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b'{"a": ',
        b"\xff\xfe",
        b'{"a": ' + b"[" * 200_000,
        b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a": ' + b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1) + b"}",
        b'{"a": ' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_refused(payload):
    with pytest.raises(AnswerError):
        read_answer(payload)


def test_what_no_document_can_hold_is_made_fit():
    answer = read_answer(
        b'{"nan": NaN, "inf": [-Infinity], "text\\ud800": {"lone": "a\\udfffb"}, "pair": "\\ud83d\\ude00"}'
    )
    assert answer == {"nan": "NaN", "inf": ["-Infinity"], "text?": {"lone": "a?b"}, "pair": "\U0001f600"}
    json.dumps(answer, allow_nan=False, ensure_ascii=False).encode()
