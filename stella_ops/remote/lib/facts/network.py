"""Interfaces, addresses and default routes."""

import fcntl
import os
import socket
import struct

from stella_ops.remote.lib.facts import netlink, sources

_UP, _LOOPBACK, _PROMISC = 0x1, 0x8, 0x100


def gather(timeout):
    """interfaces, a fact for each, default_ipv4, default_ipv6, all_ipv4_addresses, all_ipv6_addresses."""
    try:
        links, addresses, routes = netlink.links(), netlink.addresses(), netlink.default_routes()
    except OSError:
        # Sandboxes that forbid netlink still have ioctl and /proc.
        links, addresses, routes = plain_links(), plain_addresses(), plain_routes()
    by_index = {link["index"]: interface(link) for link in links}
    everywhere = {4: [], 6: []}  # type: dict[int, list[str]]
    for entry in addresses:
        told = by_index.get(entry["index"])
        if told is None:
            continue
        add_address(told, entry)
        if not is_loopback(entry["address"]):
            everywhere[entry["family"]].append(entry["address"])
    facts = {
        "interfaces": sorted(told["device"] for told in by_index.values()),
        "all_ipv4_addresses": everywhere[4],
        "all_ipv6_addresses": everywhere[6],
    }
    facts["locally_reachable_ips"] = reachable()
    for family in (4, 6):
        facts["default_ipv{}".format(family)] = default(family, routes, by_index, addresses)
    for told in by_index.values():
        facts[told["device"].replace("-", "_").replace(":", "_")] = told
    return facts


def interface(link):
    """What is known of a link, addresses apart."""
    folder = "/sys/class/net/" + link["name"]
    told = {
        "device": link["name"],
        "active": bool(link["flags"] & _UP),
        "promisc": bool(flags_of(link, folder) & _PROMISC),
        "type": kind_of(link, folder),
    }
    if link["mtu"]:
        told["mtu"] = link["mtu"]
    if link["mac"] and not link["flags"] & _LOOPBACK:
        told["macaddress"] = link["mac"]
    try:
        told["pciid"] = os.path.basename(os.readlink(folder + "/device"))
    except OSError:
        pass
    try:
        told["module"] = os.path.basename(os.readlink(folder + "/device/driver/module"))
    except OSError:
        pass
    speed = sources.number(folder + "/speed") if told["active"] else None
    if speed is not None:
        told["speed"] = speed
    if told["type"] == "bridge":
        told["interfaces"] = sources.names(folder + "/brif")
        told["id"] = sources.text(folder + "/bridge/bridge_id")
        told["stp"] = sources.text(folder + "/bridge/stp_state") == "1"
    if told["type"] == "bonding":
        told["slaves"] = sources.text(folder + "/bonding/slaves").split()
    return told


def flags_of(link, folder):
    """A link's flags as /sys has them: netlink leaves out what the kernel itself set, as for a bridge's ports."""
    try:
        return int(sources.text(folder + "/flags"), 16)
    except ValueError:
        return link["flags"]


def reachable():
    """locally_reachable_ips: networks and addresses whose packets stay on this host."""
    found = {"ipv4": [], "ipv6": []}  # type: dict[str, list[str]]
    try:
        routes = netlink.local_routes()
    except OSError:
        routes = []
    for family, place in routes:
        listed = found["ipv4" if family == 4 else "ipv6"]
        if place not in listed:
            listed.append(place)
    return found


def kind_of(link, folder):
    """ansible-core's word for the kind of interface."""
    if link["flags"] & _LOOPBACK:
        return "loopback"
    for name in ("bridge", "bonding"):
        if os.path.isdir(os.path.join(folder, name)):
            return name
    return {"1": "ether", "32": "infiniband", "512": "ppp", "768": "tunnel"}.get(
        sources.text(folder + "/type"), "unknown"
    )


def add_address(told, entry):
    """Note an address with its interface: the first IPv4 is the interface's, the others secondaries."""
    if entry["family"] == 6:
        one = {"address": entry["address"], "prefix": str(entry["prefix"]), "scope": entry["scope"]}
        told.setdefault("ipv6", []).append(one)
        return
    one = ipv4(entry)
    if "ipv4" in told:
        told.setdefault("ipv4_secondaries", []).append(one)
    else:
        told["ipv4"] = one


