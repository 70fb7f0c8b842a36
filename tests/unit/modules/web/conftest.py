"""A web server for tests of what speaks HTTP from hosts."""

from __future__ import annotations

import base64
import gzip
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


class Handler(BaseHTTPRequestHandler):
    """Answers by path; what is asked for is kept in ``server.asked``."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_it(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), sent))  # type: ignore[attr-defined]
        name = self.path.split("/")[1]
        if name == "text":
            if self.headers.get("If-Modified-Since"):
                self.answer(304)
                return
            self.answer(200, b"plain\n", Last_Modified=formatdate(0, usegmt=True), Set_Cookie="c=1; Path=/")
        elif name == "gzip":
            self.answer(200, gzip.compress(b"packed\n"), Content_Encoding="gzip")
        elif name == "short":
            self.answer(200, b"half", Content_Length="8")
            self.close_connection = True
        elif name == "named":
            self.answer(200, b"n", Content_Disposition='attachment; filename="../../evil"')
        elif name == "moved":
            self.answer(int(self.path.split("/")[2]), Location="/echo")
        elif name == "away":
            self.answer(302, Location=f"http://localhost:{self.server.server_address[1]}/echo")
        elif name == "private":
            good = "Basic " + base64.b64encode(b"me:secret").decode()
            if self.headers.get("Authorization") == good:
                self.answer(200, b"yes")
            else:
                self.answer(401, b"no", WWW_Authenticate='Basic realm="x"')
        elif name == "sums":
            self.answer(200, self.path.split("/")[2].encode() + b"  text\n")
        elif name == "status":
            self.answer(int(self.path.split("/")[2]), b'{"error": true}', Content_Type="application/json")
        else:
            told = {"method": self.command, "body": sent.decode(), "type": self.headers.get("Content-Type")}
            self.answer(200, json.dumps(told).encode(), Content_Type="application/json")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_it

    def log_message(self, *args: Any) -> None:
        pass

    def address_string(self) -> str:
        return "test"


@pytest.fixture
def server() -> Iterator[Any]:
    """A server on a free port; ``url`` and ``asked`` are its attributes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []  # type: ignore[attr-defined]
    server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    with _running(server):
        yield server


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def server_socket(tmp_path: Path) -> Iterator[Path]:
    """A socket of the file system behind which the same server is."""
    path = tmp_path / "socket"
    server = _UnixServer(str(path), Handler)
    server.asked = []  # type: ignore[attr-defined]
    with _running(server):
        yield path


@contextmanager
def _running(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
