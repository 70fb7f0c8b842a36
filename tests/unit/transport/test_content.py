"""Files are read once for all hosts, within bounds, and never sent as anything but what was hashed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import TaskError
from stella_ops.transport import content, sending
from stella_ops.transport.content import CHUNK, SMALL, BytesContent, FileContent, SourceFiles

DATA = random.Random(1).randbytes(3 * CHUNK + 12345)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "f").write_bytes(DATA)
    return tmp_path / "f"


async def stream(sent: sending.Sending) -> bytes:
    return b"".join([b"".join(piece.buffers) async for piece in sent.pieces()])


async def test_many_hosts_read_and_hash_a_file_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    reads: list[int] = []
    opens: list[Any] = []
    init, pread, real_open = FileContent.__init__, os.pread, os.open

    def counted_init(self: FileContent, path: Path, **more: Any) -> None:
        made.append(path)
        init(self, path, **more)

    def counted_read(fd: int, size: int, at: int) -> bytes:
        reads.append(at)
        return pread(fd, size, at)

    def counted_open(path: Any, *rest: Any, **more: Any) -> int:
        opens.append(path)
        return real_open(path, *rest, **more)

    monkeypatch.setattr(FileContent, "__init__", counted_init)
    monkeypatch.setattr(os, "pread", counted_read)
    monkeypatch.setattr(os, "open", counted_open)
    files = SourceFiles()
    sums = set()

    async def host() -> None:
        sums.add(hashlib.sha256(await stream(sending.everything(await files.file(file)))).hexdigest())

    await asyncio.gather(*(host() for _ in range(20)))
    assert sums == {hashlib.sha256(DATA).hexdigest()}
    assert made == [file]
    assert opens.count(file) == 1
    assert sorted(reads) == [0, CHUNK, 2 * CHUNK, 3 * CHUNK]


async def test_chunks_are_compressed_once_where_it_pays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_bytes(b"all the same\n" * 300_000)
    compressed: list[int] = []
    compress = zlib.compress

    def counted(data: bytes, level: int) -> bytes:
        if len(data) > 5 * 16384:
            compressed.append(len(data))
        return compress(data, level)

    monkeypatch.setattr(content.zlib, "compress", counted)
    made = await SourceFiles().file(tmp_path / "text")
    sent = await asyncio.gather(*(sending.sending(made, {"content": {"packed": True}}) for _ in range(9)))
    streams = set(await asyncio.gather(*(stream(one) for one in sent)))
    assert len(streams) == 1 and len(streams.pop()) < 100_000
    assert len(compressed) == 4
    assert sent[0].args["_content_stream"]["packed"] is True


async def test_noise_is_not_compressed(file: Path) -> None:
    made = await sending.sending(await SourceFiles().file(file), {"content": {"packed": True}})
    assert made.args == {"_content_stream": {"start": 0, "packed": False, "plan": None}}
    assert await stream(made) == DATA


async def test_a_module_that_says_nothing_of_it_gets_a_plain_stream(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"all the same\n" * 300_000)
    made = await sending.sending(await SourceFiles().file(tmp_path / "text"), {"need_content": True})
    assert (made.args, made.whole) == ({}, True)
    assert await stream(made) == b"all the same\n" * 300_000


@pytest.mark.parametrize("size", [1, CHUNK, CHUNK + 7, len(DATA)])
async def test_only_the_rest_is_sent(file: Path, size: int) -> None:
    have = {"size": size, "sha256": hashlib.sha256(DATA[:size]).hexdigest()}
    made = await sending.sending(await SourceFiles().file(file), {"content": {"have": have}})
    assert made.args["_content_stream"]["start"] == size
    assert await stream(made) == DATA[size:]


@pytest.mark.parametrize(
    "have",
    [
        {"size": 5, "sha256": hashlib.sha256(b"other").hexdigest()},
        {"size": -5, "sha256": ""},
        {"size": len(DATA) + 1, "sha256": hashlib.sha256(DATA).hexdigest()},
        {"size": True, "sha256": hashlib.sha256(DATA[:1]).hexdigest()},
        {"size": 5, "sha256": 5},
        {"size": 5},
        [],
    ],
)
async def test_what_a_host_claims_to_have_is_checked(file: Path, have: Any) -> None:
    made = await sending.sending(await SourceFiles().file(file), {"content": {"have": have}})
    assert made.whole and await stream(made) == DATA


async def test_progress_counts_what_the_host_then_has(file: Path) -> None:
    made = sending.everything(await SourceFiles().file(file))
    done = [piece.done async for piece in made.pieces()]
    assert done == sorted(done) and done[-1] == len(DATA)
    assert all(sum(map(len, piece.buffers)) <= sending.PIECE for piece in [p async for p in made.pieces()])


@pytest.mark.parametrize("what", ["truncated", "appended", "same size", "replaced"])
async def test_a_file_that_changes_while_it_travels_is_an_error(file: Path, what: str) -> None:
    made = await SourceFiles().file(file)

    async def travel() -> None:
        async for _ in sending.everything(made).pieces():
            change(file, what)

    if what == "replaced":
        change(file, what)  # what is open goes on being read, and is the file that was hashed
    with pytest.raises(TaskError, match="changed on the controller while it was being copied"):
        await travel()
    fresh = await SourceFiles().file(file)
    assert fresh.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def change(file: Path, what: str) -> None:
    if what == "truncated":
        os.truncate(file, CHUNK)
    elif what == "appended":
        with file.open("ab") as out:
            out.write(b"more")
    elif what == "same size":
        with file.open("r+b") as out:
            out.write(b"?")
        os.utime(file, ns=(1, 1))
    else:
        file.unlink()
        file.write_bytes(b"x" * len(DATA))


async def test_what_is_held_is_bounded(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as out:
        out.truncate(64 * CHUNK)
    made = await SourceFiles().file(tmp_path / "f")
    async with made.opened():
        for index in range(64):
            await made.chunk(index)
        assert sum(map(len, made._chunks.values())) <= 16 * CHUNK
    assert not made._chunks and made._fd == -1


async def test_small_files_are_kept_within_bounds(tmp_path: Path) -> None:
    files = SourceFiles()
    for number in range(300):
        (tmp_path / str(number)).write_bytes(b"x" * SMALL)
        assert (await files.file(tmp_path / str(number))).small() == b"x" * SMALL
    assert files._small_held == sum(len(one.small() or b"") for one in files._known.values()) <= 32 * CHUNK
    assert not files._locks


async def test_a_cancelled_reader_closes_nothing_below_the_others(file: Path) -> None:
    made = await SourceFiles().file(file)

    async def host() -> bytes:
        return await stream(sending.everything(made))

    readers = [asyncio.ensure_future(host()) for _ in range(6)]
    await asyncio.sleep(0)
    for reader in readers[::2]:
        reader.cancel()
    done = await asyncio.gather(*readers, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in done] == [True, False] * 3
    assert all(one == DATA for one in done[1::2])
    assert made._fd == -1


async def test_a_file_stays_open_until_the_thread_that_reads_it_is_done(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await SourceFiles().file(file)
    reading, go_on = threading.Event(), threading.Event()
    pread = os.pread

    def slow(fd: int, size: int, at: int) -> bytes:
        reading.set()
        go_on.wait(20)
        return pread(fd, size, at)

    monkeypatch.setattr(os, "pread", slow)
    reader = asyncio.ensure_future(stream(sending.everything(made)))
    await asyncio.to_thread(reading.wait, 20)
    reader.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    assert made._fd != -1
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert made._fd == -1


async def test_bytes_are_content_too() -> None:
    made = BytesContent(DATA)
    assert made.small() is None
    assert await stream(sending.everything(made)) == DATA
    assert BytesContent(b"").small() == b""
