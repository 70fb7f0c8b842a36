"""What a program prints, told to the controller while it runs, for people to watch.

This is for the eye alone: what a module returns is collected apart from it, and whole. What would be too much is left
out and counted, and nothing is ever waited for: a controller that does not listen costs a program no time.

A piece travels in the pipe for the module's answer, in front of that:

    piece := length (4 bytes, big-endian), flags (1 byte), stream (1 byte: 1 or 2), bytes left out before it
             (8 bytes), what was printed
"""

import os
import select
import struct
import time

HEAD = struct.Struct(">IB")
TOLD = struct.Struct(">BQ")
OUTPUT = 8

# A pipe that is ready for writing takes so much at once (POSIX: PIPE_BUF, 4096 on Linux).
_WHOLE = min(select.PIPE_BUF, 4096)
PIECE = _WHOLE - HEAD.size - TOLD.size
JOIN_SECONDS = 0.1
# What may be told at once after a silence, and what may wait to be told.
BURST = 65536
HELD = 16384
# At the end of a program its last words may take so many milliseconds to find room in the pipe.
_PATIENCE = 100


class Teller(object):
    """Tells what one program prints.

    Args:
        fd: the pipe.
        rate: bytes a second, on the average.
        total: bytes in all.
        clock: seconds that never go back.
    """

    def __init__(self, fd, rate, total, clock=time.monotonic):
        self._fd = fd
        self._rate = rate
        self._left = total
        self._clock = clock
        # Stream and bytes, in the order they came.
        self._held = []  # type: list[tuple[int, bytearray]]
        self._size = 0
        self._skipped = {1: 0, 2: 0}
        self._seen = {1: 0, 2: 0}
        self._room = select.poll()
        self._room.register(fd, select.POLLOUT)
        self._tokens = min(BURST, total)
        self._then = clock()
        self._sent = self._then - 2 * JOIN_SECONDS

    def look(self, stdout, stderr):
        """Look for what is new in what has been collected, and tell what is due. Never waits.

        Args:
            stdout, stderr: all parts that were read so far.
        """
        for stream, parts in ((1, stdout), (2, stderr)):
            while self._seen[stream] < len(parts):
                self.take(stream, parts[self._seen[stream]])
                self._seen[stream] += 1
        self.send()

    def take(self, stream, data):
        """The program has printed something."""
        if not data:
            return
        if self._left <= 0:
            self._skipped[stream] += len(data)
            return
        if self._held and self._held[-1][0] == stream:
            self._held[-1][1].extend(data)
        else:
            self._held.append((stream, bytearray(data)))
        self._size += len(data)
        self.send()
        if self._size > HELD:
            self._leave_out(self._size - HELD)

    def send(self, finish=False):
        """Tell what is due: what is enough for a piece, or has waited for company long enough."""
        while self._held:
            now = self._clock()
            if not finish and self._size < PIECE and now - self._sent < JOIN_SECONDS:
                return
            stream, data = self._held[0]
            piece = data[:PIECE]
            if not finish and not self._afford(len(piece), now):
                return
            if not self._write(stream, piece, _PATIENCE if finish else 0):
                return
            self._sent = now
            self._size -= len(piece)
            if len(piece) == len(data):
                del self._held[0]
            else:
                del data[:PIECE]

    def finish(self):
        """The program has closed its output: tell its last words, and how much was left out.

        Waits a moment at the most, and goes beyond its measure by a piece.
        """
        self.send()
        self._leave_out(self._size - PIECE)
        self.send(finish=True)
        self._leave_out(self._size)
        for stream in (1, 2):
            if self._skipped[stream]:
                self._write(stream, b"", _PATIENCE)

    def _afford(self, size, now):
        self._tokens = min(BURST, self._tokens + (now - self._then) * self._rate)
        self._then = now
        return size <= min(self._tokens, self._left)

    def _write(self, stream, piece, patience):
        try:
            if not self._room.poll(patience):
                return False
            told = TOLD.pack(stream, self._skipped[stream])
            os.write(self._fd, HEAD.pack(len(told) + len(piece), OUTPUT) + told + bytes(piece))
        except OSError:
            # The runner is gone.
            self._left = 0
            return False
        self._skipped[stream] = 0
        self._tokens -= len(piece)
        self._left -= len(piece)
        return True

    def _leave_out(self, count):
        """The oldest goes first, and where a line is cut the rest of it goes too."""
        while count > 0 and self._held:
            stream, data = self._held[0]
            gone = min(count, len(data))
            if gone < len(data):
                end = data.find(b"\n", gone, gone + 1024)
                gone = end + 1 if end >= 0 else gone
            if gone == len(data):
                del self._held[0]
            else:
                del data[:gone]
            self._skipped[stream] += gone
            self._size -= gone
            count -= gone
