"""The program that rsync runs in the place of ssh: it passes on to the controller what rsync has to say to a host.

Run as ``python rsh_relay.py SOCKET [-l USER] HOST COMMAND…``, on the controller. The socket's other end is
``transport/rsh.py``, which has the connection to the host. There: the command as one line of JSON, then standard
input as it is. Back: frames of a kind and a length (a byte and four), and as many bytes: 1 and 2 for the command's
standard output and error, 0 for its exit status as text, after which nothing comes. The standard library alone, since
it is to start fast.
"""

import json
import os
import select
import socket
import sys
import threading

_CHUNK = 256 * 1024
_BROKEN = 255  # as ssh has it


def main(arguments: list[str]) -> int:
    """The exit status of the command, 255 where the connection is lost."""
    for own in (0, 1):
        os.set_blocking(own, True)
    near = socket.socket(socket.AF_UNIX)
    near.connect(arguments[0])
    near.sendall(json.dumps(arguments[1:]).encode() + b"\n")
    threading.Thread(target=_send, args=(near,), daemon=True).start()
    with near.makefile("rb", _CHUNK) as frames:
        while True:
            head = frames.read(5)
            if len(head) < 5:
                return _BROKEN
            kind, data = head[0], frames.read(int.from_bytes(head[1:], "big"))
            if kind == 0:
                return int(data)
            _write(kind, data)


def _write(stream: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(stream, view) :]
        except BlockingIOError:  # standard error is shared with rsync, which may have made it so
            select.select([], [stream], [])


def _send(near: socket.socket) -> None:
    try:
        while True:
            data = os.read(0, _CHUNK)
            if not data:
                break
            near.sendall(data)
        near.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the controller has gone on; what it said last tells why


if __name__ == "__main__":
    status = _BROKEN
    try:
        status = main(sys.argv[1:])
    except BrokenPipeError:
        pass
    except OSError as problem:
        os.write(2, f"the controller is gone: {problem.strerror}\n".encode())
    # The thread may wait for input that nobody sends.
    os._exit(status)
