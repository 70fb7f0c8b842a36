"""The host's TCP connections, read from /proc/net."""

import binascii
import ipaddress
import socket
import sys

# Numbers of <net/tcp_states.h>, with the names that ansible-core's wait_for uses.
STATES = {
    "ESTABLISHED": 1,
    "SYN_SENT": 2,
    "SYN_RECV": 3,
    "FIN_WAIT1": 4,
    "FIN_WAIT2": 5,
    "TIME_WAIT": 6,
}


def count_active(host, port, excluded, states, tables=("/proc/net/tcp", "/proc/net/tcp6")):
    """How many connections a local port has.

    Args:
        host: local address or name; 0.0.0.0 and :: mean every address.
        excluded: peers (addresses or names) whose connections do not count.
        states: names from ``STATES`` that count as active.
    """
    local = _addresses(host)
    everywhere = any(address.is_unspecified for address in local)
    ignored = set()  # type: set[object]
    for peer in excluded:
        ignored.update(_addresses(peer))
    numbers = set(STATES[name] for name in states)
    count = 0
    for here, here_port, there, state in _connections(tables):
        if here_port != port or state not in numbers or there in ignored:
            continue
        if everywhere or here in local:
            count += 1
    return count


def _connections(tables):
    for table in tables:
        try:
            with open(table) as source:
                lines = source.readlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            here, here_port = fields[1].split(":")
            there = fields[2].split(":")[0]
            yield _address(here), int(here_port, 16), _address(there), int(fields[3], 16)


def _address(text):
    """The kernel prints 32-bit words of the machine's byte order; a mapped IPv4 address is one."""
    raw = binascii.unhexlify(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[place : place + 4][::-1] for place in range(0, len(raw), 4))
    address = ipaddress.ip_address(raw)
    return getattr(address, "ipv4_mapped", None) or address


def _addresses(host):
    try:
        return set([ipaddress.ip_address(host)])
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return set()
    return set(ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found)
