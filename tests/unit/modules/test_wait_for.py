from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def silent_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_port_that_answers(host, listening):
    result = host("wait_for", port=listening.getsockname()[1], timeout=5)
    assert result["failed"] is False
    assert (result["state"], result["elapsed"], result["changed"]) == ("started", 0, False)


def test_a_port_that_comes_up_is_seen_at_once(host, silent_port):
    opened = []

    def open_later() -> None:
        with socket.create_server(("127.0.0.1", silent_port)) as server:
            opened.append(time.monotonic())
            server.accept()[0].close()

    later = threading.Timer(0.3, open_later)
    later.start()
    result = host("wait_for", port=silent_port, timeout=20)
    seen = time.monotonic()
    later.join()
    assert result["failed"] is False
    assert seen - opened[0] < 0.9, "pauses start short; a whole second would be the fixed pause of others"


def test_a_port_that_stays_silent(host, silent_port):
    result = host("wait_for", port=silent_port, timeout=0.2)
    assert result["failed"] is True
    assert result["msg"] == f"Timeout when waiting for 127.0.0.1:{silent_port}"
    assert result["elapsed"] == 0
    assert host("wait_for", port=silent_port, timeout=0, msg="no luck")["msg"] == "no luck"


def test_stopped(host, listening, silent_port):
    assert host("wait_for", port=silent_port, state="stopped", timeout=5)["failed"] is False
    result = host("wait_for", port=listening.getsockname()[1], state="stopped", timeout=0.1)
    assert result["msg"].endswith("to stop.")


def test_a_greeting(host, listening):
    def greet() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(b"SSH-2.0-")
            connection.sendall("Öpen_9\r\n".encode())

    greeter = threading.Thread(target=greet)
    greeter.start()
    result = host("wait_for", port=listening.getsockname()[1], search_regex=r"SSH-(?P<v>[\d.]+)-(Ö)", timeout=5)
    greeter.join()
    assert result["match_groups"] == ["2.0", "Ö"]
    assert result["match_groupdict"] == {"v": "2.0"}


def test_paths(host):
    path = host.folder / "f"
    assert host("wait_for", path=str(path), state="absent")["failed"] is False
    assert host("wait_for", path=str(path), timeout=0.05)["msg"] == f"Timeout when waiting for file {path}"
    path.write_text("first\nready: 42\n")
    assert host("wait_for", path=str(path))["path"] == str(path)
    result = host("wait_for", path=str(path), search_regex=r"^ready: (\d+)$")
    assert result["match_groups"] == ["42"]
    result = host("wait_for", path=str(path), search_regex="never", timeout=0.05)
    assert "search string never" in result["msg"]
    assert host("wait_for", path=str(path), state="absent", timeout=0.05)["failed"] is True


def test_drained(host, listening):
    port = listening.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as client:
        args = {"port": port, "state": "drained", "timeout": 0.1}
        assert host("wait_for", **args)["msg"] == f"Timeout when waiting for 127.0.0.1:{port} to drain"
        assert host("wait_for", host="0.0.0.0", **args)["failed"] is True
        assert host("wait_for", exclude_hosts="127.0.0.1", **args)["failed"] is False
        assert host("wait_for", active_connection_states=["SYN_RECV"], **args)["failed"] is False
        client.close()
    assert host("wait_for", port=port, state="drained", active_connection_states="ESTABLISHED")["failed"] is False


def test_delay_counts_as_part_of_the_timeout(host):
    began = time.monotonic()
    assert host("wait_for", path=str(host.folder), delay=0.2, timeout=5)["failed"] is False
    assert time.monotonic() - began >= 0.2
    began = time.monotonic()
    host("wait_for", timeout=0.2)
    assert 0.2 <= time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"port": 1, "path": "/x"}, "can not both"),
        ({"path": "/x", "state": "drained"}, "checking a port"),
        ({"port": 70000}, "between 1 and 65535"),
        ({"port": 1, "search_regex": "("}, "Invalid regular expression"),
        ({"port": 1, "exclude_hosts": "a"}, "only be with state=drained"),
        ({"port": 1, "state": "drained", "active_connection_states": "OPEN"}, "state (OPEN) defined"),
        ({"port": 1, "timeout": -1}, "cannot be negative"),
        ({"port": "ssh"}, "cannot be converted to an int"),
    ],
)
def test_arguments_that_make_no_sense(host, args, words):
    result = host("wait_for", **args)
    assert words in result["msg"]
    assert "exception" not in result
