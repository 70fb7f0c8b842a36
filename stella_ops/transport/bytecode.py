"""Bytecode of what travels to hosts, for those whose Python is of the controller's own version.

Compiling the runner takes a host longer than starting its interpreter. A host of another version cannot use the
bytecode, and compiles the source, which always comes along until the host's version is known.
"""

from __future__ import annotations

import functools
import importlib.util
import marshal
import zlib
from typing import NamedTuple

MAGIC_NUMBER = importlib.util.MAGIC_NUMBER


class Unit(NamedTuple):
    """A piece of code: ``key`` names it on the host, ``packed`` is the CODE frame's payload."""

    key: str
    packed: bytes


def compiled(source: bytes, filename: str, *, lean: bool = False) -> bytes:
    """The compressed bytecode of some source; empty where this Python cannot compile it.

    Args:
        filename: what tracebacks on the host call it.
        lean: without docstrings and assertions.
    """
    try:
        code = compile(source, filename, "exec", dont_inherit=True, optimize=2 if lean else 0)
    except (SyntaxError, ValueError):
        # The host's Python decides, which may know more or less than ours; its error goes to the operator.
        return b""
    return zlib.compress(marshal.dumps(code), 6)


def pack(key: str, source: bytes, filename: str, *, lean: bool = False) -> bytes:
    """A piece of code as it travels; ``remote/runner/loader.py`` tells the form.

    Args:
        key: its name on the host.
        filename: what tracebacks on the host call it.
        lean: see ``compiled``.
    """
    bytecode = compiled(source, f"stella:{filename}", lean=lean)
    head = key.encode() + b"\n" + MAGIC_NUMBER + len(bytecode).to_bytes(4, "big")
    return head + bytecode + zlib.compress(source, 6)


@functools.lru_cache(maxsize=1024)
def without_bytecode(packed: bytes) -> bytes:
    """The same piece of code as source alone, a third as long."""
    head, newline, rest = packed.partition(b"\n")
    length = int.from_bytes(rest[4:8], "big")
    return head + newline + rest[:4] + bytes(4) + rest[8 + length :]
