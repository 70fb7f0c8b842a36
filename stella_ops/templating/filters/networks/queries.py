"""``ipaddr`` and its kin: is it an address, and what does it say?"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.spelling import did_you_mean
from stella_ops.templating.filters.networks.interfaces import Interface, interface
from stella_ops.templating.lazy import plain_text

# What IANA's registries of special-purpose addresses (RFC 6890) say is not globally reachable, and what in it is.
_LOCAL = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("240.0.0.0/4", "::/128", "::1/128", "::ffff:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/23"),
            *("2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10"),
        ),
    )
)
_REACHED = tuple(
    map(
        ipaddress.ip_network,
        (
            *("192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128", "2001:3::/32", "2001:4:112::/48"),
            *("2001:20::/28", "2001:30::/28"),
        ),
    )
)


def is_private(found: Interface) -> bool:
    """Whether an address is not globally reachable, as the library netaddr (1.3) tells it to ``ansible.utils``."""
    ip = found.ip
    return any(ip in network for network in _LOCAL) and not any(ip in network for network in _REACHED)


def _is_public(found: Interface) -> bool:
    return not (is_private(found) or found.ip.is_multicast)


def _plain(found: Interface) -> str:
    return str(found.ip) if found.kind == "address" else str(found)


def _ip(found: Interface) -> Any:
    return str(found.ip) if found.size <= 2 or not found.is_network else False


def _ip_prefix(found: Interface) -> Any:
    if found.size > 2 and int(found.ip) in (found.first, found.last):
        return False
    return str(found)


def _hosted(found: Interface) -> Any:
    return str(found) if found.size == 1 or not found.is_network else False


def _gateway(found: Interface) -> Any:
    return str(found) if found.size > 1 and not found.is_network else False


def _network(found: Interface) -> Any:
    return str(found.network) if found.is_network else None


def _broadcast(found: Interface) -> Any:
    return str(found.network.broadcast_address) if found.size > 2 else False


def _number(found: Interface) -> Any:
    return int(found.ip) if found.kind == "address" else f"{int(found.ip)}/{found.prefix}"


def _type(found: Interface) -> str:
    return "network" if found.is_network else "address"


def _usable_size(found: Interface) -> int:
    return found.size - 2 if found.size > 2 else 0 if found.size == 1 else 2


def _first_usable(found: Interface) -> Any:
    return str(found.address(found.usable()[0])) if found.size > 1 else None


def _last_usable(found: Interface) -> Any:
    return str(found.address(found.usable()[1])) if found.size > 1 else None


def _range(found: Interface) -> Any:
    return f"{_first_usable(found)}-{_last_usable(found)}" if found.size > 1 else None


def _beside(step: int) -> Callable[[Interface], Any]:
    def neighbour(found: Interface) -> Any:
        first, last = found.usable()
        number = int(found.ip) + step
        return str(found.address(number)) if found.size > 1 and first <= number <= last else None

    return neighbour


def _peer(found: Interface) -> str:
    number = int(found.ip)
    if found.size == 2:
        return str(found.address(number ^ 1))
    if found.size == 4 and number % 4 in (1, 2):
        return str(found.address(number ^ 3))
    raise TemplateError(
        f"ipaddr: '{found}' has no peer", hint="a point-to-point link is a network of two hosts: /31, /30, /127 or /126"
    )


def _six_to_four(found: Interface) -> Any:
    if found.version == 6:
        return _plain(found) if found.ip in ipaddress.ip_network("2002::/16") else False
    if is_private(found):
        return False
    text = f"{int(found.ip):08x}"
    made = ipaddress.IPv6Address(f"2002:{text[:4]}:{text[4:]}::1")
    return f"{made}/48" if found.kind == "address" else f"{made}/{found.prefix}"


def _as_v4(found: Interface) -> Any:
    if isinstance(found.ip, ipaddress.IPv4Address):
        return _plain(found)
    mapped = found.ip.ipv4_mapped
    return f"{mapped}/{max(0, found.prefix - 96)}" if mapped else False


def _as_v6(found: Interface) -> Any:
    if found.version == 6:
        return _plain(found)
    return f"::ffff:{found.ip}/{found.prefix + 96}"


def _wrap(found: Interface) -> str:
    if found.version == 4:
        return _plain(found)
    return f"[{found.ip}]" if found.kind == "address" else f"[{found.ip}]/{found.prefix}"


def _when(question: Callable[[Interface], bool]) -> Callable[[Interface], Any]:
    return lambda found: _plain(found) if question(found) else None


_QUERIES: dict[str, Callable[[Interface], Any]] = {
    "": _plain,
    "6to4": _six_to_four,
    "bool": lambda found: True,
    "broadcast": _broadcast,
    "cidr": str,
    "first_usable": _first_usable,
    "host": _hosted,
    "int": _number,
    "ip_netmask": lambda found: f"{found.ip} {found.network.netmask}",
    "ip_wildcard": lambda found: f"{found.ip} {found.network.hostmask}",
    "ipv4": _as_v4,
    "ipv6": _as_v6,
    "last_usable": _last_usable,
    "link-local": _when(lambda found: found.ip.is_link_local),
    "multicast": _when(lambda found: found.ip.is_multicast),
    "net": _network,
    "netmask": lambda found: str(found.network.netmask),
    "network_netmask": lambda found: f"{found.network.network_address} {found.network.netmask}",
    "network_wildcard": lambda found: f"{found.network.network_address} {found.network.hostmask}",
    "next_usable": _beside(1),
    "peer": _peer,
    "prefix": lambda found: found.prefix,
    "previous_usable": _beside(-1),
    "private": _when(is_private),
    "public": _when(_is_public),
    "range_usable": _range,
    "revdns": lambda found: f"{found.ip.reverse_pointer}.",
    "size": lambda found: found.size,
    "size_usable": _usable_size,
    "type": _type,
    "unicast": _when(lambda found: not found.ip.is_multicast),
    "version": lambda found: found.version,
    "wrap": _wrap,
    **dict.fromkeys(("address", "ip"), _ip),
    **dict.fromkeys(("address/prefix", "host/prefix", "ip/prefix"), _ip_prefix),
    **dict.fromkeys(("gateway", "gw", "hostnet", "router"), _gateway),
    **dict.fromkeys(("hostmask", "wildcard"), lambda found: str(found.network.hostmask)),
    **dict.fromkeys(("loopback", "lo"), _when(lambda found: found.ip.is_loopback)),
    **dict.fromkeys(("network", "network_id"), lambda found: str(found.network.network_address)),
    **dict.fromkeys(("network/prefix", "subnet"), lambda found: str(found.network)),
    "v4": _as_v4,
    "v6": _as_v6,
}


def ipaddr(value: Any, query: Any = "", version: int | None = None, alias: str = "ipaddr") -> Any:
    """What an address or network says; false for anything else. A list gives what each element says that is one.

    Args:
        query: nothing for the value itself; a word (``address``, ``netmask``, ``network``, ``prefix``,
            ``broadcast``, ``public``, ``private``, ``subnet``, ``type``, ``revdns``, ``wrap`` …); a number, for the
            address at that place of the network; a network, for the value if it lies in that.
        version: 4 or 6, to take nothing else.
    """
    if isinstance(value, list | tuple):
        found = [ipaddr(item, query, version, alias) for item in value]
        return [item for item in found if item]
    written = plain_text(query)
    ask = _QUERIES.get(written)
    place = _place(written) if ask is None else None
    around = interface(written) if ask is None and place is None else None
    if ask is None and place is None and around is None:
        hint = did_you_mean(written, _QUERIES)
        raise TemplateError(f"{alias}: unknown query '{written}'", hint=hint)
    read = interface(value, version or None)
    if read is None:
        return False
    if ask is not None:
        return ask(read)
    if around is not None:
        inside = around.version == read.version and around.first <= read.first and read.last <= around.last
        return _plain(read) if inside or (around.version == read.version and read.ip in around.network) else None
    assert place is not None
    if read.size == 1:
        return _plain(read)
    number = read.first + place if place >= 0 else read.last + 1 + place
    return f"{read.address(number)}/{read.prefix}" if read.first <= number <= read.last else False


def _place(query: str) -> int | None:
    return int(query) if query.lstrip("-").isdigit() else None


def ipv4(value: Any, query: Any = "") -> Any:
    """As ``ipaddr``, for IPv4 alone."""
    return ipaddr(value, query, 4, "ipv4")


def ipv6(value: Any, query: Any = "") -> Any:
    """As ``ipaddr``, for IPv6 alone."""
    return ipaddr(value, query, 6, "ipv6")


def ipwrap(value: Any, query: Any = "") -> Any:
    """IPv6 addresses in brackets, as a URL wants them; anything else as it is."""
    if isinstance(value, list | tuple):
        return [ipwrap(item, query) for item in value]
    found = ipaddr(value, query, alias="ipwrap")
    return ipaddr(found, "wrap") if found and found is not True else value


FILTERS: dict[str, Callable[..., Any]] = {"ipaddr": ipaddr, "ipv4": ipv4, "ipv6": ipv6, "ipwrap": ipwrap}
