"""The client against servers that mean harm or are broken: it always ends, in time and within bounds."""

import contextlib
import socket
import ssl
import threading
import time

import pytest

from stella_ops.remote.agent import trust
from stella_ops.remote.agent.endpoint import Endpoint, endpoints
from stella_ops.remote.agent.http_client import Client, Interrupted
from stella_ops.remote.agent.problem import Problem
from stella_ops.remote.lib.layout import Layout


@pytest.fixture
def raw(fleet_ca, serve, tmp_path):
    """A TLS server that does with each connection what a test's function does."""
    made = serve(fleet_ca)
    made.stop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*made.pair)
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def start(behave):
        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=talk, args=(connection,), daemon=True).start()

        def talk(connection):
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(65536)
                behave(secured, over)

        threading.Thread(target=accept, daemon=True).start()
        where = Endpoint.of_url(f"https://127.0.0.1:{listener.getsockname()[1]}")
        return Client(where, trust.trusting(fleet_ca.root_pem))

    yield start
    over.set()
    listener.close()


def drip(piece):
    def behave(secured, over):
        while not over.wait(0.05):
            secured.sendall(piece)

    return behave


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "piece"),
    [(b"", b"H"), (b"HTTP/1.1 200 OK\r\nX: ", b"a"), (HEAD, b"."), (b"HTTP/1.1 200 OK\r\n\r\n", b".")],
    ids=["status", "header", "body", "body without length"],
)
def test_one_byte_after_the_other_is_cut_off_in_time(raw, first, piece):
    def behave(secured, over):
        secured.sendall(first)
        drip(piece)(secured, over)

    client, began = raw(behave), time.monotonic()
    with pytest.raises(Problem) as caught:
        client.request("GET", "/", seconds=0.7)
    assert caught.value.code == "slow"
    assert time.monotonic() - began < 5


def test_a_body_without_end_is_not_read_to_its_end(raw):
    def behave(secured, over):
        secured.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not over.is_set():
            secured.sendall(b"x" * 65536)

    with pytest.raises(Problem) as caught:
        raw(behave).request("GET", "/", limit=100_000)
    assert caught.value.code == "too-large"


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"],
    ids=["another protocol", "no status", "too many headers"],
)
def test_what_is_not_http(raw, answer):
    with pytest.raises(Problem) as caught:
        raw(lambda secured, over: secured.sendall(answer)).request("GET", "/")
    assert caught.value.code == "bad-answer"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"], ids=["nothing", "a part"])
def test_a_connection_that_is_cut(raw, answer):
    with pytest.raises(Problem) as caught:
        raw(lambda secured, over: secured.sendall(answer)).request("GET", "/")
    assert caught.value.code == "cut"


def test_what_an_unknown_server_says_does_nothing_to_a_terminal(raw):
    body = b'{"error": {"code": "x", "message": "\\u001b[2Jgone\\nand\\u009bmore", "hint": 3}}'
    answer = b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with pytest.raises(Problem) as caught:
        raw(lambda secured, over: secured.sendall(answer)).request("GET", "/")
    assert caught.value.message.endswith(" [2Jgone and more")
    assert caught.value.message.isprintable()


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again(orchestrator, fleet_ca):
    client = Client(Endpoint.of_url(orchestrator.url), trust.trusting(fleet_ca.root_pem))
    assert client.request("GET", "/ca.pem").status == 200
    orchestrator.stop()
    orchestrator.start()
    assert client.request("GET", "/ca.pem").body == orchestrator.ca_pem.encode()
    client.close()


def test_a_wait_is_ended_from_another_thread(raw):
    asked = threading.Event()

    def behave(secured, over):
        asked.set()
        over.wait(30)

    client = raw(behave)
    threading.Thread(target=lambda: asked.wait(10) and client.interrupt(), daemon=True).start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        client.request("GET", "/", wait=True)
    assert time.monotonic() - began < 10
    client.interrupt()  # before the next wait begins: it is not forgotten
    with pytest.raises(Interrupted):
        client.request("GET", "/", wait=True)


def test_old_tls_is_not_spoken(orchestrator, fleet_ca):
    context = trust.trusting(fleet_ca.root_pem)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED


def test_the_tunnel_goes_before_the_url(tmp_path):
    layout = Layout.at(str(tmp_path))
    assert endpoints(layout, None) == []
    assert [e.url for e in endpoints(layout, "https://o:1")] == ["https://o:1"]
    (tmp_path / "run" / "tunnel").mkdir(parents=True)
    (tmp_path / "run" / "tunnel" / "orchestrator.sock").touch()
    assert [e.url for e in endpoints(layout, "https://o:1")] == ["unix:" + layout.tunnel_socket, "https://o:1"]
