"""Links, addresses and routes, asked of the kernel by rtnetlink(7): what ip(8) would show, without ip(8)."""

import os
import socket
import struct

_GETLINK, _GETADDR, _GETROUTE = 18, 22, 26
_ERROR, _DONE = 2, 3
_REQUEST_DUMP = 0x301
_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBi")
_ROUTE = struct.Struct("=BBBBBBBBI")
_MAIN_TABLE = 254
_LOCAL_TABLE, _LOCAL = 255, 2


def links():
    """One dict a link: index, name, flags (a number), mac, mtu. Raises OSError."""
    found = []
    for data in _dump(_GETLINK, _LINK.pack(0, 0, 0, 0, 0)):
        _, _, index, flags, _ = _LINK.unpack_from(data)
        told = _attributes(data[_LINK.size :])
        found.append(
            {
                "index": index,
                "flags": flags,
                "name": told.get(3, b"").split(b"\0")[0].decode("utf-8", "replace"),
                "mac": ":".join("{:02x}".format(byte) for byte in bytearray(told.get(1, b""))),
                "mtu": struct.unpack("=I", told[4])[0] if 4 in told else None,
            }
        )
    return found


def addresses():
    """One dict an address: index of its link, family (4, 6), address, prefix, scope, label. Raises OSError."""
    found = []
    for data in _dump(_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0)):
        family, prefix, _, scope, index = _ADDRESS.unpack_from(data)
        told = _attributes(data[_ADDRESS.size :])
        raw = told.get(2) or told.get(1)  # on point-to-point links the first is the peer's
        if raw is None or family not in (socket.AF_INET, socket.AF_INET6):
            continue
        found.append(
            {
                "index": index,
                "family": 4 if family == socket.AF_INET else 6,
                "address": socket.inet_ntop(family, raw),
                "prefix": prefix,
                "scope": {0: "global", 200: "site", 253: "link", 254: "host"}.get(scope, str(scope)),
                "label": told.get(3, b"").split(b"\0")[0].decode("utf-8", "replace"),
                "broadcast": socket.inet_ntop(family, told[4]) if 4 in told and family == socket.AF_INET else "",
            }
        )
    return found


def default_routes():
    """One dict a default route, best first: family, index, metric, gateway and source (or None). Raises OSError."""
    found = []
    for data in _dump(_GETROUTE, _ROUTE.pack(0, 0, 0, 0, 0, 0, 0, 0, 0)):
        family, length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(data)
        told = _attributes(data[_ROUTE.size :])
        if length or kind != 1 or family not in (socket.AF_INET, socket.AF_INET6):
            continue
        if (struct.unpack("=I", told[15])[0] if 15 in told else table) != _MAIN_TABLE:
            continue
        hop = _first_hop(told.get(9))
        index = struct.unpack("=i", told[4])[0] if 4 in told else hop.get("index")
        gateway = told.get(5) or hop.get("gateway")
        found.append(
            {
                "family": 4 if family == socket.AF_INET else 6,
                "index": index,
                "gateway": socket.inet_ntop(family, gateway) if gateway else None,
                "source": socket.inet_ntop(family, told[7]) if 7 in told else None,
                "metric": struct.unpack("=I", told[6])[0] if 6 in told else 0,
            }
        )
    return sorted(found, key=lambda route: route["metric"])


def local_routes():
    """(family, place) of what the host delivers to itself; a whole network with its length. Raises OSError."""
    found = []
    for data in _dump(_GETROUTE, _ROUTE.pack(0, 0, 0, 0, 0, 0, 0, 0, 0)):
        family, length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(data)
        told = _attributes(data[_ROUTE.size :])
        if kind != _LOCAL or 1 not in told or family not in (socket.AF_INET, socket.AF_INET6):
            continue
        if (struct.unpack("=I", told[15])[0] if 15 in told else table) != _LOCAL_TABLE:
            continue
        place = socket.inet_ntop(family, told[1])
        whole = 32 if family == socket.AF_INET else 128
        found.append(
            (4 if family == socket.AF_INET else 6, place if length == whole else "{}/{}".format(place, length))
        )
    return found


def _dump(kind, body):
    """The payloads of all answers to one dump request."""
    request = _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, 1, 0) + body
    asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    try:
        asking.settimeout(2)
        asking.bind((0, 0))
        asking.send(request)
        while True:
            data = asking.recv(262144)
            while len(data) >= _HEADER.size:
                length, what, _, _, _ = _HEADER.unpack_from(data)
                if length < _HEADER.size or what == _DONE:
                    return
                if what == _ERROR:
                    number = -struct.unpack_from("=i", data, _HEADER.size)[0]
                    raise OSError(number, os.strerror(number))
                if what == kind - 2:  # RTM_NEW… answers RTM_GET…
                    yield data[_HEADER.size : length]
                data = data[(length + 3) & ~3 :]
    finally:
        asking.close()


def _attributes(data):
    found = {}  # type: dict[int, bytes]
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found.setdefault(kind & 0x3FFF, data[4:length])
        data = data[(length + 3) & ~3 :]
    return found


def _first_hop(data):
    """RTA_MULTIPATH: struct rtnexthop (length, flags, hops, interface) and attributes."""
    if not data or len(data) < 8:
        return {}
    length, _, _, index = struct.unpack_from("=HBBi", data)
    return {"index": index, "gateway": _attributes(data[8:length]).get(5)}
