"""``lookup('url')`` against a real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stella_ops.errors import TemplateError


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/gone":
            self.send_error(404, "not here")
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/heads")
            self.end_headers()
            return
        said = {
            "/lines": "a\nb {{ x }}\n",
            "/heads": "\n".join(f"{name.lower()}: {value}" for name, value in self.headers.items()),
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(said[self.path].encode())

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"127.0.0.1:{made.server_port}"
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_lines_and_whole(render, server: str) -> None:
    where = {"u": f"http://{server}/lines"}
    assert render("{{ query('url', u) }}", where) == ["a", "b {{ x }}"]
    assert render("{{ lookup('url', u) }}", where) == "a,b {{ x }}"
    assert render("{{ lookup('url', u, split_lines=false) }}", where) == "a\nb {{ x }}\n"


def test_what_is_sent(render, server: str) -> None:
    text = "{{ query('url', u, username='me', password='pw', headers={'X-A': 'b'}, force=true) }}"
    said = render(text, {"u": f"http://{server}/heads"})
    assert {"user-agent: ansible-httpget", "authorization: Basic bWU6cHc=", "x-a: b", "cache-control: no-cache"} <= set(
        said
    )
    assert "authorization: Basic bWU6cHc=" in render("{{ query('url', u) }}", {"u": f"http://me:pw@{server}/heads"})


def test_credentials_do_not_follow_a_redirect(render, server: str) -> None:
    said = render("{{ query('url', u, username='me', password='pw') }}", {"u": f"http://{server}/moved"})
    assert not any(line.startswith("authorization") for line in said)
    with pytest.raises(TemplateError, match="HTTP Error 302"):
        render("{{ query('url', u, follow_redirects='none') }}", {"u": f"http://{server}/moved"})


@pytest.mark.parametrize(
    ("address", "options", "message"),
    [
        ("http://me:pw@{server}/gone", "", r"http://\*+:\*+@127.0.0.1:\d+/gone: HTTP Error 404"),
        ("http://127.0.0.1:1/", "", "Connection refused"),
        ("file:///etc/passwd", "", "is no URL of http, https, ftp"),
        ("https://{server}/lines", "", "SSL"),
        ("http://{server}/lines", ", tiemout=3", "unknown option 'tiemout'"),
        ("http://{server}/lines", ", use_gssapi=true", "Kerberos is not supported"),
    ],
)
def test_failures_are_told_without_the_password(render, server: str, address: str, options: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message) as caught:
        render("{{ lookup('url', u" + options + ") }}", {"u": address.format(server=server)})
    assert "pw" not in caught.value.message
