"""The agent's log: one JSON object a line (or text, when configured so), in log/agent.log and on stderr.

The agent and its supervisor write to the same file, each line by one appending write; whoever finds the file
too large rotates it under a lock, and the other notices that the name has moved on.
"""

import fcntl
import json
import os
import threading
import time

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
MAX_BYTES = 1024 * 1024
KEPT = 3
MAX_TAIL = 1000

_TAIL_BYTES = 256 * 1024


class Log(object):
    """A log that never stops its program: what cannot be written (a full disk) is dropped.

    ``echo``: also write to standard error (the journal, under systemd). ``sink``: a function that each record
    is given to as well, a dict; it must not raise.
    """

    def __init__(self, path, level="info", echo=True, max_bytes=MAX_BYTES, kept=KEPT):
        self.path = path
        self.level = level
        self.echo = echo
        self.form = "json"  # or "text"
        self.max_bytes = max_bytes
        self.kept = kept
        self.sink = None
        self._file = -1
        self._lock = threading.Lock()  # the service and its pull side write both

    def debug(self, event, **fields):
        self.write("debug", event, fields)

    def info(self, event, **fields):
        self.write("info", event, fields)

    def warning(self, event, **fields):
        self.write("warning", event, fields)

    def error(self, event, **fields):
        self.write("error", event, fields)

    def write(self, level, event, fields):
        if LEVELS[level] < LEVELS.get(self.level, 20):
            return
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".%03dZ" % (now % 1 * 1000)
        record = {"ts": stamp, "level": level, "event": event, "pid": os.getpid()}
        record.update(fields)
        line = (_as_text(record) if self.form == "text" else json.dumps(record, default=str)) + "\n"
        line = line.encode("ascii", "backslashreplace")
        with self._lock:
            try:
                self._append(line)
            except OSError:
                pass
            if self.sink is not None:
                self.sink(record)
        if self.echo:
            try:
                os.write(2, line)
            except OSError:
                self.echo = False  # nobody reads it any more

    def close(self):
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, line):
        self._follow()
        if os.fstat(self._file).st_size + len(line) > self.max_bytes:
            self._rotate()
        os.write(self._file, line)

    def _follow(self):
        """Have the file open that the name means now."""
        if self._file >= 0:
            opened = os.fstat(self._file)
            try:
                named = os.stat(self.path)
                if (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino):
                    return
            except OSError:
                pass
            self.close()
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def _rotate(self):
        fcntl.flock(self._file, fcntl.LOCK_EX)
        before = os.fstat(self._file).st_ino
        try:
            still_ours = os.stat(self.path).st_ino == before
        except OSError:
            still_ours = False
        if still_ours:
            for number in range(self.kept, 0, -1):
                older = "%s.%d" % (self.path, number)
                newer = self.path if number == 1 else "%s.%d" % (self.path, number - 1)
                if os.path.exists(newer):
                    os.rename(newer, older)
        self.close()
        self._follow()


def tail(path, limit):
    """The last ``limit`` lines of a log, oldest first; at most 256 KiB of them."""
    lines = []
    left = _TAIL_BYTES
    for name in (path, path + ".1"):
        try:
            with open(name, "rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, size - left))
                part = stream.read(left)
        except OSError:
            break
        found = part.split(b"\n")
        # The first is cut off where the file was not read from its beginning.
        whole = found[1:] if size > left else found
        lines = [line.decode("ascii", "replace") for line in whole if line] + lines
        left -= len(part)
        if len(lines) >= limit or left <= 0:
            break
    return lines[-limit:]


def _as_text(record):
    rest = ["%s=%s" % (key, json.dumps(value, default=str)) for key, value in list(record.items())[3:]]
    return " ".join([record["ts"], record["level"].upper(), record["event"]] + rest)
