"""Which bytes of a content a host is sent, and in which form.

A module that needs content answers ``need_content: true``. Where it can do more than read a plain stream, it says so
under ``content``:

    {"packed": true}                                  it takes compressed chunks
    {"have": {"size": 1048576, "sha256": "…"}}        so much of it came with an earlier call, and is kept
    {"blocks": {"size": 4096, "sums": "…"}}           what it has in the file's place; see ``delta``

The second call then has the argument ``_content_stream``: ``start`` (where the content goes on), ``packed`` (the
stream is made of chunks: kind, length, bytes), and ``plan`` (what is copied from the old file and what comes by the
stream). What a host says is checked like everything that hosts say: the worst it can do is to get other bytes itself.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stella_ops.transport import delta
from stella_ops.transport.content import CHUNK, Content

# Bytes in a frame: what the host's pipes take at once.
PIECE = 256 * 1024
_MARK = struct.Struct(">BI")
_PLAIN, _PACKED = 0, 1


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the stream: ``buffers`` make one frame; ``done`` is how much of the content the host then has."""

    buffers: Sequence[bytes | memoryview]
    done: int


@dataclass(frozen=True, slots=True)
class Sending:
    """What of a content goes to one host.

    Attributes:
        args: tells the module; empty for one that reads a plain stream.
        ranges: the parts of the content that are sent, as (start, end), in their order.
        packs: compress them.
    """

    content: Content
    ranges: Sequence[tuple[int, int]]
    packs: bool = False
    args: Mapping[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether the host gets all of it."""
        return sum(end - start for start, end in self.ranges) == self.content.size

    async def pieces(self) -> AsyncGenerator[Piece]:
        """The stream; raises TaskError when the content cannot be read."""
        async with self.content.opened():
            for start, end in self.ranges:
                while start < end:
                    index, skip = divmod(start, CHUNK)
                    stop = min(end, (index + 1) * CHUNK)
                    for buffers, done in self._cut(await self._chunk(index, skip, stop - start), start, stop):
                        yield Piece(buffers, done)
                    start = stop

    async def _chunk(self, index: int, skip: int, size: int) -> tuple[bytes, memoryview]:
        """A chunk's mark and bytes."""
        if self.packs and (size == CHUNK or index * CHUNK + size == self.content.size) and not skip:
            packed = await self.content.packed(index)
            return _MARK.pack(_PACKED, len(packed)), memoryview(packed)
        plain = memoryview(await self.content.chunk(index))[skip : skip + size]
        return (_MARK.pack(_PLAIN, len(plain)) if self.packs else b""), plain

    @staticmethod
    def _cut(
        chunk: tuple[bytes, memoryview], start: int, stop: int
    ) -> Sequence[tuple[Sequence[bytes | memoryview], int]]:
        mark, data = chunk
        made: list[tuple[Sequence[bytes | memoryview], int]] = []
        for at in range(0, len(data), PIECE):
            piece = data[at : at + PIECE]
            done = start + (stop - start) * (at + len(piece)) // len(data)
            made.append(((mark, piece) if mark and not at else (piece,), done))
        return made


def everything(content: Content, args: Mapping[str, Any] | None = None, *, packs: bool = False) -> Sending:
    """All of a content, by default in the plain form that every module understands."""
    return Sending(content, [(0, content.size)] if content.size else [], packs, args or {})


async def sending(content: Content, answer: Mapping[str, Any]) -> Sending:
    """What to send to a host that answered that it needs a content."""
    told = answer.get("content")
    if not isinstance(told, Mapping) or not content.size:
        return everything(content)
    async with content.opened():
        packs = told.get("packed") is True and await content.compresses()
        start = await _prefix(content, told.get("have"))
        plan = await _plan(content, told.get("blocks"), start)
    how = {"start": start, "packed": packs, "plan": plan}
    ranges: list[tuple[int, int]] = []
    at = start
    for offset, length in plan or [(delta.SENT, content.size - start)]:
        if offset == delta.SENT and length:
            ranges.append((at, at + length))
        at += length
    return Sending(content, ranges, packs, {"_content_stream": how})


async def _prefix(content: Content, have: object) -> int:
    """How many of the content's first bytes a host has already; 0 where it has others."""
    if not isinstance(have, Mapping):
        return 0
    size, wanted = have.get("size"), have.get("sha256")
    if type(size) is not int or not 0 < size <= content.size or not isinstance(wanted, str):
        return 0

    def digest() -> str:
        found = hashlib.sha256()
        for start in range(0, size, CHUNK):
            found.update(content.read(start, min(CHUNK, size - start)))
        return found.hexdigest()

    return size if await content.once(("prefix", size), digest) == wanted.lower() else 0


async def _plan(content: Content, told: object, start: int) -> delta.Plan | None:
    """How the host can make the content from its old file; None where it is to be sent."""
    blocks = delta.Blocks.read(told)
    if blocks is None or start >= content.size:
        return None
    key = ("plan", start, blocks.size, hashlib.sha256(b"".join(blocks.anchors + blocks.hashes)).digest())
    return await content.once(key, lambda: delta.find(blocks, content.read, content.size, start))
