"""A new content made from the old file and from what of it was sent.

The host describes its file in blocks (``signature``); the controller (``stella_ops/transport/delta.py``) finds them
in the new content and answers with a plan: what to copy from the old file, what comes by the stream.
"""

import base64
import hashlib
import os

from stella_ops.remote.lib import incoming

# Both files have to be this large for it to be worth the trouble.
LEAST = 1048576
# With blocks of 4 MiB.
MOST = 34359738368
MOST_BLOCKS = 8192
LEAST_BLOCK = 4096
# Of each block: its first bytes, by which it can be looked for, and the beginning of its SHA-256.
ANCHOR = 8
STRONG = 16
# In a plan, in the place of an offset: these bytes come by the stream.
SENT = -1


class OldFileError(Exception):
    """The old file is shorter than it was."""


def signature(fd, size):
    """What a file holds: ``{"size": of a block, "sums": anchors and hashes in base64}``. Raises OSError."""
    block = LEAST_BLOCK
    while block * MOST_BLOCKS < size:
        block *= 2
    sums = bytearray()
    at = 0
    while at + block <= size:
        data = memoryview(os.pread(fd, max(block, incoming.PIECE), at))
        if len(data) < block:
            break
        for start in range(0, len(data) - block + 1, block):
            sums += data[start : start + ANCHOR]
            sums += hashlib.sha256(data[start : start + block]).digest()[:STRONG]
        at += len(data) // block * block
    return {"size": block, "sums": base64.b64encode(bytes(sums)).decode("ascii")}


def rebuild(plan, pieces, old):
    """Buffers of the new content.

    Args:
        plan: ``[offset in the old file or SENT, length]`` each.
        pieces: the stream's buffers.
        old: descriptor of the old file.

    Raises:
        OldFileError: the old file is shorter than the plan says.
        StreamError: the stream is.
    """
    pieces = iter(pieces)
    left = memoryview(b"")
    for step in plan:
        offset, length = int(step[0]), int(step[1])
        while length > 0:
            if offset == SENT:
                if not left:
                    left = memoryview(next(pieces, b""))
                    if not left:
                        raise incoming.StreamError("the content ended too early")
                piece, left = left[:length], left[length:]
            else:
                piece = memoryview(os.pread(old, min(length, incoming.PIECE), offset))
                if not piece:
                    raise OldFileError()
                offset += len(piece)
            length -= len(piece)
            yield piece
