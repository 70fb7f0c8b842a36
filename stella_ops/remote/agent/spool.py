"""The heartbeats kept for the controller's next visit: one JSON object a line, numbered without a gap.

Appended and synced one by one, rotated by size and bounded in total. A ``kill -9`` or power cut in the middle
of a write leaves a torn last line, which is cut off at the next start.
"""

import json
import os

from stella_ops.remote.agent import storage

MAX_BYTES = 512 * 1024
KEPT = 3


class Spool(object):
    """The writing end; there is one, guarded by the agent's pid file.

    ``last_known`` is a number that was used for sure (from heartbeat.json), in case the spool is gone.
    """

    def __init__(self, path, last_known=0, max_bytes=MAX_BYTES, kept=KEPT):
        self.path = path
        self.max_bytes = max_bytes
        self.kept = kept
        self._mend()
        last = max([entry["seq"] for entry in entries(path, kept)] or [0])
        self.seq = max(last, last_known)

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
        storage.sync_folder(os.path.dirname(self.path))

    def _mend(self):
        data = storage.read_bytes(self.path)
        if data and not data.endswith(b"\n"):
            with open(self.path, "r+b") as stream:
                stream.truncate(data.rfind(b"\n") + 1)
                os.fsync(stream.fileno())


def entries(path, kept=KEPT):
    """Every whole heartbeat in the spool, by ascending ``seq``.

    The files are read from the newest to the oldest: if the writer rotates meanwhile, some are seen twice
    (and counted once) but none is missed.
    """
    found = {}
    for name in [path] + ["%s.%d" % (path, number) for number in range(1, kept + 1)]:
        data = storage.read_bytes(name) or b""
        for line in data.split(b"\n")[:-1]:
            try:
                entry = json.loads(line.decode("utf-8"))
            except ValueError:
                continue
            if isinstance(entry, dict) and type(entry.get("seq")) is int:
                found[entry["seq"]] = entry
    return [found[seq] for seq in sorted(found)]
