from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stella_ops.remote.lib import difftext


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")))
def test_text_is_shown_as_it_is(text):
    assert difftext.of_content(None, text.encode(), "a", "b")["after"] == text


@given(st.binary(max_size=200))
def test_everything_else_is_named(data):
    shown = difftext.of_content(data, None, "a", "b")["before"]
    assert shown.encode() == data or shown == f"(binary, {len(data)} bytes, not shown)\n"


def test_bounded():
    at_limit = b"x" * difftext.LIMIT
    assert len(difftext.of_content(at_limit, at_limit + b"x", "a", "b")["before"]) == difftext.LIMIT
    assert "not shown" in difftext.of_content(at_limit, at_limit + b"x", "a", "b")["after"]


def test_attributes_that_differ():
    told = difftext.of_attributes("/f", {"state": "absent"}, {"state": "file", "mode": "0644"})
    assert told["before"] == {"path": "/f", "state": "absent"}
    assert told["after"] == {"path": "/f", "mode": "0644", "state": "file"}
    told = difftext.of_attributes("/f", {"state": "file", "mode": "0600"}, {"state": "file", "mode": "0644"})
    assert told == {"before": {"path": "/f", "mode": "0600"}, "after": {"path": "/f", "mode": "0644"}}


def test_head(tmp_path):
    (tmp_path / "f").write_bytes(b"x" * (difftext.LIMIT + 50))
    assert len(difftext.head(str(tmp_path / "f"))) == difftext.LIMIT + 1
    assert difftext.head(str(tmp_path / "none")) is None
