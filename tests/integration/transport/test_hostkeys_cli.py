"""``stella-ops hostkeys`` as an operator uses it, from the first look to a changed key, against real servers."""

import contextlib
import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stella_ops.store import audit
from stella_ops.store.database import Store

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]


class Fleet:
    """A project folder, its servers, and the program in it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, sshd: Make, helpers: Any) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._sshd = sshd
        self.key = helpers.make_key(folder / "login")
        self.servers: dict[str, Any] = {}
        self.pinned = folder / ".stella" / "pinned_hosts"

    def start(self, name: str, *settings: str, **more: Any) -> Any:
        self.servers[name] = self._sshd(*settings, key=self.key, **more)
        self.write_inventory()
        return self.servers[name]

    def write_inventory(self, more: str = "") -> None:
        lines = ["# the fleet"]
        for name, server in self.servers.items():
            lines.append(f"{name} ansible_host={server.address} ansible_port={server.port} ansible_user={server.user}")
        lines.append(f"[all:vars]\nansible_ssh_private_key_file={self.key}\n{more}")
        (self.folder / "hosts.ini").write_text("\n".join(lines))

    def run(self, *words: str) -> tuple[int, str]:
        """A command's exit status and all that it printed."""
        from stella_ops.cli.entry import run_cli

        self._monkeypatch.setattr(sys, "argv", ["stella-ops", *words])
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            status = run_cli(list(words))
        return status, out.getvalue()

    def keys(self, *words: str) -> tuple[int, str]:
        return self.run("hostkeys", *words, "-i", "hosts.ini")

    def ping(self, name: str) -> tuple[int, str]:
        return self.run("run", name, "-m", "ping", "-i", "hosts.ini")

    def acts(self, act: str) -> list[audit.AuditEntry]:
        store = Store.open(f"sqlite:///{self.folder}/.stella/fleet.db")
        try:
            with store.reading() as connection:
                return audit.entries(connection, act=act)
        finally:
            store.close()


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sshd: Make, helpers: Any) -> Fleet:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STELLA_HOME", str(tmp_path / ".stella"))
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("STELLA_INVENTORY", "ANSIBLE_INVENTORY"):
        monkeypatch.delenv(name, raising=False)
    return Fleet(tmp_path, monkeypatch, sshd, helpers)


def test_from_the_first_look_to_a_play(fleet: Fleet) -> None:
    web, db = fleet.start("web"), fleet.start("db")
    assert fleet.ping("web")[0] == 4
    status, said = fleet.keys("scan")
    assert status == 5
    for server in (web, db):
        assert re.search(rf"256 {re.escape(server.fingerprint)} \(ED25519\) +new", said)
    assert "2 hosts: 2 new" in said
    # Looking is not trusting.
    assert fleet.ping("web")[0] == 4
    status, said = fleet.keys("approve", "all", "--all", "--check")
    assert (status, "Would approve 2 keys of 2 hosts" in said) == (0, True)
    assert fleet.acts("host-key.approve") == []
    # Nobody is here to ask.
    assert fleet.keys("approve", "all", "--all")[0] == 2
    assert fleet.keys("approve", "all", "--yes")[0] == 2
    assert fleet.keys("approve", "all", "--all", "--yes")[0] == 0
    assert fleet.ping("web")[0] == 4
    assert fleet.keys("pin", "all", "--check")[0] == 0
    assert not fleet.pinned.exists()
    status, said = fleet.keys("pin", "all")
    assert (status, "Pinned 2 keys of 2 hosts to store." in said) == (0, True)
    assert fleet.pinned.stat().st_mode & 0o777 == 0o600
    for name in ("web", "db"):
        assert fleet.ping(name)[0] == 0
    status, said = fleet.keys("scan")
    assert (status, "2 hosts: 2 known" in said) == (0, True)
    assert f"{fleet.pinned}:" in said
    status, said = fleet.keys("list", "--format", "json")
    listed = json.loads(said)
    assert {(key["host"], key["fingerprint"], key["status"]) for key in listed} == {
        ("web", web.fingerprint, "pinned"),
        ("db", db.fingerprint, "pinned"),
    }
    assert all(key["pinned_to"] == ["store"] and "@" in key["pinned_by"] for key in listed)
    assert [entry.subject for entry in fleet.acts("host-key.approve")] == ["db", "web"]
    assert [entry.subject for entry in fleet.acts("host-key.pin")] == ["db", "web"]
    # The way back.
    assert fleet.keys("unpin", "web", "--yes")[0] == 0
    assert fleet.ping("web")[0] == 4
    assert fleet.ping("db")[0] == 0
    assert fleet.keys("scan")[0] == 5
    assert [entry.subject for entry in fleet.acts("host-key.unpin")] == ["web"]