def ipv4(entry):
    """An IPv4 address with its network."""
    prefix = entry["prefix"]
    mask = (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF
    network = struct.unpack("!I", socket.inet_aton(entry["address"]))[0] & mask
    guessed = dotted(network | mask ^ 0xFFFFFFFF) if prefix < 31 else ""
    return {
        "address": entry["address"],
        "netmask": dotted(mask),
        "network": dotted(network),
        "broadcast": entry.get("broadcast", guessed),
        "prefix": str(prefix),
    }


def dotted(number):
    """32 bits as people write them."""
    return socket.inet_ntoa(struct.pack("!I", number))


def is_loopback(address):
    return address.startswith("127.") or address == "::1"


def ipv6(digits):
    """An IPv6 address of 32 hexadecimal digits, as people write it."""
    return socket.inet_ntop(socket.AF_INET6, bytes(bytearray.fromhex(digits)))


def default(family, routes, by_index, addresses):
    """The interface, gateway and own address of the default route; empty without one."""
    route = next((each for each in routes if each["family"] == family and each["index"] in by_index), None)
    if route is None:
        return {}
    told = by_index[route["index"]]
    found = {"interface": told["device"], "gateway": route["gateway"], "type": told["type"]}
    for name in ("macaddress", "mtu"):
        if name in told:
            found[name] = told[name]
    mine = [each for each in addresses if each["family"] == family and each["index"] == route["index"]]
    # Without a preferred source the kernel takes an address of wide scope.
    mine.sort(key=lambda each: (each["address"] != route["source"], each["scope"] != "global"))
    if mine:
        if family == 4:
            found.update(ipv4(mine[0]), alias=mine[0]["label"] or told["device"])
        else:
            found.update(address=mine[0]["address"], prefix=str(mine[0]["prefix"]), scope=mine[0]["scope"])
    return found


def plain_links():
    """Links from /sys."""
    found = []
    for name in sources.names("/sys/class/net"):
        folder = "/sys/class/net/" + name
        flags = sources.text(folder + "/flags", "0x0")
        found.append(
            {
                "index": sources.number(folder + "/ifindex"),
                "name": name,
                "flags": int(flags or "0", 16),
                "mac": sources.text(folder + "/address"),
                "mtu": sources.number(folder + "/mtu"),
            }
        )
    return [link for link in found if link["index"] is not None]


def plain_addresses():
    """The first IPv4 address of each link by ioctl, and IPv6 addresses from /proc."""
    found = []
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        for index, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode("utf-8")[:15])
            try:
                address = fcntl.ioctl(asking.fileno(), 0x8915, request)[20:24]  # SIOCGIFADDR
                mask = fcntl.ioctl(asking.fileno(), 0x891B, request)[20:24]  # SIOCGIFNETMASK
            except OSError:
                continue
            prefix = bin(struct.unpack("!I", mask)[0]).count("1")
            text = socket.inet_ntoa(address)
            scope = "host" if text.startswith("127.") else "global"
            entry = {"index": index, "family": 4, "address": text, "prefix": prefix, "scope": scope}
            found.append(dict(entry, label=name))
    finally:
        asking.close()
    for line in sources.lines("/proc/net/if_inet6"):
        words = line.split()
        if len(words) == 6:
            scope = {"00": "global", "10": "host", "20": "link", "40": "site"}.get(words[3], words[3])
            told = ipv6(words[0])
            entry = {"index": int(words[1], 16), "family": 6, "address": told, "scope": scope}
            found.append(dict(entry, prefix=int(words[2], 16), label=words[5]))
    return found


def plain_routes(table4="/proc/net/route", table6="/proc/net/ipv6_route"):
    """Default routes from /proc, best first."""
    indexes = {name: index for index, name in socket.if_nameindex()}
    found = []
    for line in sources.lines(table4)[1:]:
        words = line.split()
        if len(words) > 7 and words[1] == "00000000" and words[7] == "00000000" and words[0] in indexes:
            gateway = socket.inet_ntoa(struct.pack("=I", int(words[2], 16)))
            found.append((4, words[0], gateway if gateway != "0.0.0.0" else None, int(words[6])))
    for line in sources.lines(table6):
        words = line.split()
        if len(words) == 10 and words[0] == "0" * 32 and words[1] == "00" and words[9] in indexes:
            gateway = ipv6(words[4])
            if words[9] != "lo":
                found.append((6, words[9], gateway if gateway != "::" else None, int(words[5], 16)))
    routes = [
        {"family": family, "index": indexes[name], "gateway": via, "metric": cost, "source": None}
        for family, name, via, cost in found
    ]
    return sorted(routes, key=lambda route: route["metric"])
