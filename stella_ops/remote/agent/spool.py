"""What is kept until the controller has it, heartbeats above all: one JSON object a line, numbered without a gap.

Appended and synced one by one, rotated by size and bounded in total. A ``kill -9`` or power cut in the middle
of a write leaves a torn last line, which is cut off at the next start.
"""

import json
import os

from stella_ops.remote.agent import storage

MAX_BYTES = 512 * 1024
KEPT = 7  # with the newest 4 MiB: more than three days of a heartbeat every 30 seconds


class Spool(object):
    """The writing end; there is one, guarded by the agent's pid file.

    ``last_known`` is a number that was used for sure (from heartbeat.json), in case the spool is gone. Without
    ``durable`` nothing is synced: what must not cost a disk's write each.
    """

    def __init__(self, path, last_known=0, max_bytes=MAX_BYTES, kept=KEPT, durable=True):
        self.path = path
        self.max_bytes = max_bytes
        self.kept = kept
        self.durable = durable
        self._mend()
        self.seq = max(last_seq(path, kept), last_known)

    def append(self, heartbeat):
        """Number a heartbeat, write it down, and return it with its ``seq``.

        Raises:
            OSError: it could not be written; the spool is as before and the number is not used.
        """
        numbered = dict(heartbeat, seq=self.seq + 1)
        line = (json.dumps(numbered, sort_keys=True) + "\n").encode("ascii")
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            size = os.fstat(descriptor).st_size
            if size and size + len(line) > self.max_bytes:
                os.close(descriptor)
                descriptor = -1
                self._rotate()
                descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
                size = 0
            try:
                if os.write(descriptor, line) != len(line):
                    raise OSError("short write: the disk is full")
                if self.durable:
                    os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        self.seq = numbered["seq"]
        return numbered

    def _rotate(self):
        for number in range(self.kept, 0, -1):
            older = "%s.%d" % (self.path, number)
            newer = self.path if number == 1 else "%s.%d" % (self.path, number - 1)
            if os.path.exists(newer):
                os.rename(newer, older)
        if self.durable:
            storage.sync_folder(os.path.dirname(self.path))

    def _mend(self):
        data = storage.read_bytes(self.path)
        if data and not data.endswith(b"\n"):
            with open(self.path, "r+b") as stream:
                stream.truncate(data.rfind(b"\n") + 1)
                os.fsync(stream.fileno())


def entries(path, after=0, limit=None, kept=KEPT):
    """The whole entries of a spool whose ``seq`` is above ``after``, the first ``limit`` of them, by ascending ``seq``.

    The files are read from the newest to the oldest, as far as they are needed: if the writer rotates meanwhile,
    some are seen twice (and counted once) but none is missed.
    """
    found: "dict[int, bytes]" = {}
    for name in _names(path, kept):
        lines = (storage.read_bytes(name) or b"").split(b"\n")[:-1]
        oldest = None
        for line in reversed(lines):
            seq = _seq_of(line)
            if seq is not None:
                oldest = seq
                if seq <= after:
                    break
                found[seq] = line
        if oldest is not None and oldest <= after + 1:
            break
    return [json.loads(found[seq].decode("utf-8")) for seq in sorted(found)[:limit]]


def last_seq(path, kept=KEPT):
    """The highest number in a spool, 0 when there is nothing in it."""
    for name in _names(path, kept):
        numbers = [_seq_of(line) for line in (storage.read_bytes(name) or b"").split(b"\n")[:-1]]
        known = [number for number in numbers if number is not None]
        if known:
            return max(known)
    return 0


def _names(path, kept):
    return [path] + ["%s.%d" % (path, number) for number in range(1, kept + 1)]


def _seq_of(line):
    try:
        entry = json.loads(line.decode("utf-8"))
    except ValueError:
        return None
    seq = entry.get("seq") if isinstance(entry, dict) else None
    return seq if type(seq) is int else None
