"""What a text or number says as an address: the address, its network, and whether the network was written."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple

from stella_ops.templating.lazy import plain_text

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_BITS = {4: 32, 6: 128}


class Interface(NamedTuple):
    """An address in its network.

    Attributes:
        kind: ``network`` where a prefix was written, else ``address``.
    """

    ip: Address
    network: Network
    kind: str

    @property
    def version(self) -> int:
        return int(self.ip.version)

    @property
    def prefix(self) -> int:
        return int(self.network.prefixlen)

    @property
    def size(self) -> int:
        return int(self.network.num_addresses)

    @property
    def first(self) -> int:
        """The first address of the network, as a number."""
        return int(self.network.network_address)

    @property
    def last(self) -> int:
        return int(self.network.broadcast_address)

    @property
    def is_network(self) -> bool:
        """Whether it names the network itself and not a host in it."""
        return self.size > 1 and self.ip == self.network.network_address

    def usable(self) -> tuple[int, int]:
        """The first and the last number that a host may have."""
        return (self.first + 1, self.last - 1) if self.size > 2 else (self.first, self.last)

    def address(self, number: int) -> Address:
        """An address of the same family by its number."""
        return ipaddress.IPv4Address(number) if self.version == 4 else ipaddress.IPv6Address(number)

    def __str__(self) -> str:
        return f"{self.ip}/{self.prefix}"


def interface(value: Any, version: int | None = None) -> Interface | None:
    """Read an address, with or without prefix, as text or as a number; None when it is neither.

    Args:
        version: 4 or 6, to take nothing else.
    """
    if value is None or isinstance(value, bool) or value in ("", 0):
        return None
    text = plain_text(value).strip()
    address, slash, prefix = text.partition("/")
    try:
        if address.isdigit():
            number = int(address)
            six = version == 6 or (version is None and number >= 1 << 32)
            made = ipaddress.IPv6Address(number) if six else ipaddress.IPv4Address(number)
            text = f"{made}/{prefix}" if slash else str(made)
        found = ipaddress.ip_interface(text)
    except ValueError:
        return None
    if version is not None and found.version != version:
        return None
    return Interface(found.ip, found.network, "network" if slash else "address")


def subnets(network: Network, prefix: int) -> Iterator[Network]:
    """The networks of a longer prefix in a network."""
    yield from network.subnets(new_prefix=prefix)


def nth_subnet(network: Network, prefix: int, index: int) -> Network | None:
    """The ``index``-th of the networks of a longer prefix in a network, from the end when negative."""
    count = 1 << (prefix - network.prefixlen) if network.prefixlen <= prefix <= _BITS[network.version] else 0
    if not -count <= index < count:
        return None
    number = int(network.network_address) + (index % count) * (1 << (_BITS[network.version] - prefix))
    address = ipaddress.IPv4Address(number) if network.version == 4 else ipaddress.IPv6Address(number)
    return ipaddress.ip_network(f"{address}/{prefix}")
