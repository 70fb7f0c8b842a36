import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.errors import InventoryError
from stella_ops.inventory import ranges
from stella_ops.inventory.ranges import expand_host_pattern, is_ipv6, split_address
from stella_ops.origins import Origin

HERE = Origin("hosts.ini", 3)


@pytest.mark.parametrize(
    ("pattern", "names", "port"),
    [
        ("web1", ["web1"], None),
        ("web1:2222", ["web1"], 2222),
        ("web.example.com", ["web.example.com"], None),
        ("web[01:03]", ["web01", "web02", "web03"], None),
        ("web[8:11]", ["web8", "web9", "web10", "web11"], None),
        ("web[098:101]", ["web098", "web099", "web100", "web101"], None),
        ("web[:2]", ["web0", "web1", "web2"], None),
        ("[a:c].lan", ["a.lan", "b.lan", "c.lan"], None),
        ("[y:B]", ["y", "z", "A", "B"], None),
        ("n[0:10:5]x", ["n0x", "n5x", "n10x"], None),
        ("n[0:9:5]", ["n0", "n5"], None),
        ("[a:g:3]", ["a", "d", "g"], None),
        ("r[1:2]n[a:b]", ["r1na", "r1nb", "r2na", "r2nb"], None),
        ("web[1:2]:2200", ["web1", "web2"], 2200),
        ("[1:2]:22", ["1", "2"], 22),
        ("10.0.[0:1].[1:2]", ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2"], None),
        ("10.0.0.1:22", ["10.0.0.1"], 22),
        ("::1", ["::1"], None),
        ("[::1]", ["::1"], None),
        ("[::1]:22", ["::1"], 22),
        ("[2001:db8::[1:2]]:22", ["2001:db8::1", "2001:db8::2"], 22),
        ("2001:db8::[1:2]", ["2001:db8::1", "2001:db8::2"], None),
        ("fe80::1%eth0", ["fe80::1%eth0"], None),
        ("höst", ["höst"], None),
        ("/srv/chroot", ["/srv/chroot"], None),
        ("0", ["0"], None),
    ],
)
def test_expands(pattern: str, names: list[str], port: int | None) -> None:
    assert expand_host_pattern(pattern, HERE) == (names, port)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("web[1:3", "not a host name"),
        ("web1:3]", "not a host name"),
        ("web[1]", "range [1] in 'web[1]' is malformed"),
        ("web[1:2:3:4]", "is malformed"),
        ("web[1:]", "has no end"),
        ("web[3:1]", "runs backwards"),
        ("web[c:a]", "runs backwards"),
        ("web[01:100]", "unequal length"),
        ("web[1:c]", "mixes kinds"),
        ("web[aa:cc]", "mixes kinds"),
        ("web[-1:3]", "mixes kinds"),
        ("web[1:3:0]", "step '0'"),
        ("web[1:3:x]", "step 'x'"),
        ("web[0:1000000]", "stands for more than 1000000 hosts"),
        ("web[1:2000]-[1:2000]", "stands for more than 1000000 hosts"),
        ("web[1:99999999999999999999]", "too long"),
        ("web[٠:٩]", "mixes kinds"),
        ("web1:", "a port is missing"),
        ("web1:ssh", "'ssh' is not a port"),
        ("web1:0", "'0' is not a port"),
        ("web1:65536", "'65536' is not a port"),
        ("web1:2222:3", "not a host name"),
        ("deploy@web1", "not a host name"),
        ("-oProxyCommand=x", "not a host name"),
        ("a,b", "not a host name"),
        ("a b", "not a host name"),
        ("web*", "not a host name"),
        ("{{ name }}", "not a host name"),
        ("", "not a host name"),
    ],
)
def test_refuses(pattern: str, message: str) -> None:
    with pytest.raises(InventoryError) as caught:
        expand_host_pattern(pattern, HERE)
    assert message in caught.value.message
    assert caught.value.where == "hosts.ini:3"


@given(
    st.integers(0, 5000),
    st.integers(0, 200),
    st.integers(1, 30),
    st.sampled_from(["", "web", "10.0.0."]),
    st.sampled_from(["", ".lan", "-x"]),
)
def test_numbers_are_those_of_range(first: int, more: int, step: int, head: str, tail: str) -> None:
    names, port = expand_host_pattern(f"{head}[{first}:{first + more}:{step}]{tail}", HERE)
    assert names == [f"{head}{n}{tail}" for n in range(first, first + more + 1, step)]
    assert port is None


@given(st.integers(0, 900), st.integers(0, 90), st.integers(4, 6), st.integers(1, 65535))
def test_padding_is_that_of_the_start(first: int, more: int, width: int, port: int) -> None:
    pattern = f"n[{first:0{width}}:{first + more:0{width}}]:{port}"
    names, found_port = expand_host_pattern(pattern, HERE)
    assert names == [f"n{n:0{width}}" for n in range(first, first + more + 1)]
    assert {len(name) for name in names} == {width + 1}
    assert found_port == port


@given(st.text(max_size=20))
def test_anything_is_expanded_or_refused(text: str) -> None:
    names, port = ["refused"], None
    with contextlib.suppress(InventoryError):
        names, port = expand_host_pattern(text, HERE)
    assert names
    assert all(name and not any(c.isspace() or c in "[],*?!&" for c in name) for name in names)
    assert port is None or 1 <= port <= 65535


@given(st.ip_addresses(v=6), st.integers(1, 65535))
def test_ipv6_with_and_without_port(address: object, port: int) -> None:
    assert is_ipv6(str(address))
    assert expand_host_pattern(str(address), HERE) == ([str(address)], None)
    assert expand_host_pattern(f"[{address}]:{port}", HERE) == ([str(address)], port)


def test_a_range_is_no_single_address() -> None:
    assert split_address("web1:22", HERE) == ("web1", 22)
    assert split_address("[::1]:22", HERE) == ("::1", 22)
    with pytest.raises(InventoryError, match="is a range"):
        split_address("web[1:2]", HERE)
    with pytest.raises(InventoryError, match="is a range"):
        split_address("web[1:1]", HERE)


def test_the_largest_range_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "MOST_HOSTS", 10)
    assert len(expand_host_pattern("n[1:10]", HERE)[0]) == 10
    with pytest.raises(InventoryError, match="more than 10 hosts"):
        expand_host_pattern("n[1:11]", HERE)
