"""Content for hosts: what actions hand to modules as a stream.

A file is read and hashed once for all hosts of a run (``SourceFiles``). While it travels, its chunks are read, and
compressed where that pays, by the first host that comes to them; others that are at the same place share them. What
is held is bounded, however large the file and however many the hosts. Files are read, never mapped: one that
somebody truncates meanwhile is an error then, not the end of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from stella_ops.errors import TaskError

# Content this small goes with the task itself, whether the host needs it or not: it saves a round trip.
SMALL = 128 * 1024
# Content is read, cached and compressed in chunks of this size.
CHUNK = 1024 * 1024
# Of content this large a host keeps what has arrived when the connection breaks (stella_ops/remote/lib/partial.py).
RESUMABLE = 8 * CHUNK
# What is held of a file's chunks while it travels: hosts that are this close to each other share them.
_HELD = 16 * CHUNK
# What is held of small files between tasks.
_SMALL_HELD = 32 * CHUNK
_FILES_KNOWN = 4096
# Compression has to take away a third, else the processors of both sides have better things to do.
_PAYS = 0.67
_SAMPLE = 16 * 1024
_RESULTS_KEPT = 16

T = TypeVar("T")


class Content(Protocol):
    """Bytes that may travel to many hosts."""

    size: int

    def small(self) -> bytes | None:
        """All of it, when it is small enough to go along with the first call."""
        ...

    def opened(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Chunks can be had within this context."""
        ...

    async def chunk(self, index: int) -> bytes:
        """The chunk of ``CHUNK`` bytes that begins at ``index * CHUNK``; the last may be shorter."""
        ...

    async def compresses(self) -> bool:
        """Whether compressing it pays, as far as samples tell."""
        ...

    async def packed(self, index: int) -> bytes:
        """The same as ``chunk``, compressed by zlib."""
        ...

    def read(self, start: int, size: int) -> bytes:
        """Any bytes, at once: for threads."""
        ...

    async def once(self, key: Hashable, work: Callable[[], T]) -> T:
        """What a thread makes of the content; hosts that ask for the same share it."""
        ...


@dataclass(frozen=True, slots=True)
class _Identity:
    """What tells that a file is still the one that was hashed."""

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, found: os.stat_result) -> _Identity:
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class FileContent:
    """A file of the controller, as it was when it was hashed.

    Attributes:
        mode: its permission bits.
        sha1: what ansible-core calls its ``checksum``.
    """

    def __init__(self, path: Path, *, hashed: bool = True) -> None:
        """Looks at the file, and hashes it; raises TaskError."""
        self.path = path
        self._small: bytes | None = None
        sha256, sha1 = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                self._identity = _Identity.of(found)
                self.mode = found.st_mode & 0o7777
                self.size = found.st_size
                if self.size <= SMALL:
                    self._small = file.read()
                    sha256.update(self._small)
                    sha1.update(self._small)
                elif hashed:
                    while data := file.read(CHUNK):
                        sha256.update(data)
                        sha1.update(data)
                if _Identity.of(os.fstat(file.fileno())) != self._identity:
                    raise self._changed()
        except OSError as problem:
            raise self._unreadable(problem) from None
        self.sha256, self.sha1 = sha256.hexdigest(), sha1.hexdigest()
        self._fd = -1
        self._users = 0
        self._chunks: OrderedDict[tuple[int, bool], bytes] = OrderedDict()
        self._held = 0
        self._results: OrderedDict[Hashable, Any] = OrderedDict()
        # One host at a time reads a chunk, and one works something out: the others would do the same.
        self._lock = asyncio.Lock()
        self._work_lock = asyncio.Lock()

    def is_of(self, found: os.stat_result) -> bool:
        """Whether a file that was just looked at is the one that was hashed."""
        return _Identity.of(found) == self._identity

    def small(self) -> bytes | None:
        """See ``Content.small``."""
        return self._small

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """See ``Content.opened``; the file is opened once for all who read it at the same time."""
        if self._small is not None:
            yield
            return
        if self._fd == -1:
            try:
                self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as problem:
                raise self._unreadable(problem) from None
        self._users += 1
        try:
            yield
        finally:
            # No thread reads any more: whoever started one has waited for it, even when cancelled.
            self._users -= 1
            if not self._users:
                os.close(self._fd)
                self._fd = -1
                self._chunks.clear()
                self._held = 0

    async def chunk(self, index: int) -> bytes:
        """See ``Content.chunk``.

        Raises:
            TaskError: the file cannot be read, or is another than the one that was hashed.
        """
        known = self._chunks.get((index, False))
        return known if known is not None else await self._get(index, False)

    async def compresses(self) -> bool:
        """See ``Content.compresses``; raises TaskError."""
        return await self.once("compresses", lambda: _shrinks(self))

    async def once(self, key: Hashable, work: Callable[[], T]) -> T:
        """See ``Content.once``."""
        async with self._work_lock:
            if key not in self._results:
                self._results[key] = await _in_thread(work)
                while len(self._results) > _RESULTS_KEPT:
                    self._results.popitem(last=False)
            result: T = self._results[key]
            return result

    async def packed(self, index: int) -> bytes:
        """See ``Content.packed``; raises TaskError."""
        known = self._chunks.get((index, True))
        return known if known is not None else await self._get(index, True)

    async def _get(self, index: int, packed: bool) -> bytes:
        async with self._lock:
            known = self._chunks.get((index, packed))
            if known is not None:
                return known
            data = await _in_thread(lambda: self._make(index, packed))
            self._chunks[index, packed] = data
            self._held += len(data)
            while self._held > _HELD:
                self._held -= len(self._chunks.popitem(last=False)[1])
            return data

    def _make(self, index: int, packed: bool) -> bytes:
        data = self.read(index * CHUNK, CHUNK)
        return zlib.compress(data, 1) if packed else data

    def read(self, start: int, size: int) -> bytes:
        """See ``Content.read``; raises TaskError."""
        if self._small is not None:
            return self._small[start : start + size]
        wanted = max(0, min(size, self.size - start))
        try:
            data = os.pread(self._fd, wanted, start)
            while 0 < len(data) < wanted and (more := os.pread(self._fd, wanted - len(data), start + len(data))):
                data += more
            if len(data) < wanted or not self.is_of(os.fstat(self._fd)):
                raise self._changed()
        except OSError as problem:
            raise self._unreadable(problem) from None
        return data

    def _changed(self) -> TaskError:
        return TaskError(
            f"{self.path} changed on the controller while it was being copied",
            hint="run again once nothing writes to it any more",
        )

    def _unreadable(self, problem: OSError) -> TaskError:
        return TaskError(f"cannot read {self.path} on the controller: {problem.strerror}")


