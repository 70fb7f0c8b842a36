from collections.abc import Callable
from pathlib import Path

import pytest

from stella_ops.errors import InventoryError
from stella_ops.inventory.loader import load_inventory
from stella_ops.inventory.model import Inventory
from stella_ops.origins import SourceText

Write = Callable[..., Path]


@pytest.fixture
def one_host(write: Write) -> Callable[[], Inventory]:
    return lambda: load_inventory([write("hosts", "[web]\nw1\n")])


@pytest.mark.parametrize("name", ["web", "web.yml", "web.yaml", "web.json"])
def test_extensions(write: Write, one_host: Callable[[], Inventory], name: str) -> None:
    write(f"group_vars/{name}", '{"x": 1}')
    assert one_host().variables("w1") == {"x": 1}


@pytest.mark.parametrize("name", ["web.txt", "web.yml.bak", "web~", ".web.yml", "webs", "we", "WEB"])
def test_other_files_do_not_count(write: Write, one_host: Callable[[], Inventory], name: str) -> None:
    write(f"group_vars/{name}", "x: 1\n")
    assert one_host().variables("w1") == {}


def test_a_folder_of_files(write: Write, one_host: Callable[[], Inventory]) -> None:
    write("host_vars/w1/10-first.yml", "x: 1\ny: 1\n")
    write("host_vars/w1/20-second", "x: 2\n")
    write("host_vars/w1/deeper/a.json", '{"z": 3}')
    write("host_vars/w1/old.d/a.yml", "x: 9\n")
    write("host_vars/w1/.hidden.yml", "x: 9\n")
    write("host_vars/w1/30.yml~", "x: 9\n")
    write("host_vars/w1/README.md", "not: [yaml\n")
    assert one_host().variables("w1") == {"x": 2, "y": 1, "z": 3}


def test_the_first_of_several_names_counts_and_the_others_are_told(
    write: Write, one_host: Callable[[], Inventory], tmp_path: Path
) -> None:
    write("group_vars/web/a.yml", "x: 1\n")
    write("group_vars/web.yml", "x: 2\n")
    inventory = one_host()
    assert inventory.variables("w1") == {"x": 1}
    folder = tmp_path / "group_vars"
    assert inventory.warnings == [f"{folder / 'web.yml'} is not read, because {folder / 'web'} exists"]


def test_files_are_read_once(write: Write, one_host: Callable[[], Inventory]) -> None:
    path = write("host_vars/w1.yml", "x: 1\n")
    inventory = one_host()
    assert inventory.variables("w1") == {"x": 1}
    path.unlink()
    assert inventory.variables("w1") == {"x": 1}


def test_values_know_their_place(write: Write, one_host: Callable[[], Inventory]) -> None:
    path = write("group_vars/all.yml", "a: 1\nurl: 'http://{{ a }}'\n")
    value = one_host().variables("w1")["url"]
    assert isinstance(value, SourceText)
    assert (value.origin.source, value.origin.line) == (str(path), 2)


def test_an_empty_file(write: Write, one_host: Callable[[], Inventory]) -> None:
    write("group_vars/all.yml", "# later\n")
    assert one_host().variables("w1") == {}


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("- a\n", ":1:1", "the variable file web.yml must map names to values, not be a list"),
        ("just text\n", ":1:1", "the variable file web.yml must map names to values, not be text"),
        ("5\n", "", "the variable file web.yml must map names to values, not be a single value"),
        ("a: 1\n1: 2\n", ":2:1", "a variable name must be text, not 1"),
        ("a: 1\na: 2\n", ":2:1", "duplicate key 'a'"),
        ("a: [\n", None, "YAML parsing failed"),
        ("$ANSIBLE_VAULT;1.1;AES256\n3132\n", ":1", "the encrypted data is damaged"),
    ],
)  # fmt: skip
def test_bad_files(write: Write, one_host: Callable[[], Inventory], text: str, place: str | None, message: str) -> None:
    path = write("group_vars/web.yml", text)
    with pytest.raises(InventoryError) as caught:
        one_host().variables("w1")
    assert caught.value.message.startswith(message)
    if place is not None:
        assert caught.value.where == f"{path}{place}"


def test_a_bad_file_stays_bad(write: Write, one_host: Callable[[], Inventory]) -> None:
    write("group_vars/web.yml", "- a\n")
    inventory = one_host()
    for _ in range(2):
        with pytest.raises(InventoryError):
            inventory.variables("w1")


def test_not_utf8(write: Write, one_host: Callable[[], Inventory]) -> None:
    write("group_vars/web.yml", "").write_bytes(b"a: \xff\n")
    with pytest.raises(InventoryError, match=r"not UTF-8 text \(byte 3\)"):
        one_host().variables("w1")


def test_a_host_name_never_leaves_the_folder(write: Write) -> None:
    write("secret.yml", "stolen: 1\n")
    write("inv/host_vars/x.yml", "a: 1\n")
    inventory = load_inventory([write("inv/hosts", "../../secret\n/srv/chroot\n")])
    assert inventory.variables("../../secret") == {}
    assert inventory.variables("/srv/chroot") == {}
