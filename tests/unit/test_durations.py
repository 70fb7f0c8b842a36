from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("15m", 900),
        ("7d", 604800),
        ("1h30m", 5400),
        ("2w", 1209600),
        ("250ms", 0.25),
        (" 5s ", 5),
    ],
)
def test_parse(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "s", "-5s", "5 s", "1.5h", "5y", "5s!", "9" * 30 + "w", "٣s"])
def test_parse_refuses(text):
    with pytest.raises(ValueError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(30, "30s"), (60, "1m"), (90, "90s"), (604800, "7d"), (0, "0s"), (0.5, "500ms")]
)
def test_format(seconds, text):
    assert format_duration(timedelta(seconds=seconds)) == text


def test_format_refuses_negative():
    with pytest.raises(ValueError):
        format_duration(timedelta(seconds=-1))


@given(st.integers(min_value=0, max_value=10**12))
def test_what_is_written_is_read_back(ms):
    duration = timedelta(milliseconds=ms)
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(max_size=50))
def test_any_text_is_a_duration_or_a_value_error(text):
    try:
        assert parse_duration(text) >= timedelta(0)
    except ValueError:
        pass
