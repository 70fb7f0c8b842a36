"""Any new content comes out right from any old file; and what is common is not sent."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stella_ops.remote.lib import delta as remote
from stella_ops.transport import delta

BLOCK = delta.LEAST_BLOCK


def signature(tmp_path, old: bytes) -> dict[str, object]:
    (tmp_path / "old").write_bytes(old)
    fd = os.open(tmp_path / "old", os.O_RDONLY)
    try:
        return remote.signature(fd, len(old))
    finally:
        os.close(fd)


def plan(tmp_path, old: bytes, new: bytes, start: int = 0) -> delta.Plan | None:
    blocks = delta.Blocks.read(signature(tmp_path, old))
    return blocks and delta.find(blocks, lambda at, size: new[at : at + size], len(new), start)


def rebuilt(tmp_path, made: delta.Plan, new: bytes, start: int = 0, piece: int = 1000) -> bytes:
    """The new content as the host makes it, from the old file and the bytes that are sent."""
    sent, at = bytearray(), start
    for offset, length in made:
        if offset == delta.SENT:
            sent += new[at : at + length]
        at += length
    assert at == len(new)
    pieces = (bytes(sent[place : place + piece]) for place in range(0, len(sent), piece))
    fd = os.open(tmp_path / "old", os.O_RDONLY)
    try:
        return b"".join(bytes(part) for part in remote.rebuild(made, pieces, fd))
    finally:
        os.close(fd)


def sent(made: delta.Plan) -> int:
    return sum(length for offset, length in made if offset == delta.SENT)


# Contents as files are: stretches of noise, of one byte, and of the same noise again, with edits in them.
stretch = st.tuples(st.integers(0, 3), st.integers(1, 6 * BLOCK))
edit = st.tuples(st.sampled_from(["insert", "remove", "replace"]), st.floats(0, 1), st.integers(1, 3 * BLOCK))


def content(stretches: list[tuple[int, int]]) -> bytes:
    return b"".join(b"\0" * size if not seed else random.Random(seed).randbytes(size) for seed, size in stretches)


def edited(data: bytes, edits: list[tuple[str, float, int]]) -> bytes:
    for kind, where, size in edits:
        at = int(where * len(data))
        fresh = random.Random(size).randbytes(size)
        data = data[:at] + (b"" if kind == "remove" else fresh) + data[at if kind == "insert" else at + size :]
    return data


@settings(max_examples=150, deadline=None)
@given(st.lists(stretch, max_size=8), st.lists(edit, max_size=6), st.floats(0, 1))
def test_any_new_content_is_rebuilt(tmp_path_factory, stretches, edits, begin) -> None:
    folder = tmp_path_factory.mktemp("delta")
    old = content(stretches)
    new = edited(old, edits)
    start = int(begin * len(new)) if len(edits) % 2 else 0
    made = plan(folder, old, new, start)
    if made is not None:
        assert rebuilt(folder, made, new, start) == new[start:]


@pytest.mark.parametrize("number", range(6))
def test_what_is_common_is_not_sent(tmp_path, number: int) -> None:
    old = random.Random(1).randbytes(3_000_000)
    fresh = random.Random(2).randbytes(1000)
    new = [
        old,
        old[:5000] + fresh + old[5000:],
        old[700_001:],
        old[:1_000_000] + old[1_900_007:] + fresh,
        old[:400_000] + fresh + old[401_000:2_000_000] + fresh + old[2_000_500:],
        fresh * 300 + old,
    ][number]
    made = plan(tmp_path, old, new)
    assert made is not None and rebuilt(tmp_path, made, new) == new
    assert sent(made) - (300_000 if number == 5 else 0) < 5 * BLOCK


def test_many_small_edits(tmp_path) -> None:
    old = random.Random(1).randbytes(2_000_000)
    edits = [("insert" if place % 2 else "remove", place / 40, 7 + place) for place in range(40)]
    new = edited(old, edits)
    made = plan(tmp_path, old, new)
    assert made is not None and rebuilt(tmp_path, made, new) == new
    assert sent(made) < 40 * 2 * BLOCK + 2000


def test_what_has_little_in_common_is_sent_whole(tmp_path) -> None:
    old, new = (random.Random(seed).randbytes(1_000_000) for seed in (1, 2))
    assert plan(tmp_path, old, new) is None
    assert plan(tmp_path, old, old[:200_000] + new) is None


def test_a_long_insertion_is_looked_beyond(tmp_path) -> None:
    old = random.Random(1).randbytes(30_000_000)
    new = old[:10_000] + random.Random(2).randbytes(9_000_000) + old[10_000:]
    made = plan(tmp_path, old, new)
    assert made is not None and rebuilt(tmp_path, made, new, piece=100_000) == new
    assert sent(made) < 9_000_000 + 4 * BLOCK


def test_the_description_is_bounded(tmp_path) -> None:
    with (tmp_path / "old").open("wb") as file:
        file.truncate(300 << 20)
    fd = os.open(tmp_path / "old", os.O_RDONLY)
    told = remote.signature(fd, 300 << 20)
    os.close(fd)
    assert told["size"] == 65536
    assert len(told["sums"]) < delta.MOST_BLOCKS * 33
    blocks = delta.Blocks.read(told)
    assert blocks is not None and len(blocks.hashes) == (300 << 20) // 65536


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"size": 4096},
        {"size": 0, "sums": "A" * 32},
        {"size": True, "sums": "A" * 32},
        {"size": 1 << 50, "sums": "A" * 32},
        {"size": 4096, "sums": 7},
        {"size": 4096, "sums": "AAAA"},
        {"size": 4096, "sums": "#" * 32},
        {"size": 4096, "sums": "A" * 32 * 8193},
    ],
)
def test_nonsense_from_a_host_is_no_description(told) -> None:
    assert delta.Blocks.read(told) is None


def test_an_old_file_that_shrank_is_told(tmp_path) -> None:
    old = random.Random(1).randbytes(1_000_000)
    made = plan(tmp_path, old, old)
    assert made is not None
    (tmp_path / "old").write_bytes(old[:500_000])
    with pytest.raises(remote.OldFileError):
        rebuilt(tmp_path, made, old)
