"""A socket whose reads and writes all end by one moment.

A socket's own timeout counts from byte to byte: a server that sends one byte a minute would hold its caller for
ever. Here each read and write gets what is left until the moment that the whole exchange must be over.
"""

import io
import socket
import time


class TimedSocket(object):
    """What ``http.client`` needs of a socket. ``until`` is in seconds of ``time.monotonic()``."""

    def __init__(self, connected, until):
        self.until = until
        self._socket = connected

    def arm(self):
        """Give the socket the time that is left; raises socket.timeout when that is none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise socket.timeout("the time is over")
        self._socket.settimeout(left)

    def sendall(self, data):
        view = memoryview(data)
        while view:
            self.arm()
            view = view[self._socket.send(view) :]

    def makefile(self, mode):
        assert mode == "rb"
        return io.BufferedReader(_Reader(self, self._socket.makefile("rb", buffering=0)))

    def interrupt(self):
        """End a read that another thread waits in: it sees the connection's end."""
        try:
            # Not SSLSocket's own method, which takes the TLS state away under the reader's feet.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self._socket.close()


class _Reader(io.RawIOBase):
    def __init__(self, timed, stream):
        io.RawIOBase.__init__(self)
        self._timed = timed
        self._stream = stream

    def readable(self):
        return True

    def readinto(self, buffer):
        self._timed.arm()
        return self._stream.readinto(buffer)

    def close(self):
        if not self.closed:
            self._stream.close()
        io.RawIOBase.close(self)