def test_a_changed_key_is_a_hard_stop_until_a_person_names_the_host(fleet: Fleet, helpers: Any) -> None:
    web = fleet.start("web")
    old = web.fingerprint
    fleet.keys("scan")
    assert fleet.keys("approve", "all", "--all", "--pin", "store", "--yes")[0] == 0
    web.stop()
    # The same place, another key.
    helpers.make_key(web.folder / "new_key")
    config = web.folder / "config"
    config.write_text(config.read_text().replace(str(web.host_key), str(web.folder / "new_key")))
    web.host_key = web.folder / "new_key"
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    web.process = subprocess.Popen([str(sshd), "-D", "-e", "-f", str(config)], stderr=web.log.open("wb"))
    wait_for(web)

    status, said = fleet.ping("web")
    assert status == 4
    assert f"the host key of [{web.address}]:{web.port} is not the one on record" in said
    assert web.fingerprint in said and old in said
    assert re.search(rf"{re.escape(old)}, pinned 20\S+Z by \S+@\S+, in {re.escape(str(fleet.pinned))}:3", said)
    wanted = f"stella-ops hostkeys approve web --replace --fingerprint {web.fingerprint} --pin store"
    assert wanted in said
    [refused] = fleet.acts("host-key.refuse")
    assert (refused.subject, refused.outcome) == ("web", "refused")
    assert refused.detail["reason"] == "changed"
    assert refused.detail["fingerprint"] == web.fingerprint
    assert refused.detail["on_record"] == [old]
    assert fleet.run("run", "web", "-m", "ping", "-i", "hosts.ini", "--accept-new-host-keys")[0] == 4

    status, said = fleet.keys("scan")
    assert status == 1
    assert "CHANGED" in said and old in said and wanted in said
    assert len(fleet.acts("host-key.refuse")) == 3
    for words in (["--all"], ["--fingerprint", web.fingerprint], ["--matching", "known"]):
        assert fleet.keys("approve", "all", *words, "--yes")[0] in (0, 1)
    assert len(fleet.acts("host-key.approve")) == 1
    assert fleet.keys("approve", "all", "--replace", "--all", "--yes")[0] == 2
    assert fleet.keys("approve", "web*", "--replace", "--all", "--yes")[0] == 2
    assert fleet.ping("web")[0] == 4

    status, said = fleet.run(*wanted.split()[1:], "-i", "hosts.ini", "--yes")
    assert (status, f"replaced: web 256 {old}" in said) == (0, True), said
    assert "left to you" not in said
    assert fleet.ping("web")[0] == 0
    assert old not in fleet.keys("list")[1]
    assert [entry.detail["fingerprint"] for entry in fleet.acts("host-key.replace")] == [old]


def wait_for(server: Any) -> None:
    import socket
    import time

    deadline = time.monotonic() + 15
    while True:
        try:
            with socket.create_connection((server.address, server.port), timeout=5) as opened:
                if opened.recv(4) == b"SSH-":
                    return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_an_accepted_key_is_replaced_in_the_file_of_accepted_keys(fleet: Fleet, helpers: Any) -> None:
    web = fleet.start("web")
    accepted = fleet.folder / ".stella" / "known_hosts"
    other = helpers.public(helpers.make_key(fleet.folder / "other"))
    accepted.parent.mkdir(mode=0o700)
    accepted.write_text(f"# a note\n[{web.address}]:{web.port} {other}\nelsewhere {other}\n")
    assert fleet.keys("scan")[0] == 1
    status, said = fleet.keys("approve", "web", "--replace", "--all", "--pin", "store", "--yes")
    assert (status, "left to you" in said) == (0, False), said
    assert accepted.read_text() == f"# a note\nelsewhere {other}\n"
    assert fleet.ping("web")[0] == 0


