from __future__ import annotations

import pytest

from stella_ops.remote.lib.facts import netlink, network


def by(entries, *names):
    return sorted(tuple(entry[name] for name in names) for entry in entries)


@pytest.fixture
def kernel():
    try:
        return netlink.links(), netlink.addresses(), netlink.default_routes()
    except OSError as error:
        pytest.skip(f"netlink is forbidden here: {error}")


def test_the_way_without_netlink_tells_the_same(kernel):
    links, addresses, routes = kernel
    # Other tests make and remove interfaces meanwhile: loopback and the default route's stay.
    steady = {1} | {route["index"] for route in routes}
    for told, plain, names in (
        (links, network.plain_links(), ("index", "name", "mtu")),
        (
            [each for each in addresses if each["family"] == 6],
            network.plain_addresses(),
            ("index", "address", "prefix", "scope"),
        ),
        (routes, network.plain_routes(), ("index", "family", "gateway")),
    ):
        one = {entry for entry in by(told, *names) if entry[0] in steady}
        other = {entry for entry in by(plain, *names) if entry[0] in steady}
        if names[1] == "address":
            other = {entry for entry in other if ":" in entry[1]}
        assert one == other


def test_without_netlink_the_facts_are_still_there(monkeypatch):
    def forbidden():
        raise PermissionError("not here")

    monkeypatch.setattr(netlink, "links", forbidden)
    told = network.gather(1)
    assert told["lo"]["ipv4"]["address"] == "127.0.0.1"
    assert told["lo"]["ipv4"]["netmask"] == "255.0.0.0"
    assert "lo" in told["interfaces"]


def test_addresses_go_with_their_interface(monkeypatch):
    links = [
        {"index": 1, "name": "lo", "flags": 9, "mac": "00:00:00:00:00:00", "mtu": 65536},
        {"index": 2, "name": "test-0.5", "flags": 1, "mac": "02:00:00:00:00:01", "mtu": 1500},
    ]
    entry = {"index": 2, "family": 4, "prefix": 24, "scope": "global", "label": "test-0.5"}
    addresses = [
        dict(entry, index=1, address="127.0.0.1", prefix=8, scope="host"),
        dict(entry, address="10.1.2.3"),
        dict(entry, address="10.1.2.4"),
        dict(entry, address="10.9.0.1", prefix=32),
        dict(entry, family=6, address="fe80::1", prefix=64, scope="link"),
        dict(entry, family=6, address="2001:db8::5", prefix=64),
        dict(entry, index=99, address="192.0.2.1"),
    ]
    route = {"index": 2, "metric": 0, "source": None}
    routes = [
        dict(route, family=4, index=99, gateway="192.0.2.254"),
        dict(route, family=4, gateway="10.1.2.1", source="10.1.2.4"),
        dict(route, family=6, gateway="fe80::ff"),
    ]
    monkeypatch.setattr(netlink, "links", lambda: links)
    monkeypatch.setattr(netlink, "addresses", lambda: addresses)
    monkeypatch.setattr(netlink, "default_routes", lambda: routes)
    told = network.gather(1)
    assert told["interfaces"] == ["lo", "test-0.5"]
    assert told["all_ipv4_addresses"] == ["10.1.2.3", "10.1.2.4", "10.9.0.1"]
    assert told["all_ipv6_addresses"] == ["fe80::1", "2001:db8::5"]
    mine = told["test_0.5"]
    assert mine["ipv4"] == {
        "address": "10.1.2.3",
        "netmask": "255.255.255.0",
        "network": "10.1.2.0",
        "broadcast": "10.1.2.255",
        "prefix": "24",
    }
    assert [each["address"] for each in mine["ipv4_secondaries"]] == ["10.1.2.4", "10.9.0.1"]
    assert mine["ipv4_secondaries"][1]["broadcast"] == ""
    assert "macaddress" not in told["lo"]
    assert told["default_ipv4"]["address"] == "10.1.2.4", "the route's preferred source"
    assert told["default_ipv4"]["gateway"] == "10.1.2.1"
    assert told["default_ipv6"]["address"] == "2001:db8::5", "of wide scope, although the link's comes first"


def test_routes_of_proc(tmp_path, monkeypatch):
    monkeypatch.setattr(network.socket, "if_nameindex", lambda: [(1, "lo"), (2, "eth0"), (3, "wlan0")])
    (tmp_path / "route").write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "wlan0\t00000000\t0101000A\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
        "eth0\t0000000A\t00000000\t0001\t0\t0\t100\t000000FF\t0\t0\t0\n"
    )
    told = network.plain_routes(str(tmp_path / "route"), str(tmp_path / "none"))
    assert [(each["index"], each["gateway"]) for each in told] == [(2, "192.0.2.1"), (3, "10.0.1.1")]
