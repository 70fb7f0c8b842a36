"""Hosts behind counting proxies."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

# The benchmarks are no part of the installed package; they stand beside it in the checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.wire import Proxies, measured_delay, proxied
from stella_ops.lab.fault_proxy import FaultProxy
from stella_ops.lab.model import LabHost


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LabHost]:
    """A host that says 'hi', answers each byte with two, and is done after three."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"hi")
                for _ in range(3):
                    connection.recv(1)
                    connection.sendall(b"ok")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield LabHost(
            name="lab1",
            address="127.0.0.1",
            port=listener.getsockname()[1],
            user="somebody",
            key_file=tmp_path / "key",
            known_hosts=tmp_path / "direct",
            public_key="ssh-ed25519 KEY",
        )
        thread.join(10)


def test_a_proxied_host_is_counted_and_its_key_known(host: LabHost, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    with proxied([host], known_hosts, 0.0) as proxies:
        (reached,) = proxies.hosts
        assert (reached.name, reached.user, reached.known_hosts) == ("lab1", "somebody", known_hosts)
        assert reached.port != host.port
        assert known_hosts.read_text() == f"[127.0.0.1]:{reached.port} ssh-ed25519 KEY\n"
        with socket.create_connection((reached.address, reached.port), timeout=10) as connection:
            connection.recv(2, socket.MSG_WAITALL)
            for _ in range(3):
                connection.sendall(b"x")
                connection.recv(2, socket.MSG_WAITALL)
        wire = proxies.wire(7)
    assert (wire.tasks, wire.up, wire.down, wire.round_trips) == (7, 3, 8, 3)


def test_counts_are_a_hosts() -> None:
    counted = []
    for up, down, trips in ((100, 10, 5), (300, 30, 6)):
        proxy = FaultProxy("127.0.0.1", 1)
        proxy.carried = {"up": up, "down": down}
        proxy.round_trips = trips
        counted.append(proxy)
    wire = Proxies([], counted).wire(1)
    assert (wire.up, wire.down, wire.round_trips) == (200, 20, 6)


def test_a_delay_is_really_that_long() -> None:
    assert measured_delay(0.02) >= 0.02