def test_a_person_s_own_known_hosts_is_left_to_that_person(fleet: Fleet, helpers: Any) -> None:
    web = fleet.start("web")
    own = fleet.folder / "home" / ".ssh" / "known_hosts"
    own.parent.mkdir(parents=True)
    line = f"[{web.address}]:{web.port} {helpers.public(helpers.make_key(fleet.folder / 'other'))} # mine\n"
    own.write_text(line)
    status, said = fleet.keys("scan")
    assert (status, f"ssh-keygen -R '[{web.address}]:{web.port}' -f {own}" in said) == (1, True)
    status, said = fleet.keys("approve", "web", "--replace", "--all", "--pin", "store", "--yes")
    assert (status, "left to you" in said) == (0, True)
    assert own.read_text() == line


def test_pinning_to_the_inventory_keeps_what_people_wrote(fleet: Fleet) -> None:
    web, db = fleet.start("web"), fleet.start("db")
    mine = fleet.folder / "host_vars" / "web.yml"
    mine.parent.mkdir()
    mine.write_text("# the shop\nhttp_port: 80  # not 443\n")
    fleet.keys("scan")
    status, said = fleet.keys("approve", "all", "--all", "--pin", "inventory", "--yes")
    assert status == 0, said
    assert mine.read_text().startswith("# the shop\nhttp_port: 80  # not 443\nstella_host_keys:")
    assert " ".join(web.known_line.split()[1:]) in mine.read_text()
    assert not fleet.pinned.exists()
    assert fleet.ping("web")[0] == fleet.ping("db")[0] == 0
    status, said = fleet.keys("scan")
    assert (status, "in the inventory (stella_host_keys)" in said) == (0, True)
    assert fleet.keys("unpin", "web", "--yes")[0] == 0
    assert mine.read_text() == "# the shop\nhttp_port: 80  # not 443\n"
    assert fleet.ping("web")[0] == 4
    assert fleet.ping("db")[0] == 0
    assert " ".join(db.known_line.split()[1:]) in (fleet.folder / "host_vars" / "db.yml").read_text()


