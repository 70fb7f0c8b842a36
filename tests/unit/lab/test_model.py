import json
import shlex
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
import yaml

from stella_ops.errors import LabError
from stella_ops.lab.model import Lab, LabHost, host_names, load, load_as, locked, write_whole


def make_lab(folder: Path) -> Lab:
    hosts = tuple(
        LabHost(
            name=name,
            address=address,
            port=port,
            user="ops",
            key_file=folder / "keys" / "client",
            known_hosts=folder / "known_hosts",
            public_key=f"ssh-ed25519 KEY{name}",
            folder=folder / "hosts" / name,
            agent_prefix=f"{folder}/hosts/{name}/stella-agent",
            variables={"ansible_python_interpreter": "/opt/python"} if name == "b" else {},
        )
        for name, address, port in (("a", "127.0.1.1", 22), ("b", "127.0.0.1", 4022))
    )
    return Lab(kind="embedded", folder=folder, hosts=hosts, settings={"shared": "/x"})


def test_a_saved_lab_loads_as_it_was(tmp_path: Path) -> None:
    lab = make_lab(tmp_path.resolve())
    lab.save()
    assert load(tmp_path) == lab


def test_a_folder_without_a_lab_has_none(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    assert load(tmp_path / "missing") is None


@pytest.mark.parametrize("text", ["", "[]", '{"kind": "embedded"}', '{"kind": 1, "hosts": [{}], "settings": {}}'])
def test_a_spoiled_description_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "lab.json").write_text(text)
    with pytest.raises(LabError, match=r"lab\.json"):
        load(tmp_path)


def test_a_lab_of_another_kind_is_refused(tmp_path: Path) -> None:
    make_lab(tmp_path).save()
    with pytest.raises(LabError, match="kind 'embedded', not 'systemd'"):
        load_as("systemd", tmp_path)


def test_the_inventory_has_all_that_a_client_needs(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    lab.save()
    hosts = yaml.safe_load(lab.inventory.read_text())["lab"]["hosts"]
    assert list(hosts) == ["a", "b"]
    assert hosts["b"]["ansible_host"] == "127.0.0.1"
    assert hosts["b"]["ansible_port"] == 4022
    assert hosts["b"]["ansible_python_interpreter"] == "/opt/python"
    assert hosts["a"]["stella_agent_prefix"] == f"{tmp_path}/hosts/a/stella-agent"
    assert "UserKnownHostsFile=" in hosts["a"]["ansible_ssh_common_args"]


def test_known_hosts_names_a_port_only_where_it_is_not_ssh_s_own(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    lab.save()
    assert lab.known_hosts.read_text().splitlines() == [
        "127.0.1.1 ssh-ed25519 KEYa",
        "[127.0.0.1]:4022 ssh-ed25519 KEYb",
    ]


@pytest.mark.skipif(shutil.which("ssh") is None, reason="left out: there is no ssh on this machine")
def test_openssh_understands_the_options_even_with_blanks_in_paths(tmp_path: Path) -> None:
    folder = tmp_path / "with two blanks"
    folder.mkdir()
    lab = make_lab(folder)
    lab.save()
    for arguments in (
        [*shlex.split(lab.host("b").common_args), "-p", "4022", "127.0.0.1"],
        ["-F", str(folder / "ssh_config"), "b"],
    ):
        shown = subprocess.run(["ssh", "-G", *arguments], capture_output=True, text=True, check=True).stdout
        assert f"userknownhostsfile {folder}/known_hosts\n" in shown.replace('"', "")
        assert "stricthostkeychecking true\n" in shown
        assert "port 4022\n" in shown


def test_hosts_are_numbered_or_named_and_those_there_stay_first() -> None:
    assert host_names(3, None) == ["lab1", "lab2", "lab3"]
    assert host_names(9, ["web", "db"]) == ["web", "db"]
    assert host_names(2, None, ["lab1", "lab2", "lab3"]) == ["lab1", "lab2", "lab3"]
    assert host_names(2, ["new", "lab1"], ["lab1"]) == ["lab1", "new"]


@pytest.mark.parametrize("names", [[], ["a", "a"], [""], ["../up"], ["a/b"], ["-x"], [".x"], ["a b"], ["höst"]])
def test_names_that_cannot_be_are_refused(names: list[str]) -> None:
    with pytest.raises(LabError):
        host_names(1, names)


def test_no_host_at_all_is_refused() -> None:
    with pytest.raises(LabError):
        host_names(0, None)


def test_the_folder_is_private_and_one_at_a_time(tmp_path: Path) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(10)
        with locked(tmp_path / "lab"):
            order.append("second")

    other = threading.Thread(target=second)
    other.start()
    with locked(tmp_path / "lab") as folder:
        inside.set()
        other.join(0.2)
        assert other.is_alive()
        assert folder.stat().st_mode & 0o777 == 0o700
        order.append("first")
    other.join(10)
    assert order == ["first", "second"]


def test_a_folder_that_cannot_be_is_a_lab_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be used"), locked(tmp_path / "file"):
        pass


def test_files_are_replaced_whole_with_their_mode(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_whole(path, "one", 0o600)
    write_whole(path, json.dumps({"two": 2}), 0o600)
    assert path.read_text() == '{"two": 2}'
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
