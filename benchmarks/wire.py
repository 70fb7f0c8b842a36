"""Proxies in front of hosts: they count what goes over the wire, and make it longer if asked.

They run in threads of the harness, whose CPU time is not the tools'.
"""

from __future__ import annotations

import dataclasses
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from benchmarks.report import Wire
from stella_ops.lab.fault_proxy import FaultProxy, in_thread
from stella_ops.lab.model import LabHost

_ECHOES = 20


class Proxies:
    """Hosts behind proxies: ``hosts`` are the same ones, reached through those."""

    def __init__(self, hosts: Sequence[LabHost], proxies: Sequence[FaultProxy]) -> None:
        self.hosts = hosts
        self._proxies = proxies

    def wire(self, tasks: int) -> Wire:
        """What a host's connections have carried until now, on the average."""
        count = len(self._proxies)
        return Wire(
            tasks=tasks,
            up=sum(proxy.carried["up"] for proxy in self._proxies) // count,
            down=sum(proxy.carried["down"] for proxy in self._proxies) // count,
            round_trips=round(sum(proxy.round_trips for proxy in self._proxies) / count),
        )


@contextmanager
def proxied(hosts: Sequence[LabHost], known_hosts: Path, delay: float) -> Iterator[Proxies]:
    """Hosts behind proxies that make each round trip ``delay`` seconds longer.

    Args:
        known_hosts: written; holds the hosts' own keys for the proxies' ports, so that nobody verifies less.
    """
    with ExitStack() as stack:
        proxies = [stack.enter_context(in_thread(host.address, host.port, latency=delay / 2)) for host in hosts]
        reached = [
            dataclasses.replace(host, address="127.0.0.1", port=proxy.port, known_hosts=known_hosts)
            for host, proxy in zip(hosts, proxies, strict=True)
        ]
        known_hosts.write_text("".join(f"[{host.address}]:{host.port} {host.public_key}\n" for host in reached))
        yield Proxies(reached, proxies)


def measured_delay(delay: float) -> float:
    """What a round trip through a proxy really takes here: the median over some echoes, in seconds."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        in_thread("127.0.0.1", listener.getsockname()[1], latency=delay / 2) as proxy,
    ):
        threading.Thread(target=_echo, args=(listener,), daemon=True).start()
        with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
            times = []
            for _ in range(_ECHOES):
                began = time.perf_counter()
                connection.sendall(b"x")
                connection.recv(1)
                times.append(time.perf_counter() - began)
    return statistics.median(times)


def _echo(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, suppress(ConnectionError):
        while data := connection.recv(1):
            connection.sendall(data)
