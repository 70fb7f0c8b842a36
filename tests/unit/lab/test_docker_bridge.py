import ipaddress
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stella_ops.lab.docker_bridge import bridge_name, free_network


@given(st.lists(st.ip_addresses(v=4, network="172.30.0.0/15"), max_size=20), st.integers(16, 30))
def test_a_network_is_free_of_all_others(addresses: list[ipaddress.IPv4Address], length: int) -> None:
    taken = [ipaddress.IPv4Network(f"{address}/{length}", strict=False) for address in addresses]
    found = free_network(taken)
    if found is not None:
        network = ipaddress.IPv4Interface(found).network
        assert network.prefixlen == 24
        assert not any(network.overlaps(other) for other in taken)
    else:
        assert length <= 24


def test_when_all_is_taken_there_is_none() -> None:
    assert free_network([]) == "172.30.0.1/24"
    assert free_network([ipaddress.IPv4Network("172.30.0.0/24")]) == "172.30.1.1/24"
    assert free_network([ipaddress.IPv4Network("172.16.0.0/12")]) is None


def test_names_fit_the_kernel_and_tell_folders_apart() -> None:
    assert len(bridge_name(Path("/a" * 100))) <= 15
    assert bridge_name(Path("/a")) != bridge_name(Path("/b"))
