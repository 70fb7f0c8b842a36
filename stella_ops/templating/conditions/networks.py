"""Questions about addresses and networks, as in the collection ansible.utils."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

from stella_ops.templating.filters.networks.hardware import octets
from stella_ops.templating.filters.networks.interfaces import Interface, Network, interface
from stella_ops.templating.lazy import plain_text


def _network(value: Any) -> Network | None:
    """A network whose own address was written, or an address."""
    found = interface(value)
    return found.network if found is not None and (found.size == 1 or found.is_network) else None


def _address(value: Any) -> Interface | None:
    found = interface(value)
    return found if found is not None and found.kind == "address" else None


def _of(question: Callable[[Interface], bool]) -> Callable[[Any], bool]:
    def ask(value: Any) -> bool:
        found = interface(value)
        return found is not None and question(found)

    return ask


def in_network(value: Any, network: Any) -> bool:
    """Whether an address or network lies in a network."""
    inner, around = _network(value), _network(network)
    if inner is None or around is None or inner.version != around.version:
        return False
    return inner.subnet_of(around)  # type: ignore[arg-type]


def in_any_network(value: Any, networks: Any) -> bool:
    """Whether an address or network lies in one or more of a list of networks."""
    return any(in_network(value, network) for network in networks)


def in_one_network(value: Any, networks: Any) -> bool:
    """Whether an address or network lies in exactly one of a list of networks."""
    return sum(in_network(value, network) for network in networks) == 1


def supernet_of(value: Any, network: Any) -> bool:
    """Whether a network holds another."""
    return in_network(network, value)


def resolvable(value: Any) -> bool:
    """Whether the controller's resolver knows a name or address."""
    try:
        socket.getaddrinfo(plain_text(value), None)
    except OSError:
        return False
    return True


def _mask(value: Any, *, inverted: bool) -> bool:
    found = _address(value)
    if found is None or not isinstance(found.ip, ipaddress.IPv4Address):
        return False
    number = int(found.ip) ^ (0xFFFFFFFF if inverted else 0)
    gap = ~number & 0xFFFFFFFF
    return gap & (gap + 1) == 0


def _inside_v6(attribute: str) -> Callable[[Any], bool]:
    return lambda value: bool((found := _address(value)) and getattr(found.ip, attribute, None))


UTILS: dict[str, Callable[..., bool]] = {
    "in_network": in_network,
    "subnet_of": in_network,
    "in_any_network": in_any_network,
    "in_one_network": in_one_network,
    "supernet_of": supernet_of,
    "resolvable": resolvable,
    "ip": lambda value: _network(value) is not None,
    "ipv4": lambda value: isinstance(_network(value), ipaddress.IPv4Network),
    "ipv6": lambda value: isinstance(_network(value), ipaddress.IPv6Network),
    "ip_address": lambda value: _address(value) is not None,
    "ipv4_address": lambda value: bool((found := _address(value)) and found.version == 4),
    "ipv6_address": lambda value: bool((found := _address(value)) and found.version == 6),
    "ipv4_netmask": lambda value: _mask(value, inverted=False),
    "ipv4_hostmask": lambda value: _mask(value, inverted=True),
    "ipv6_ipv4_mapped": _inside_v6("ipv4_mapped"),
    "ipv6_sixtofour": _inside_v6("sixtofour"),
    "ipv6_teredo": _inside_v6("teredo"),
    "loopback": _of(lambda found: found.ip.is_loopback),
    "multicast": _of(lambda found: found.ip.is_multicast),
    "private": _of(lambda found: found.network.is_private),
    "public": _of(lambda found: found.network.is_global),
    "reserved": _of(lambda found: found.ip.is_reserved),
    "unspecified": _of(lambda found: found.ip.is_unspecified),
    "mac": lambda value: isinstance(value, str) and octets(value) is not None,
}