class BytesContent:
    """Content that is in memory already."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def small(self) -> bytes | None:
        """See ``Content.small``."""
        return self._data if self.size <= SMALL else None

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """See ``Content.opened``."""
        yield

    async def chunk(self, index: int) -> bytes:
        """See ``Content.chunk``."""
        return self.read(index * CHUNK, CHUNK)

    async def compresses(self) -> bool:
        """See ``Content.compresses``."""
        return _shrinks(self)

    async def packed(self, index: int) -> bytes:
        """See ``Content.packed``."""
        return await asyncio.to_thread(zlib.compress, self.read(index * CHUNK, CHUNK), 1)

    def read(self, start: int, size: int) -> bytes:
        """See ``Content.read``."""
        return self._data[start : start + size]

    async def once(self, key: Hashable, work: Callable[[], T]) -> T:
        """See ``Content.once``; nothing is shared, since every host has a content of its own."""
        return await asyncio.to_thread(work)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run something in a thread that cannot be stopped, and whose file nobody may close meanwhile."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise


def _shrinks(content: Content) -> bool:
    sample = b"".join(content.read(content.size * part // 4, _SAMPLE) for part in range(4))
    return len(zlib.compress(sample, 1)) < len(sample) * _PAYS


class SourceFiles:
    """The files that a run takes from the controller."""

    def __init__(self) -> None:
        self._known: OrderedDict[Path, FileContent] = OrderedDict()
        self._small_held = 0
        self._locks: dict[Path, asyncio.Lock] = {}

    async def file(self, path: Path) -> FileContent:
        """A file's content; hashed again only when the file is another than before.

        Raises:
            TaskError: it cannot be read, or changes while it is.
        """
        lock = self._locks.setdefault(path, asyncio.Lock())
        try:
            async with lock:
                known = self._known.get(path)
                try:
                    if known is not None and known.is_of(path.stat()):
                        self._known.move_to_end(path)
                        return known
                except OSError:
                    pass  # reading it tells what is wrong
                self._forget(path)
                content = await asyncio.to_thread(FileContent, path)
                self._keep(path, content)
                return content
        finally:
            if not lock.locked():
                self._locks.pop(path, None)

    def _keep(self, path: Path, content: FileContent) -> None:
        self._known[path] = content
        self._small_held += len(content.small() or b"")
        while len(self._known) > _FILES_KNOWN or (self._small_held > _SMALL_HELD and len(self._known) > 1):
            self._forget(next(iter(self._known)))

    def _forget(self, path: Path) -> None:
        content = self._known.pop(path, None)
        if content is not None:
            self._small_held -= len(content.small() or b"")


async def as_content(content: bytes | Path | FileContent) -> Content:
    """What a call was given as content that can be streamed; raises TaskError."""
    if isinstance(content, bytes):
        return BytesContent(content)
    if isinstance(content, Path):
        return await asyncio.to_thread(FileContent, content, hashed=False)
    return content
