import os
import threading
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from stella_ops.errors import InventoryError
from stella_ops.transport.host_keys import AcceptedKey, HostKeys, Trust
from stella_ops.transport.known_hosts_file import append_line

ONE, OTHER = (asyncssh.generate_private_key("ssh-ed25519").convert_to_public() for _ in range(2))


def line(key: asyncssh.SSHKey) -> str:
    return key.export_public_key("openssh").decode().strip()


def test_an_unknown_key_is_refused_unless_accepted_explicitly(tmp_path: Path) -> None:
    keys = HostKeys(tmp_path / "state" / "known_hosts")
    trust = keys.trust("web", 22, user_files=[], global_files=[])
    assert not trust.decide(ONE)
    assert trust.refused == ONE
    assert not (tmp_path / "state").exists()


def test_an_accepted_key_is_recorded_told_and_known_to_the_next_run(tmp_path: Path) -> None:
    told: list[AcceptedKey] = []
    file = tmp_path / "state" / "known_hosts"
    keys = HostKeys(file, told.append)
    assert keys.trust("web", 2222, user_files=[], global_files=[], accept_new=True).decide(ONE)
    assert file.read_text() == f"[web]:2222 {line(ONE)}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert told == [AcceptedKey("web", 2222, "ssh-ed25519", ONE.get_fingerprint())]
    again = HostKeys(file).trust("web", 2222, user_files=[], global_files=[], accept_new=True)
    assert again("web", "", 2222)[0] == [ONE]
    assert not again.decide(OTHER)


def test_a_second_key_in_the_same_run_is_a_changed_one(tmp_path: Path) -> None:
    keys = HostKeys(tmp_path / "known_hosts")
    first, second = (keys.trust("web", 22, user_files=[], global_files=[], accept_new=True) for _ in range(2))
    assert first.decide(ONE)
    assert second.decide(ONE)
    assert not second.decide(OTHER)
    assert (tmp_path / "known_hosts").read_text().count("\n") == 1


def test_a_changed_key_is_refused_even_with_accept_new(tmp_path: Path) -> None:
    (tmp_path / "user").write_text(f"web {line(ONE)}\n")
    keys = HostKeys(tmp_path / "project")
    trust = keys.trust("web", 22, user_files=[tmp_path / "user"], global_files=[], accept_new=True)
    assert not trust.decide(OTHER)
    assert not (tmp_path / "project").exists()


def test_another_server_on_the_same_machine_can_be_accepted(tmp_path: Path) -> None:
    (tmp_path / "user").write_text(f"web {line(ONE)}\n")
    keys = HostKeys(tmp_path / "project")
    trust = keys.trust("web", 2222, user_files=[tmp_path / "user"], global_files=[], accept_new=True)
    assert trust("web", "", 2222)[0] == [ONE]
    assert trust.decide(OTHER)
    assert not trust.decide(ONE) or keys.accepted("web", 2222) == [OTHER]


def test_where_an_authority_is_known_a_bare_key_is_not_accepted(tmp_path: Path) -> None:
    (tmp_path / "user").write_text(f"@cert-authority * {line(ONE)}\n")
    trust = HostKeys(tmp_path / "p").trust("web", 22, user_files=[tmp_path / "user"], global_files=[], accept_new=True)
    assert not trust.decide(OTHER)
    assert trust.key_algorithms()[0].endswith("-cert-v01@openssh.com")


def test_no_record_no_trust(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    trust = HostKeys(tmp_path / "file" / "known_hosts").trust(
        "web", 22, user_files=[], global_files=[], accept_new=True
    )
    assert not trust.decide(ONE)
    assert trust.problem is not None


def test_the_address_a_host_was_reached_at_vouches_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "user").write_text(f"10.0.0.9 {line(ONE)}\n")
    trust = HostKeys().trust("web", 22, user_files=[tmp_path / "user"], global_files=[])
    assert trust("web", "10.0.0.9", None)[0] == []


def test_known_kinds_of_keys_are_asked_for_first(tmp_path: Path) -> None:
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048).convert_to_public()
    (tmp_path / "user").write_text(f"web {line(rsa)}\n")
    keys = HostKeys()
    known = keys.trust("web", 22, user_files=[tmp_path / "user"], global_files=[]).key_algorithms()
    assert known[0] == "rsa-sha2-256"
    assert "ssh-ed25519" in known
    new = keys.trust("db", 22, user_files=[], global_files=[]).key_algorithms()
    assert new[0] == "ssh-ed25519"
    assert not any("cert" in name for name in new)


@pytest.mark.parametrize("before", ["", "web x y", "web x y\n"])
def test_lines_of_many_writers_are_all_kept(tmp_path: Path, before: str) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(before)
    writers = [threading.Thread(target=append_line, args=(file, f"host{n % 20} key")) for n in range(40)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    wanted = {f"host{n} key" for n in range(20)} | ({"web x y"} if before else set())
    lines = file.read_text().splitlines()
    assert set(lines) == wanted
    assert len(lines) == len(wanted)
    assert os.path.getsize(file)


def trust_of(keys: HostKeys, host: str = "web", **more: Any) -> Trust:
    return keys.trust(host, 22, user_files=[], global_files=[], **more)


def test_pinned_keys_and_those_of_the_inventory_are_on_record(tmp_path: Path) -> None:
    pinned = tmp_path / "pinned_hosts"
    pinned.write_text(f"web {line(ONE)} pinned 2025-01-01T00:00:00Z by ops\n")
    keys = HostKeys(tmp_path / "known_hosts", pinned_file=pinned)
    trust = trust_of(keys, inventory_keys=[f"{line(OTHER)} a comment"], accept_new=True)
    assert trust.on_record == [ONE, OTHER]
    assert [record.place for record in trust.records] == [f"{pinned}:1", "the inventory (stella_host_keys)"]
    third = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
    assert not trust.decide(third)
    # What one host's inventory says holds for no other.
    assert trust_of(keys).on_record == [ONE]
    assert trust_of(keys, "db").on_record == []


@pytest.mark.parametrize(
    ("given", "host", "known"),
    [("{}", "web", True), ("*.example {}", "web.example", True), ("*.example,!b.example {}", "b.example", False)],
)
def test_authorities_of_the_settings(given: str, host: str, known: bool) -> None:
    trust = trust_of(HostKeys(authorities=[given.format(line(ONE))]), host)
    assert trust.known.authorities == ([ONE] if known else [])
    trust = trust_of(HostKeys(), host, inventory_authorities=[line(ONE)])
    assert trust.known.authorities == [ONE]


def test_an_inventory_that_names_no_key() -> None:
    with pytest.raises(InventoryError, match="stella_host_keys: no public key"):
        trust_of(HostKeys(), inventory_keys=["ssh-ed25519 nonsense"])
