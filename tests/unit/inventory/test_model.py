import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.errors import InventoryError
from stella_ops.inventory.model import Inventory
from stella_ops.origins import Origin, SourceText

Ini = Callable[[str], Inventory]


def test_an_empty_inventory() -> None:
    inventory = Inventory()
    assert inventory.groups_to_hosts() == {"all": [], "ungrouped": []}
    assert inventory.hosts == {}


def test_group_names_are_sorted_and_without_all(ini: Ini) -> None:
    inventory = ini("lone\n[z]\nh\n[b:children]\nz\n[a:children]\nb\n")
    assert inventory.group_names("h") == ["a", "b", "z"]
    assert inventory.group_names("lone") == ["ungrouped"]


def test_own_hosts_come_before_those_of_children(ini: Ini) -> None:
    inventory = ini("[leaf]\nl1\n[top]\nt1\n[mid]\nm1\n[mid:children]\nleaf\n[top:children]\nmid\n")
    assert list(inventory.members("top")) == ["t1", "m1", "l1"]


def test_implicit_localhost(ini: Ini) -> None:
    inventory = ini("[web]\nw1\n[all:vars]\nx=1\n")
    assert inventory.variables("localhost") == {
        "x": 1,
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    assert inventory.group_names("localhost") == []
    assert "localhost" not in inventory.hosts
    assert inventory.host("localhost") is inventory.host("localhost")


def test_a_localhost_of_the_inventory_is_a_host_like_others(ini: Ini) -> None:
    inventory = ini("localhost ansible_host=10.0.0.1\n")
    assert inventory.variables("localhost") == {"ansible_host": "10.0.0.1"}
    assert inventory.select("all") == ["localhost"]


def test_unknown_hosts(ini: Ini) -> None:
    with pytest.raises(InventoryError) as caught:
        ini("web1\n").variables("web2")
    assert caught.value.message == "the inventory has no host 'web2'"
    assert caught.value.hint == "did you mean 'web1'?"


def test_add_host(ini: Ini) -> None:
    inventory = ini("[web]\nw1\n[web:vars]\ntier=1\n")
    assert inventory.groups_to_hosts()["all"] == ["w1"]
    assert inventory.add_host("w2:2222", ["web", "new"], {"x": 1}) is True
    assert inventory.groups_to_hosts() == {
        "all": ["w2", "w1"],
        "ungrouped": [],
        "web": ["w1", "w2"],
        "new": ["w2"],
    }
    assert inventory.variables("w2") == {"tier": 1, "ansible_port": 2222, "x": 1}
    assert inventory.select("new") == ["w2"]
    assert inventory.add_host("w2", ["web", "new"], {"x": 1}) is False
    assert inventory.add_host("w2", vars={"x": 2}) is True
    assert inventory.variables("w2")["x"] == 2


def test_add_host_moves_out_of_ungrouped(ini: Ini) -> None:
    inventory = ini("")
    inventory.add_host("h")
    assert inventory.group_names("h") == ["ungrouped"]
    inventory.add_host("h", ["web"])
    assert inventory.group_names("h") == ["web"]
    assert inventory.select("all") == ["h"]
    assert inventory.groups_to_hosts()["ungrouped"] == []


def test_names_are_data() -> None:
    inventory = Inventory()
    place = Origin("site.yml", 3)
    inventory.add_host(SourceText("h", place), [SourceText("g", place)])
    assert {type(name) for name in [*inventory.hosts, *inventory.groups, *inventory.group_names("h")]} == {str}


def test_add_host_refuses_what_is_no_host() -> None:
    with pytest.raises(InventoryError):
        Inventory().add_host("a b")


def test_add_group_with_parents(ini: Ini) -> None:
    inventory = ini("[web]\nw1\n[os:vars]\nx=os\n[os]\n")
    assert "x" not in inventory.variables("w1")
    assert inventory.add_group("debian", ["os"]) is True
    assert inventory.add_group("debian", ["os"]) is False
    inventory.add_host("w1", ["debian"])
    assert inventory.group_names("w1") == ["debian", "os", "web"]
    assert inventory.variables("w1")["x"] == "os"
    with pytest.raises(InventoryError, match="group 'os' contains itself: os > debian > os"):
        inventory.add_group("os", ["debian"])


def test_moving_a_group_changes_what_its_hosts_inherit(ini: Ini) -> None:
    inventory = ini("[web]\nw1\n[eu]\n[eu:vars]\nzone=eu\n")
    assert inventory.variables("w1") == {}
    inventory.add_group("web", ["eu"])
    assert inventory.variables("w1") == {"zone": "eu"}


def test_the_returned_variables_are_the_callers_own(ini: Ini) -> None:
    inventory = ini("w1 a=1\n")
    inventory.variables("w1")["a"] = 2
    assert inventory.variables("w1") == {"a": 1}


def test_fifty_thousand_hosts_load_in_seconds(ini: Ini) -> None:
    start = time.perf_counter()
    inventory = ini("[web]\nweb[00001:50000] a=1\n[prod:children]\nweb\n[prod:vars]\nb=2\n")
    assert len(inventory.select("prod:!web0*")) == 40001
    assert all(len(inventory.variables(name)) == 2 for name in inventory.hosts)
    assert len(inventory.groups_to_hosts()["all"]) == 50000
    # measured: 0.3 s; quadratic work would take hours
    assert time.perf_counter() - start < 5


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=15))
def test_loops_and_only_loops_are_refused(edges: list[tuple[str, str]]) -> None:
    inventory = Inventory()
    above: dict[str, set[str]] = {name: {name} for name in "abcdef"}  # reflexive and transitive
    for parent, child in edges:
        inventory.add_group(child)
        if child in above[parent]:
            with pytest.raises(InventoryError, match="contains itself"):
                inventory.add_group(child, [parent])
        else:
            inventory.add_group(child, [parent])
            for name in "abcdef":
                if child in above[name]:
                    above[name] |= above[parent]
    for name in set("abcdef") & inventory.groups.keys():
        inventory.add_host(f"h{name}", [name])
        assert set(inventory.group_names(f"h{name}")) == above[name]


@given(
    st.lists(
        st.tuples(st.sampled_from(["h1", "h2", "h3"]), st.lists(st.sampled_from("abc"), max_size=3)),
        max_size=8,
    )
)
def test_a_host_is_ungrouped_exactly_when_it_is_in_no_group(steps: list[tuple[str, list[str]]]) -> None:
    inventory = Inventory()
    groups: dict[str, set[str]] = {}
    for host, names in steps:
        inventory.add_host(host, names)
        groups.setdefault(host, set()).update(names)
        assert inventory.groups_to_hosts()["all"] == inventory.select("all")
    for host, names_of_host in groups.items():
        assert inventory.group_names(host) == (sorted(names_of_host) or ["ungrouped"])
    for group, hosts in inventory.groups_to_hosts().items():
        if group not in ("all", "ungrouped"):
            assert set(hosts) == {host for host, names_of_host in groups.items() if group in names_of_host}
