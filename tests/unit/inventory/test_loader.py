from collections.abc import Callable
from pathlib import Path

import pytest

from stella_ops.errors import InventoryError
from stella_ops.inventory.loader import load_inventory

Write = Callable[..., Path]
YAML = "web:\n  hosts:\n    y1:\n"
INI = "[web]\ni1\n"


def test_no_sources() -> None:
    assert load_inventory([]).hosts == {}


@pytest.mark.parametrize(
    ("name", "text", "hosts"),
    [
        ("a.yml", YAML, ["y1"]),
        ("a.yaml", YAML, ["y1"]),
        ("a.YML", YAML, ["y1"]),
        ("a.json", '{"web": {"hosts": {"y1": {}}}}', ["y1"]),
        ("a.ini", INI, ["i1"]),
        ("a.cfg", INI, ["i1"]),
        ("hosts", YAML, ["y1"]),
        ("hosts", INI, ["i1"]),
        ("hosts", "# about\n\n---\n" + YAML, ["y1"]),
        ("hosts", "{web: {hosts: {y1: }}}", ["y1"]),
        ("hosts", "'web': {hosts: {y1: }}", ["y1"]),
        ("hosts", "; about\ni1 a=b\n", ["i1"]),
        ("hosts", "i1:2222\n", ["i1"]),
        ("hosts", "i1 note='a: b'\n", ["i1"]),
        ("hosts", "::1\n", ["::1"]),
        ("hosts", "", []),
        ("production.eu", INI, ["i1"]),
        ("hosts.yml", "\ufeff" + YAML, ["y1"]),
        ("hosts.ini", "\ufeff" + INI, ["i1"]),
    ],
)
def test_formats(write: Write, name: str, text: str, hosts: list[str]) -> None:
    assert list(load_inventory([write(name, text)]).hosts) == hosts


@pytest.mark.parametrize(
    ("source", "hosts"),
    [
        ("h1,", ["h1"]),
        ("h1,h2", ["h1", "h2"]),
        (" h1 , h2:22 ,", ["h1", "h2"]),
        ("web[1:2],::1", ["web1", "web2", "::1"]),
        (",", []),
    ],
)
def test_host_lists(source: str, hosts: list[str]) -> None:
    inventory = load_inventory([source])
    assert list(inventory.hosts) == hosts
    assert inventory.select("ungrouped") == hosts
    assert inventory.folders == []


@pytest.mark.parametrize("kind", ["host_list", "advanced_host_list"])
def test_either_kind_allows_host_lists(kind: str) -> None:
    assert list(load_inventory(["web[1:2],"], enabled=[kind]).hosts) == ["web1", "web2"]
    with pytest.raises(InventoryError):
        load_inventory(["web[1:2],"], enabled=["yaml"])


def test_a_host_list_may_be_longer_than_a_file_name() -> None:
    names = [f"host{number}.example.com" for number in range(300)]
    assert list(load_inventory([",".join(names)]).hosts) == names


def test_ports_in_host_lists() -> None:
    inventory = load_inventory(["h1:2222,[::1]:22"])
    assert inventory.variables("h1") == {"ansible_port": 2222}
    assert inventory.variables("::1") == {"ansible_port": 22}


def test_a_bad_host_list() -> None:
    with pytest.raises(InventoryError) as caught:
        load_inventory(["root@h1,"])
    assert caught.value.where == "-i root@h1,"


def test_a_file_with_a_comma_in_its_name(write: Write) -> None:
    assert list(load_inventory([str(write("a,b", INI))]).hosts) == ["i1"]


def test_a_folder(write: Write, tmp_path: Path) -> None:
    write("inv/20-second.yml", "web: {hosts: {y1: {x: 2}, i1: {x: 2}}}")
    write("inv/10-first", "[web]\ni1 x=1\n[db]\nd1\n")
    write("inv/sub/more.ini", "[db]\nd2\n")
    write("inv/group_vars/web.yml", "g: 1\n")
    write("inv/host_vars/d2.yml", "g: 2\n")
    for name in (
        ".hidden", "hosts~", "hosts.bak", "hosts.orig", "hosts.rpmnew", "hosts.rpmsave", "hosts.dpkg-old",
        "README.md", "notes.txt", "ansible.cfg", "site.retry", "x.pyc", ".x.swp", "stella.toml",
    ):  # fmt: skip
        write(f"inv/{name}", "[broken\nnot: an inventory\n")
    inventory = load_inventory([tmp_path / "inv"])
    assert inventory.groups_to_hosts()["web"] == ["i1", "y1"]
    assert inventory.groups_to_hosts()["db"] == ["d1", "d2"]
    assert inventory.variables("i1") == {"g": 1, "x": 2}
    assert inventory.variables("d2") == {"g": 2}


def test_groups_of_an_earlier_source_can_be_named(write: Write) -> None:
    first = write("a.yml", YAML)
    second = write("b.ini", "[prod:children]\nweb\n[web:vars]\nx=1\n")
    with pytest.raises(InventoryError, match="that nothing defines"):
        load_inventory([second])
    assert load_inventory([first, second]).variables("y1") == {"x": 1}


def test_missing(write: Write, tmp_path: Path) -> None:
    write("hosts.yml", YAML)
    with pytest.raises(InventoryError) as caught:
        load_inventory([tmp_path / "host.yml"])
    assert caught.value.message == "the inventory source does not exist"
    assert caught.value.where == str(tmp_path / "host.yml")
    assert caught.value.hint == "did you mean 'hosts.yml'?"
    with pytest.raises(InventoryError) as caught:
        load_inventory(["web1"])
    assert caught.value.hint == "a single host needs a comma behind it: -i web1,"


def test_toml(write: Callable[..., Path]) -> None:
    path = write(
        "hosts.toml",
        """
        [web]
        children = ["front"]
        vars = { port = 80 }
        [web.hosts]
        w1 = { size = 3 }
        [front.hosts]
        "f[1:2]" = {}
        """,
    )
    inventory = load_inventory([path])
    assert list(inventory.members("web")) == ["w1", "f1", "f2"]
    assert inventory.variables("w1") == {"port": 80, "size": 3}


def test_toml_that_is_wrong(write: Callable[..., Path]) -> None:
    with pytest.raises(InventoryError, match="not valid TOML") as caught:
        load_inventory([write("hosts.toml", "[web\n")])
    assert caught.value.where == f"{caught.value.where.partition(':')[0]}:1:5"  # type: ignore[union-attr]
    with pytest.raises(InventoryError, match="unknown key 'host' in group 'web'"):
        load_inventory([write("other.toml", "[web.host]\na = {}\n")])


def test_not_text(write: Write) -> None:
    path = write("hosts", "")
    path.write_bytes(b"h1\n\xff\xfe\n")
    with pytest.raises(InventoryError, match=r"not UTF-8 text \(byte 3\)"):
        load_inventory([path])
