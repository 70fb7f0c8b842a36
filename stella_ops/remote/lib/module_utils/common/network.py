"""Netmasks and addresses."""

import ipaddress
import re

VALID_MASKS = [2**8 - 2**i for i in range(9)]


def is_netmask(val):
    """Whether text is a netmask, as 255.255.255.0."""
    parts = str(val).split(".")
    if len(parts) != 4:
        return False
    try:
        return all(int(part) in VALID_MASKS for part in parts)
    except ValueError:
        return False


def is_masklen(val):
    """Whether it is the length of an IPv4 mask."""
    try:
        return 0 <= int(val) <= 32
    except (TypeError, ValueError):
        return False


def to_netmask(val):
    """24 as 255.255.255.0."""
    if not is_masklen(val):
        raise ValueError("invalid value for masklen")
    return str(ipaddress.ip_network("0.0.0.0/{}".format(int(val))).netmask)


def to_masklen(val):
    """255.255.255.0 as 24."""
    if not is_netmask(val):
        raise ValueError("invalid value for netmask: {}".format(val))
    return to_bits(val).count("1")


def to_subnet(addr, mask, dotted_notation=False):
    """The network of an address."""
    length = int(mask) if is_masklen(mask) else to_masklen(mask)
    network = ipaddress.ip_network("{}/{}".format(addr, length), strict=False).network_address
    return "{} {}".format(network, to_netmask(length)) if dotted_notation else "{}/{}".format(network, length)


def _ipv6_prefix(addr, length):
    network = ipaddress.ip_network("{}/{}".format(addr, length), strict=False).network_address
    return re.sub(r":*$", "", str(network)) + "::"


def to_ipv6_subnet(addr):
    """The first 64 bits of an address."""
    return _ipv6_prefix(addr, 64)


def to_ipv6_network(addr):
    """The first 48 bits of an address."""
    return _ipv6_prefix(addr, 48)


def to_bits(val):
    """A netmask as ones and zeros."""
    return "".join("{:08b}".format(int(part)) for part in val.split("."))


def is_mac(mac_address):
    """Whether text is a hardware address."""
    return re.match(r"[0-9a-f]{2}([-:])[0-9a-f]{2}(\1[0-9a-f]{2}){4}$", mac_address.lower()) is not None
