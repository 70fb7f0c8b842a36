"""Finds in a new content what a host has of it in its old file.

The host describes the old file in blocks of one size: of each the first bytes (its anchor) and a hash. As long as the
new content has them one after the other, a block costs one hash. Where it does not, the next blocks are tried at the
places where an edit in place would leave them; then the anchors of the blocks that follow, near ones all and far ones
ever more sparsely, are searched for in the bytes that follow. That finds what was inserted, removed and overwritten;
blocks that changed places it may miss, which costs bytes and nothing else.

The counterpart is ``stella_ops/remote/lib/delta.py``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

ANCHOR = 8
STRONG = 16
SENT = -1
LEAST_BLOCK, LARGEST_BLOCK = 4096, 4 * 1024 * 1024
MOST_BLOCKS = 8192
# A delta has to spare this much of what would be sent without it.
PAYS = 0.7
# How many of the blocks that follow are tried in place, and how many are searched for one by one.
_IN_PLACE = 8
_NEAR = 16
# Searched at a time, at most.
_WINDOW = 8 * 1024 * 1024
# Occurrences of an anchor that are looked at in a window: there are files full of the same.
_TRIES = 4
# Bytes that may be searched and hashed in all: some, and a multiple of the content. The rest is sent then.
_SEARCHED, _SEARCHES = 1 << 30, 8

Plan = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Blocks:
    """A host's old file, as the host describes it."""

    size: int
    anchors: list[bytes]
    hashes: list[bytes]

    @classmethod
    def read(cls, told: object) -> Blocks | None:
        """From a host's answer; None where it makes no sense."""
        if not isinstance(told, Mapping):
            return None
        size, sums = told.get("size"), told.get("sums")
        if type(size) is not int or not LEAST_BLOCK <= size <= LARGEST_BLOCK or not isinstance(sums, str):
            return None
        step = ANCHOR + STRONG
        if len(sums) > (MOST_BLOCKS * step + 2) // 3 * 4:
            return None
        try:
            raw = base64.b64decode(sums, validate=True)
        except (binascii.Error, ValueError):
            return None
        if not raw or len(raw) % step:
            return None
        places = range(0, len(raw), step)
        return cls(size, [raw[at : at + ANCHOR] for at in places], [raw[at + ANCHOR : at + step] for at in places])


def find(blocks: Blocks, read: Callable[[int, int], bytes], size: int, start: int = 0) -> Plan | None:
    """How to make a content from an old file.

    Args:
        read: the new content's bytes, by offset and length.
        size: its length.
        start: what comes before is not needed.

    Returns:
        (offset in the old file or ``SENT``, length) each; None when sending everything is hardly dearer.
    """
    plan = _Search(blocks, read, size).plan(start)
    sent = sum(length for offset, length in plan if offset == SENT)
    return plan if sent < (size - start) * PAYS else None


class _Search:
    def __init__(self, blocks: Blocks, read: Callable[[int, int], bytes], size: int) -> None:
        self._blocks = blocks
        self._step = blocks.size
        self._count = len(blocks.hashes)
        self._read = read
        self._size = size
        self._budget = _SEARCHED + _SEARCHES * size

    def plan(self, start: int) -> Plan:
        step = self._step
        made: Plan = []
        done = start  # the plan reaches to here
        block = -(-start // step)
        at = block * step  # where the next block of the old file is expected
        while at < self._size and block < self._count:
            found = self._in_place(at, block) or self._moved(max(done, at - step), block)
            if found is None:
                # It may lie behind a long insertion.
                at = max(done, at - step) + _WINDOW
                if self._budget <= 0:
                    break
                continue
            at, block = found
            if at > done:
                _add(made, SENT, at - done)
            _add(made, block * step, step)
            at += step
            done = at
            block += 1
        if done < self._size:
            _add(made, SENT, self._size - done)
        return made

    def _is(self, at: int, block: int) -> bool:
        if at < 0 or at + self._step > self._size:
            return False
        self._budget -= self._step
        return hashlib.sha256(self._read(at, self._step)).digest()[:STRONG] == self._blocks.hashes[block]

    def _in_place(self, at: int, block: int) -> tuple[int, int] | None:
        """The block where it is expected, or one of the next where those would be then."""
        for ahead in range(min(_IN_PLACE, self._count - block)):
            if self._is(at + ahead * self._step, block + ahead):
                return at + ahead * self._step, block + ahead
        return None

    def _moved(self, start: int, block: int) -> tuple[int, int] | None:
        """The first place, not far behind ``start``, where a later block begins."""
        wanted = self._candidates(block)
        window = 4 * self._step
        while wanted:
            window = min(window, _WINDOW)
            data = self._read(start, window + ANCHOR)
            self._budget -= len(data) * len(wanted)
            best: tuple[int, int] | None = None
            for candidate in wanted:
                place = self._search(data, start, candidate, len(data) if best is None else best[0] - start + ANCHOR)
                if place is not None and (best is None or place < best[0]):
                    best = place, candidate
            if best is not None:
                return self._earlier(best, start, block)
            if window == _WINDOW or start + window >= self._size or self._budget <= 0:
                return None
            window *= 16
        return None

    def _candidates(self, block: int) -> list[int]:
        numbers = list(range(block, min(block + _NEAR, self._count)))
        far = _NEAR
        while block + far < self._count:
            numbers.append(block + far)
            far *= 2
        # Anchors of one byte over and over are everywhere.
        anchors = self._blocks.anchors
        return [number for number in numbers if len(set(anchors[number])) > 1]

    def _search(self, data: bytes, start: int, candidate: int, end: int) -> int | None:
        anchor = self._blocks.anchors[candidate]
        place = -1
        for _ in range(_TRIES):
            place = data.find(anchor, place + 1, end)
            if place == -1 or self._budget <= 0:
                return None
            if self._is(start + place, candidate):
                return start + place
        return None

    def _earlier(self, found: tuple[int, int], start: int, block: int) -> tuple[int, int]:
        """Far candidates are sparse: the blocks before the one that was found may be there, too."""
        at, number = found
        while number > block and at - self._step >= start and self._is(at - self._step, number - 1):
            at, number = at - self._step, number - 1
        return at, number


def _add(plan: Plan, offset: int, length: int) -> None:
    """Appends a step, or lengthens the last one where it goes on."""
    if plan:
        last, so_far = plan[-1]
        if (offset == SENT and last == SENT) or (offset != SENT and last != SENT and last + so_far == offset):
            plan[-1] = (last, so_far + length)
            return
    plan.append((offset, length))
