"""How far away a host is: whether it is this machine, and whether it is cheaper to send it bytecode or source.

Bytecode is four times as long as the source it comes from, and saves a host some 20 ms of compiling. On a local
network that pays; on a slow link, where the controller's own line is what all hosts share, source does.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from typing import Any

# Beyond this the link is taken for one on which bytes count.
NEAR_SECONDS = 0.003
# struct tcp_info of linux/tcp.h: the least round trip that the kernel has measured, in microseconds.
_MIN_RTT = struct.Struct("=I")
_MIN_RTT_AT = 148


def is_near(connection: Any) -> bool:
    """Whether an SSH connection leads straight to a host close by; False where that cannot be told."""
    seconds = round_trip(connection.get_extra_info("socket"))
    return seconds is not None and seconds <= NEAR_SECONDS


def is_here(connection: Any) -> bool:
    """Whether an SSH connection leads to this machine itself, or to what answers at an address of it."""
    connected = connection.get_extra_info("socket")
    try:
        peer, own = (str(place[0]) for place in (connected.getpeername(), connected.getsockname()))
        return peer == own or ipaddress.ip_address(peer.partition("%")[0]).is_loopback
    except (OSError, AttributeError, ValueError):
        return False


def round_trip(connected: Any) -> float | None:
    """The round trip of a TCP socket in seconds, as the kernel knows it; None without one (jump hosts, proxies)."""
    if connected is None or not sys.platform.startswith("linux"):
        return None
    try:
        told = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT_AT + _MIN_RTT.size)
    except (OSError, AttributeError):
        return None
    if len(told) < _MIN_RTT_AT + _MIN_RTT.size:
        return None
    micros: int = _MIN_RTT.unpack_from(told, _MIN_RTT_AT)[0]
    return micros / 1_000_000 if micros < 0xFFFFFFFF else None
