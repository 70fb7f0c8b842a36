"""Reckoning with addresses and networks: parts of a network, neighbours, what lies in what, merging."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.templating.filters.networks.interfaces import Interface, Network, interface, nth_subnet

_MOST = 65_536  # addresses that are listed


def _needed(value: Any, name: str) -> Interface:
    found = interface(value)
    if found is None:
        raise TemplateError(f"{name}: '{value}' is no address or network")
    return found


def _int(value: Any, name: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise TemplateError(f"{name}: a number is needed, not '{value}'") from None


def ipsubnet(value: Any, query: Any = "", index: Any = None) -> Any:
    """A network's parts, or its place in another.

    Args:
        query: a prefix length: with ``index`` the network of that length at that place in this one (for an address:
            around it, the widest first), without it how many there are, as text (for an address: the network around
            it). A network: which part of it this one is, counted from 1.
    """
    found = interface(value)
    if found is None:
        return False
    if query in ("", None):
        return str(found.network)
    if not str(query).isdigit():
        return _rank(found, _needed(query, "ipsubnet"))
    prefix = int(query)
    if found.size == 1:
        around = [found.network.supernet(new_prefix=length) for length in range(prefix, found.prefix)]
        place = 0 if index is None else _int(index, "ipsubnet")
        return str(around[place]) if -len(around) <= place < len(around) else False
    if index is None:
        if prefix < found.prefix:
            raise TemplateError(f"ipsubnet: {found.network} has no parts of the length {prefix}")
        return str(1 << (prefix - found.prefix))
    part = nth_subnet(found.network, prefix, _int(index, "ipsubnet"))
    return False if part is None else str(part)


def _rank(found: Interface, around: Interface) -> str:
    if found.version != around.version or not (around.first <= found.first and found.last <= around.last):
        raise TemplateError(f"ipsubnet: {found.network} is not in the network {around.network}")
    return str((found.first - around.first) // found.size + 1)


def nthhost(value: Any, query: Any = "") -> Any:
    """The address at a place of a network, from its end when negative."""
    found = interface(value)
    if found is None or query in ("", None):
        return False
    place = _int(query, "nthhost")
    number = found.first + place if place >= 0 else found.last + 1 + place
    return str(found.address(number)) if found.first <= number <= found.last else False


def _moved(value: Any, offset: Any, sign: int, name: str) -> Any:
    found = interface(value)
    if found is None:
        return False
    distance = _int(offset, name)
    first, last = found.usable()
    number = int(found.ip) + sign * distance
    return str(found.address(number)) if distance >= 0 and found.size > 1 and first <= number <= last else None


def next_nth_usable(value: Any, offset: Any) -> Any:
    """The address so many places after this one; none where it is not in the network."""
    return _moved(value, offset, 1, "next_nth_usable")


def previous_nth_usable(value: Any, offset: Any) -> Any:
    """The address so many places before this one; none where it is not in the network."""
    return _moved(value, offset, -1, "previous_nth_usable")


def network_in_network(value: Any, test: Any) -> bool:
    """Whether an address or network lies in a network, whose own and broadcast address count."""
    around, inner = _needed(value, "network_in_network"), _needed(test, "network_in_network")
    return around.version == inner.version and around.first <= inner.first and inner.last <= around.last


def network_in_usable(value: Any, test: Any) -> bool:
    """Whether an address or network lies among the addresses that hosts of a network may have."""
    around, inner = _needed(value, "network_in_usable"), _needed(test, "network_in_usable")
    first, last = around.usable()
    inside = (int(inner.ip), int(inner.ip)) if inner.size == 1 or not inner.is_network else (inner.first, inner.last)
    return around.version == inner.version and first <= inside[0] and inside[1] <= last


def reduce_on_network(value: Any, network: Any) -> list[Any]:
    """Those of a list of addresses and networks that lie in a network."""
    return [item for item in value if network_in_network(network, item)]


def cidr_merge(value: Any, action: str = "merge") -> Any:
    """The fewest networks that hold exactly what a list holds; ``span``: the smallest one that holds it all."""
    if not isinstance(value, list | tuple):
        raise TemplateError("cidr_merge: needs a list of networks")
    found = [_needed(item, "cidr_merge").network for item in value]
    if action == "merge":
        four = [network for network in found if isinstance(network, ipaddress.IPv4Network)]
        six = [network for network in found if isinstance(network, ipaddress.IPv6Network)]
        return [str(network) for network in (*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six))]
    if action == "span":
        return str(_span(found)) if found else None
    raise TemplateError(f"cidr_merge: unknown action '{action}'", hint="known: merge, span")


def _span(networks: list[Network]) -> Network:
    made, last = networks[0], max(int(network.broadcast_address) for network in networks)
    first = min(int(network.network_address) for network in networks)
    if len({network.version for network in networks}) > 1:
        raise TemplateError("cidr_merge: IPv4 and IPv6 networks have nothing in common")
    while not int(made.network_address) <= first <= last <= int(made.broadcast_address):
        made = made.supernet()
    return made


def ipmath(value: Any, amount: Any) -> str:
    """The address so many places further."""
    found = _needed(value, "ipmath")
    try:
        return str(found.address(int(found.ip) + _int(amount, "ipmath")))
    except ValueError:
        raise TemplateError(f"ipmath: '{value}' and {amount} is no address") from None


def usable_range(value: Any) -> dict[str, Any]:
    """The addresses of a network, listed: ``{number_of_ips: …, usable_ips: […]}``."""
    found = _needed(value, "usable_range")
    if found.kind == "network" and not found.is_network:
        raise TemplateError(f"usable_range: {found} is an address in a network, not the network {found.network}")
    if found.size > _MOST:
        raise TemplateError(f"usable_range: {found.network} has {found.size} addresses; {_MOST} are the most")
    listed = [str(found.address(number)) for number in range(found.first, found.last + 1)]
    return {"number_of_ips": found.size, "usable_ips": listed}


def ip4_hex(value: Any, delimiter: str = "") -> str:
    """An IPv4 address in hexadecimal."""
    found = _needed(value, "ip4_hex")
    return delimiter.join(f"{byte:02x}" for byte in found.ip.packed)


def ipv6form(value: Any, form: str) -> str:
    """An IPv6 address written out (``expand``), short (``compress``) or as in certificates (``x509``)."""
    found = _needed(value, "ipv6form")
    if form == "expand":
        return str(found.ip.exploded)
    if form == "compress":
        return str(found.ip.compressed)
    if form == "x509":
        return ":".join(f"{int(group, 16):x}" for group in found.ip.exploded.split(":"))
    raise TemplateError(f"ipv6form: unknown form '{form}'", hint="known: expand, compress, x509")


FILTERS: dict[str, Callable[..., Any]] = {
    "ipsubnet": ipsubnet,
    "nthhost": nthhost,
    "next_nth_usable": next_nth_usable,
    "previous_nth_usable": previous_nth_usable,
    "network_in_network": network_in_network,
    "network_in_usable": network_in_usable,
    "reduce_on_network": reduce_on_network,
    "cidr_merge": cidr_merge,
    "ipmath": ipmath,
    "usable_range": usable_range,
    "ip4_hex": ip4_hex,
    "ipv6form": ipv6form,
}
