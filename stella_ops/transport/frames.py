"""Frames between controller and remote runner; the other half is ``remote/runner/program.py``.

A frame is the payload's length (4 bytes, big-endian), its kind (1 byte), a task id (4 bytes), and the payload.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator, Sequence

HEADER = struct.Struct(">IBI")
MAGIC = b"\0stella-runner/1\n"
NO_PYTHON = b"\0stella-runner/no-python\n"
READY = b"\0stella-runner/ready\n"

CODE, TASK, DATA, CANCEL, ALIVE = 1, 2, 3, 4, 5
HELLO, RESULT, CRASH, SKIPPED, OUTPUT = 16, 17, 18, 19, 20
FROM_HOST = frozenset((HELLO, RESULT, CRASH, SKIPPED, OUTPUT))

TOLD = struct.Struct(">BQ")
# The longest OUTPUT frame that is believed.
OUTPUT_LIMIT = 1 << 16

# What login shells and broken interpreters may print before the runner speaks; beyond it something is wrong.
JUNK_LIMIT = 1 << 20
FRAME_LIMIT = 1 << 28


class FrameError(ValueError):
    """The bytes from the host are no frames."""


def encode(kind: int, task_id: int, payload: bytes) -> bytes:
    """One frame as bytes."""
    return HEADER.pack(len(payload), kind, task_id) + payload


def gather(kind: int, task_id: int, parts: Sequence[bytes | memoryview]) -> bytes:
    """One frame whose payload is in several parts."""
    return b"".join((HEADER.pack(sum(len(part) for part in parts), kind, task_id), *parts))


def read_output(payload: bytes) -> tuple[int, int, bytes]:
    """What an OUTPUT frame holds: the stream (1 or 2), how many bytes of it were left out before, what was printed.

    Raises:
        FrameError: no runner sends that.
    """
    if not TOLD.size <= len(payload) <= OUTPUT_LIMIT:
        raise FrameError(f"a piece of output of {len(payload)} bytes")
    stream, skipped = TOLD.unpack_from(payload)
    if stream not in (1, 2):
        raise FrameError(f"output of a stream {stream}")
    return stream, skipped, payload[TOLD.size :]


class FrameDecoder:
    """Collects bytes and gives out whole frames.

    Args:
        kinds: the kinds of frames that may come.

    Raises:
        FrameError: another kind, or a length beyond ``FRAME_LIMIT``: something else wrote into the stream.
    """

    def __init__(self, kinds: Container[int] = FROM_HOST) -> None:
        self._held = bytearray()
        self._kinds = kinds

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Frames that are complete with these bytes: (kind, task id, payload)."""
        held = self._held
        held += data
        at = 0
        try:
            while len(held) - at >= HEADER.size:
                length, kind, task_id = HEADER.unpack_from(held, at)
                if length > FRAME_LIMIT or kind not in self._kinds:
                    shown = bytes(held[at : at + 80]).decode("utf-8", "backslashreplace")
                    raise FrameError(f"no frame, but {shown!r}")
                start = at + HEADER.size
                if len(held) - start < length:
                    break
                at = start + length
                yield kind, task_id, bytes(held[start:at])
        finally:
            del held[:at]