def test_pinning_to_known_hosts_is_what_ssh_itself_believes(fleet: Fleet) -> None:
    web = fleet.start("web")
    file = fleet.folder / "for_ssh"
    file.write_text("# mine, without an end of line")
    fleet.keys("scan")
    words = ("--all", "--pin", "known_hosts", "--known-hosts", str(file), "--yes")
    assert fleet.keys("approve", "all", *words)[0] == 0
    assert file.read_text() == f"# mine, without an end of line\n{web.known_line}\n"
    done = subprocess.run(
        [
            *("ssh", "-F", "none", "-i", str(fleet.key), "-p", str(web.port), "-o", "BatchMode=yes"),
            *("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={file}"),
            *(f"{web.user}@{web.address}", "echo", "pong"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "pong\n", done.stderr


def test_a_console_list_confirms_and_contradicts(fleet: Fleet, helpers: Any) -> None:
    web, db = fleet.start("web"), fleet.start("db")
    said = subprocess.run(["ssh-keygen", "-lf", f"{web.host_key}.pub"], check=True, capture_output=True, text=True)
    (fleet.folder / "console.log").write_text(
        "[   12.3] cloud-init[612]: -----BEGIN SSH HOST KEY FINGERPRINTS-----\n"
        f"[   12.3] cloud-init[612]: {said.stdout}"
        "[   12.3] cloud-init[612]: -----END SSH HOST KEY FINGERPRINTS-----\n"
    )
    (fleet.folder / "db.txt").write_text(helpers.public(helpers.make_key(fleet.folder / "other")) + "\n")
    fleet.keys("scan")
    lists = ("--console-list", "web=console.log", "--console-list", "db=db.txt")
    status, text = fleet.keys("review", *lists)
    assert status == 1
    assert "match     listed in console.log:2" in text
    assert "MISMATCH  db.txt:1 says ANOTHER key" in text
    status, text = fleet.keys("approve", "all", "--matching", "console", *lists, "--pin", "store", "--yes")
    assert (status, "Approved 1 key of 1 host." in text) == (0, True), text
    assert web.known_line in fleet.pinned.read_text()
    assert db.known_line not in fleet.pinned.read_text()
    assert fleet.keys("approve", "all", "--all", *lists, "--yes")[0] == 1
    assert fleet.keys("approve", "db", "--fingerprint", db.fingerprint, *lists, "--yes")[0] == 0


def test_a_revoked_key_is_refused_for_whatever_host(fleet: Fleet) -> None:
    web = fleet.start("web")
    fleet.keys("scan")
    assert fleet.keys("approve", "all", "--all", "--pin", "store", "--yes")[0] == 0
    assert fleet.ping("web")[0] == 0
    assert fleet.keys("revoke", "web", "--yes")[0] == 2
    assert fleet.keys("revoke", "web", "--fingerprint", web.fingerprint, "--yes")[0] == 0
    for words in ([], ["--accept-new-host-keys"]):
        status, said = fleet.run("run", "web", "-m", "ping", "-i", "hosts.ini", *words)
        assert (status, "is revoked" in said) == (4, True)
    twin = fleet.start("twin", host_key=web.host_key)
    status, said = fleet.keys("scan", "twin")
    assert (status, "REVOKED" in said) == (1, True)
    assert fleet.run("run", "twin", "-m", "ping", "-i", "hosts.ini", "--accept-new-host-keys")[0] == 4
    assert fleet.acts("host-key.refuse")[-1].detail["place"] == f"[{twin.address}]:{twin.port}"
    # Taken back by its fingerprint alone.
    assert fleet.keys("unpin", "web", "--yes")[0] == 1
    assert fleet.keys("unpin", "web", "--fingerprint", web.fingerprint, "--yes")[0] == 0
    assert not fleet.pinned.exists()


@pytest.mark.parametrize("where", ["settings", "inventory"])
def test_an_authority_of_the_settings_or_the_inventory(fleet: Fleet, helpers: Any, where: str) -> None:
    authority, host = helpers.make_key(fleet.folder / "ca"), helpers.make_key(fleet.folder / "host")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "web", "-h", "-n", "127.0.7.1", f"{host}.pub"], check=True
    )
    fleet.start("web", f"HostCertificate {host}-cert.pub", host_key=host)
    assert fleet.ping("web")[0] == 4
    public = helpers.public(authority)
    if where == "settings":
        (fleet.folder / "stella.toml").write_text(f'[ssh]\nhost_ca = ["127.0.7.* {public}"]\n')
    else:
        fleet.write_inventory(f"stella_ssh_host_ca='{public}'\n")
    status, said = fleet.keys("scan")
    assert (status, "certified" in said, "; trusted" in said) == (0, True, True), said
    assert fleet.ping("web")[0] == 0
    # A host that the authority has not certified is refused, and the trail has it.
    fleet.start("bare")
    if where == "inventory":
        fleet.write_inventory(f"stella_ssh_host_ca='{public}'\n")
    status, said = fleet.run("run", "bare", "-m", "ping", "-i", "hosts.ini", "--accept-new-host-keys")
    assert (status, "not certified" in said) == (4, True)
    assert fleet.acts("host-key.refuse")[-1].detail["reason"] == "uncertified"


def test_hosts_that_cannot_be_looked_at_and_machine_output(fleet: Fleet) -> None:
    web = fleet.start("web")
    with (fleet.folder / "hosts.ini").open("a") as file:
        file.write("[more]\ngone ansible_host=127.0.0.1 ansible_port=1\nhere ansible_connection=local\n")
        file.write("odd ansible_port=http\n")
    status, said = fleet.keys("scan", "all", "--format", "json")
    assert status == 3
    found = {host["host"]: host for host in json.loads(said)["hosts"]}
    assert {name: host["status"] for name, host in found.items()} == {
        "web": "seen",
        "gone": "unreachable",
        "here": "skipped",
        "odd": "unreachable",
    }
    assert found["web"]["keys"][0]["fingerprint"] == web.fingerprint
    assert "refuses" in found["gone"]["error"]["message"]
    assert fleet.keys("scan", "web", "--check")[0] == 5
    assert fleet.keys("scan", "nobody")[0] == 4


def test_a_key_on_two_hosts_is_told(fleet: Fleet) -> None:
    web = fleet.start("web")
    fleet.start("twin", host_key=web.host_key)
    fleet.keys("scan")
    assert "show the same key" in fleet.keys("review")[1]
    (fleet.folder / "list").write_text(f"256 {web.fingerprint} root@image (ED25519)\n")
    status, said = fleet.keys("approve", "all", "--matching", "console", "--console-list", "list", "--yes")
    assert (status, "Nothing to approve" in said) == (0, True)
    words = ("--matching", "console", "--console-list", "web=list", "--yes")
    status, said = fleet.keys("approve", "web", *words)
    assert (status, "Approved 1 key" in said) == (0, True)


def test_without_an_inventory_there_are_the_hosts_of_the_store(fleet: Fleet) -> None:
    from stella_ops.store import host_keys

    (fleet.folder / ".stella").mkdir(mode=0o700)
    store = Store.open(f"sqlite:///{fleet.folder}/.stella/fleet.db")
    given = {"port": 22, "algorithm": "ssh-ed25519", "bits": 256, "public_key": "ssh-ed25519 AAAA", "state": "new"}
    keys = [
        host_keys.SeenKey(host=f"web{n}.example.com", name=f"web{n}", fingerprint=f"SHA256:{n}", **given)  # type: ignore[arg-type]
        for n in range(300)
    ]
    with store.transaction() as connection:
        host_keys.record_seen(connection, keys, datetime.now(UTC))
    store.close()
    status, said = fleet.run("hostkeys", "list", "--all")
    assert (status, len(said.splitlines())) == (0, 301)
    assert len(fleet.run("hostkeys", "review", "web1?.example.com")[1].splitlines()) == 21
    assert fleet.run("hostkeys", "scan")[0] == 2
    assert fleet.run("hostkeys", "list", "nobody")[0] == 4


def test_hosts_that_are_gone_from_the_inventory_can_still_be_given_up(fleet: Fleet) -> None:
    fleet.start("web")
    fleet.keys("scan")
    assert fleet.keys("approve", "all", "--all", "--pin", "store", "--yes")[0] == 0
    (fleet.folder / "hosts.ini").write_text("other ansible_connection=local\n")
    assert "web" in fleet.keys("list")[1]
    assert fleet.keys("unpin", "web", "--yes")[0] == 0
    assert not fleet.pinned.exists()


def test_a_jump_host_s_changed_key_is_told_of_the_jump_host(fleet: Fleet, helpers: Any) -> None:
    web, jump = fleet.start("web"), fleet.start("jump")
    fleet.write_inventory()
    fleet.keys("scan")
    assert fleet.keys("approve", "web", "--all", "--pin", "store", "--yes")[0] == 0
    text = (fleet.folder / "hosts.ini").read_text()
    way = f"-J {jump.user}@{jump.address}:{jump.port}"
    (fleet.folder / "hosts.ini").write_text(text + f"[web:vars]\nansible_ssh_common_args='{way}'\n[web]\nweb\n")
    other = helpers.public(helpers.make_key(fleet.folder / "other"))
    with fleet.pinned.open("a") as file:
        file.write(f"[{jump.address}]:{jump.port} {other} pinned earlier\n")
    status, said = fleet.ping("web")
    assert status == 4
    assert "jump host" in said and other not in said
    assert f"hostkeys approve {jump.address} --replace" in said
    assert fleet.acts("host-key.refuse")[-1].subject == jump.address
    assert web.fingerprint not in said


def test_what_a_host_puts_into_its_certificate_does_nothing_to_a_terminal(fleet: Fleet, helpers: Any) -> None:
    authority, host = helpers.make_key(fleet.folder / "ca"), helpers.make_key(fleet.folder / "host")
    words = ["-I", "\x1b[2J\rweb is known", "-h", "-n", "\x1b]0;x\x07"]
    subprocess.run(["ssh-keygen", "-q", "-s", str(authority), *words, f"{host}.pub"], check=True)
    fleet.start("web", f"HostCertificate {host}-cert.pub", host_key=host)
    for command in (["scan"], ["review"], ["list", "--all"], ["scan", "all", "--format", "json"]):
        said = fleet.keys(*command)[1]
        assert "\x1b" not in said and "\r" not in said and "\x07" not in said
    assert "is known" in fleet.keys("scan")[1]


@pytest.mark.parametrize(("answer", "status"), [("n", 1), ("y", 0)])
def test_on_a_terminal_it_asks_once(fleet: Fleet, answer: str, status: int) -> None:
    for name in ("web", "db"):
        fleet.start(name)
    fleet.keys("scan")
    ours, theirs = pty.openpty()
    program = "from stella_ops.cli.entry import main; import sys; sys.argv[0] = 'stella-ops'; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "hostkeys", "approve", "-i", "hosts.ini", "--pin", "store"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
    )
    os.close(theirs)
    said = b""
    try:
        while b"[y/N]" not in said:
            said += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        assert process.wait(timeout=30) == status
        with contextlib.suppress(OSError):
            while more := os.read(ours, 4096):
                said += more
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert said.count(b"[y/N]") == 1
    assert b"Approve 2 keys of 2 hosts?" in said
    assert fleet.pinned.exists() == (answer == "y")
