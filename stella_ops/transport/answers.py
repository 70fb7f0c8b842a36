"""Reads what a host answers. It is JSON of anybody's making: a host may be in other hands.

What leaves here is plain: mappings whose texts can be encoded, no NaN, nothing nested deeper than ``DEEPEST``.
"""

from __future__ import annotations

import json
import re
from typing import Any

# The runner cuts its own answers at 100.
DEEPEST = 128
_HELLO: dict[str, type | tuple[type, ...]] = {
    "python": str,
    "executable": str,
    "uid": int,
    "user": str,
    "home": str,
    "time": (int, float),
}
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class AnswerError(ValueError):
    """The host's answer is not what a runner sends."""


def read_answer(payload: bytes) -> dict[str, Any]:
    """The mapping in a frame's payload.

    Raises:
        AnswerError: it is no JSON, no mapping, or nested too deeply.
    """
    try:
        # NaN and infinities are JSON to Python only: they would spoil every document that they are copied to.
        found = json.loads(payload, parse_constant=str)
    except (ValueError, RecursionError) as problem:
        raise AnswerError(str(problem) or type(problem).__name__) from None
    if not isinstance(found, dict):
        raise AnswerError(f"a mapping is expected, not {type(found).__name__}")
    # Few answers can hold what must be changed, and looking at the bytes tells.
    if payload.count(b"{") + payload.count(b"[") > DEEPEST or _SURROGATE.search(payload):
        return {_text(key): _plain(value, 1) for key, value in found.items()}
    return found


def read_hello(payload: bytes) -> dict[str, Any]:
    """What a runner says of itself; others rely on the fields being there.

    Raises:
        AnswerError: one is not, or it is no answer.
    """
    hello = read_answer(payload)
    for name, kind in _HELLO.items():
        if not isinstance(hello.get(name), kind):
            raise AnswerError(f"the runner's greeting lacks '{name}'")
    return hello


def _plain(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise AnswerError(f"nested deeper than {DEEPEST}")
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    return value


def _text(text: str) -> str:
    """Text without lone surrogates, which no encoding can write."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text
