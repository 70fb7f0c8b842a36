"""The coders in C behind ``json`` do as ``json`` does."""

import json
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.remote.runner import plainjson

# Lone surrogates too, as file names that are no UTF-8 have them.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
PLAIN = st.none() | st.booleans() | st.integers() | st.integers(-(10**60), 10**60) | st.floats() | TEXTS
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5))


def without(name: str) -> ModuleType:
    """The module as it is where another one cannot be imported."""
    spec = spec_from_file_location("plainjson_again", plainjson.__file__)
    assert spec and spec.loader
    again = module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, name, None)
        spec.loader.exec_module(again)
    return again


FALLBACK = without("_json")
BOTH = pytest.mark.parametrize("coder", [plainjson, FALLBACK], ids=["in C", "fallback"])


def test_each_of_them_is_what_it_is_taken_for() -> None:
    assert plainjson.dumps.__qualname__.startswith("_in_c.")
    assert FALLBACK.dumps.__qualname__.startswith("_as_usual.")


@BOTH
@given(value=VALUES)
def test_what_is_written_is_read_by_json(coder: Any, value: Any) -> None:
    packed = coder.dumps(value)
    assert packed.isascii()
    assert b"\n" not in packed
    # By their text: NaN is not equal to itself, and 1 is equal to True.
    assert json.dumps(json.loads(packed)) == json.dumps(value)


@BOTH
@given(value=VALUES, ascii_=st.booleans())
def test_what_json_writes_is_read(coder: Any, value: Any, ascii_: bool) -> None:
    packed = json.dumps(value, ensure_ascii=ascii_).encode("utf-8", "backslashreplace")
    assert json.dumps(coder.loads(packed)) == json.dumps(json.loads(packed))


@BOTH
def test_deep_nesting(coder: Any) -> None:
    value: Any = {"end": 1.5}
    for number in range(120):
        value = [value] if number % 2 else {"a": value}
    assert coder.loads(coder.dumps(value)) == value == json.loads(coder.dumps(value))
    hopeless: list[Any] = []
    hopeless.append(hopeless)
    with pytest.raises((RecursionError, ValueError)):
        coder.dumps(hopeless)
    with pytest.raises(RecursionError):
        coder.loads(b"[" * 200000)


@BOTH
def test_what_cannot_be_written_is_an_error(coder: Any) -> None:
    with pytest.raises(TypeError):
        coder.dumps({"a": object()})


@BOTH
@pytest.mark.parametrize("data", [b"", b"{", b"nonsense", b'"\x01"', b"[1,]"])
def test_nonsense_is_an_error(coder: Any, data: bytes) -> None:
    with pytest.raises((ValueError, StopIteration)):
        coder.loads(data)


SAMPLE = {
    "text": ["", "\u00e4\u2028\U0001f600", "\ud800", '\\"\b\f\n\r\t\x00\x7f'],
    "numbers": [0, -1, 2**64, 10**40, 0.1, -1e-300, 1e300, float("inf"), float("-inf"), float("nan")],
    "others": [None, True, False, [], {}],
}


def test_under_every_python(interpreter: Path) -> None:
    source = Path(plainjson.__file__).read_text() + (
        "\nimport json, sys\nvalue = json.loads(sys.stdin.read())\n"
        "assert json.dumps(loads(dumps(value))) == json.dumps(value)\n"
        "assert json.dumps(json.loads(dumps(value).decode('ascii'))) == json.dumps(value)\n"
        "sys.stdout.write(dumps.__qualname__)\n"
    )
    done = subprocess.run(
        [interpreter, "-I", "-S", "-c", source], input=json.dumps(SAMPLE), capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("_in_c."), done.stderr
