"""One bad host never stops the others: each is reported with its cause and what to do about it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stella_ops.engine.results import NO_TRACEBACK
from stella_ops.lab import openssh
from stella_ops.lab.keys import ensure_key
from stella_ops.lab.model import Lab

pytestmark = pytest.mark.e2e

Event = dict[str, Any]
LEFT_OUT = "left out: "
TINY = 600  # KiB of a file system that is too small
GOOD = ("good1", "good2", "good3")

# Host to what its error must say, and its hint.
UNREACHABLE = {
    "refused": ("refuses the connection", "sshd runs there"),
    "unresolvable": ("does not resolve", "ansible_host"),
    "silent": (r"no answer from 127\.0\.0\.1:\d+ within 2 seconds|not.* in time|timeout", "the host is up"),
    "wrong-host-key": ("is not the one on record", "ssh-keygen -R"),
    "unknown-host-key": ("is not known", "--accept-new-host-keys"),
    "wrong-key": ("refuses the login", "ansible_ssh_private_key_file"),
}
FAILED = {
    # The host is reached, after all.
    "no-python": (r"'/nowhere/python3' was not found", "ansible_python_interpreter"),
    "old-python": (r"python2.* Python 3\.6 or newer", "ansible_python_interpreter"),
    "prefix-is-a-file": ("is not a folder|cannot be written", "prefix"),
    "read-only": ("cannot be written|Permission denied|read-only", "prefix|remount"),
    "absurd-prefix": ("is refused", "folder of its own"),
    "no-space-wanted": ("MB free", "free some space"),
    "bad-config": ("unknown key stella_agent_config.heartbeat", "heartbeat_interval"),
    "bad-name": ("name", None),
}


def by_host(events: list[Event], *statuses: str) -> dict[str, Event]:
    """The last result of each host with one of these statuses."""
    return {e["host"]: e for e in events if e["event"] == "HostFinished" and e["status"] in statuses}


def check_told(event: Event, cause: str, hint: str | None) -> None:
    """A failure names cause and hint, and shows no traceback."""
    result = event["result"]
    assert re.search(cause, str(result["msg"]), re.I), event
    if hint is not None:
        assert re.search(hint, str(event["hint"]), re.I), event
    assert "Traceback" not in json.dumps(event), event
    assert result.get("exception", NO_TRACEBACK) == NO_TRACEBACK, event


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        taken: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


@pytest.fixture(scope="module")
def ran(embedded_lab: Lab, make_site: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One run on good and on bad hosts; ``events`` is what it told."""
    site = make_site(embedded_lab, names=GOOD)
    good = site["good1"].inventory_vars()
    folder = tmp_path_factory.mktemp("bad")
    stranger = ensure_key(folder / "stranger")
    other = site["good2"].lab_host
    wrong, empty = folder / "wrong_known_hosts", folder / "empty_known_hosts"
    wrong.write_text(f"[{other.address}]:{other.port} {stranger}\n")
    empty.write_text("")
    known = "-o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o UserKnownHostsFile="
    (folder / "file").write_text("in the way\n")
    old = folder / "python2"
    old.write_text("#!/bin/sh\nexit 9\n")  # what the runner's start gets from a Python 2
    old.chmod(0o755)
    locked = folder / "locked"
    locked.mkdir()

    def bad(**changes: Any) -> dict[str, Any]:
        return {**good, "stella_agent_prefix": str(folder / f"agent-{secrets.token_hex(4)}"), **changes}

    with silent_server() as silent, socket.socket() as closed, read_only(locked):
        closed.bind(("127.0.0.1", 0))  # taken, but nobody listens
        site.write_inventory(
            **{
                "refused": bad(ansible_port=closed.getsockname()[1]),
                "unresolvable": bad(ansible_host="no-such-host.invalid"),
                "silent": bad(ansible_port=silent),
                "wrong-host-key": bad(ansible_port=other.port, ansible_ssh_common_args=f"{known}{wrong}"),
                "unknown-host-key": bad(ansible_ssh_common_args=f"{known}{empty}"),
                "wrong-key": bad(ansible_ssh_private_key_file=str(folder / "stranger")),
                "no-python": bad(ansible_python_interpreter="/nowhere/python3"),
                "old-python": bad(ansible_python_interpreter=str(old)),
                "prefix-is-a-file": bad(stella_agent_prefix=str(folder / "file")),
                "read-only": bad(stella_agent_prefix=str(locked / "agent")),
                "absurd-prefix": bad(stella_agent_prefix="/etc"),
                "no-space-wanted": bad(),
                "bad-config": bad(stella_agent_config={"heartbeat": "7s"}),
                "bad-name": bad(stella_agent_name="not a name"),
            }
        )
        # A copy of the playbook that wants more disk than there is of one host.
        play = (Path(__file__).parents[2] / "playbooks/bootstrap.yml").read_text()
        wanted = "\"{{ 10 ** 9 if inventory_hostname == 'no-space-wanted' else 1 }}\""
        assert "      agent_preflight:\n" in play
        play = play.replace("      agent_preflight:\n", f"      agent_preflight:\n        min_disk_mb: {wanted}\n")
        site.project.write("playbooks/fit.yml", play)
        started = time.monotonic()
        site.events = site.play("fit.yml", "-T", "2", expect=4)
        site.seconds = time.monotonic() - started
        yield site
    from stella_ops.lab import leftovers

    leftovers.stop_below(folder)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder that nothing can be written to: as root a mount, else by its mode."""
    mounted = False
    if os.geteuid() == 0:
        words = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(folder)]
        mounted = subprocess.run(words, capture_output=True, check=False).returncode == 0
    if not mounted:
        folder.chmod(0o555)
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
        else:
            folder.chmod(0o755)


def test_good_hosts_end_healthy(ran: Any) -> None:
    tallies = ran.events[-1]["hosts"]
    for name in GOOD:
        assert tallies[name]["failed"] == tallies[name]["unreachable"] == 0 and tallies[name]["ok"] >= 7
    ran.check_healthy()
    ran.check_nothing_left()


def test_exactly_the_bad_hosts_are_out(ran: Any) -> None:
    tallies = ran.events[-1]["hosts"]
    assert {name for name, tally in tallies.items() if tally["unreachable"]} == set(UNREACHABLE)
    assert {name for name, tally in tallies.items() if tally["failed"]} == set(FAILED)
    assert ran.events[-1]["exit_code"] == 4


@pytest.mark.parametrize("name", UNREACHABLE)
def test_unreachable_hosts_are_explained(ran: Any, name: str) -> None:
    check_told(by_host(ran.events, "unreachable")[name], *UNREACHABLE[name])


@pytest.mark.parametrize("name", FAILED)
def test_failed_hosts_are_explained(ran: Any, name: str) -> None:
    check_told(by_host(ran.events, "failed")[name], *FAILED[name])


def test_hosts_that_wait_hold_nobody_up(ran: Any) -> None:
    finished = {e["host"]: e for e in ran.events if e["event"] == "HostFinished" and e["task_id"] == 1}
    assert finished["silent"]["duration"] < 15
    assert ran.seconds < 60


def test_without_an_unreachable_host_the_exit_status_is_2(ran: Any) -> None:
    events = ran.bootstrap("-l", "good1,absurd-prefix,prefix-is-a-file", expect=2)
    assert set(by_host(events, "failed")) == {"absurd-prefix", "prefix-is-a-file"}


def test_people_see_cause_and_hint(ran: Any) -> None:
    done = ran.project.run("play", "bootstrap.yml", "-l", "refused,good1,absurd-prefix", expect=4)
    said = done.stdout + done.stderr
    assert "fatal: [refused]: UNREACHABLE! => " in said and "check that sshd runs there" in said
    assert "fatal: [absurd-prefix]: FAILED! => " in said and "folder of its own" in said
    assert "Traceback" not in said
    assert re.search(r"^good1 .*unreachable=0 .*failed=0", said, re.M)


def test_raw_works_where_there_is_no_python(ran: Any) -> None:
    done = ran.project.run("run", "no-python", "-m", "raw", "-a", "echo here", expect=0)
    assert "here" in done.stdout


def test_an_accepted_host_key_is_recorded_and_good_from_then_on(ran: Any) -> None:
    refused = ran.project.run("run", "unknown-host-key", "-m", "ping", expect=4)
    assert "--accept-new-host-keys" in refused.stdout + refused.stderr
    project = ran.project
    accepted = project.run("run", "unknown-host-key", "-m", "ping", "--accept-new-host-keys", expect=0)
    assert "SHA256:" in accepted.stderr + accepted.stdout
    project.run("run", "unknown-host-key", "-m", "ping", expect=0)
    changed = project.run("run", "wrong-host-key", "-m", "ping", "--accept-new-host-keys", expect=4)
    assert "not the one on record" in changed.stdout + changed.stderr


def test_a_wrong_clock_is_found(ran: Any) -> None:
    """The host's clock cannot be set here, so the controller's is said to be elsewhere."""
    words = f"controller_time={time.time() - 3600} max_skew_seconds=300 prefix={ran['good1'].prefix}"
    ran.project.write("modules/fit.py", (Path(__file__).parents[2] / "modules/agent_preflight.py").read_text())
    done = ran.project.run("run", "good1", "-m", "fit", "-a", words, expect=2)
    said = done.stdout + done.stderr
    assert "s ahead of the controller's" in said and "timedatectl" in said


# -- hosts that only root can spoil


@pytest.fixture(scope="module")
def spoiled_lab(openssh_lab: Lab, make_site: Callable[..., Any]) -> Any:
    """A site on plain OpenSSH hosts, whose login user is not root."""
    return make_site(openssh_lab, names=["good1", "bad", "good3"])


def test_no_right_to_sudo(spoiled_lab: Any) -> None:
    if shutil.which("sudo") is None:
        _leave_out("there is no sudo on this machine")
    spoiled_lab.write_inventory(bad={**spoiled_lab["bad"].inventory_vars(), "ansible_become": True})
    events = spoiled_lab.bootstrap(expect=2)
    check_told(by_host(events, "failed")["bad"], "cannot become root", "-K|sudoers")
    spoiled_lab.check_healthy(spoiled_lab["good1"], spoiled_lab["good3"])

    wrong = spoiled_lab.play("bootstrap.yml", "-l", "bad", "-e", "ansible_become_password=wrong", expect=2)
    check_told(by_host(wrong, "failed")["bad"], "cannot become root", "password|sudoers")
    spoiled_lab.check_nothing_left()


def test_a_user_that_the_host_does_not_know(spoiled_lab: Any) -> None:
    spoiled_lab.write_inventory(bad={**spoiled_lab["bad"].inventory_vars(), "ansible_user": "nobody-of-that-name"})
    events = spoiled_lab.bootstrap("-l", "bad", expect=4)
    check_told(by_host(events, "unreachable")["bad"], "refuses the login as nobody-of-that-name", "ansible_user")


def test_no_right_to_install_for_all(spoiled_lab: Any) -> None:
    """Without a prefix the agent of a plain user lies in his home; one that is told a foreign place is refused."""
    spoiled_lab.write_inventory(
        bad={**spoiled_lab["bad"].inventory_vars(), "stella_agent_prefix": "/root/stella-agent-of-a-stranger"}
    )
    events = spoiled_lab.bootstrap("-l", "bad", expect=2)
    check_told(by_host(events, "failed")["bad"], "cannot be written|permission denied", "prefix|become")
    assert not Path("/root/stella-agent-of-a-stranger").exists()


def test_no_python_in_any_usual_place(spoiled_lab: Any, openssh_lab: Lab, tmp_path: Path) -> None:
    """A login whose every command runs where there is no Python: a mount namespace without the interpreters."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        _leave_out("hiding the interpreters from a host needs root and unshare")
    host = openssh_lab.host("lab2")
    hidden = sorted({p for f in ("/usr/bin", "/usr/local/bin", "/usr/libexec") for p in Path(f).glob("*python*")})
    with bare_sshd(openssh_lab, tmp_path, hide=[p for p in hidden if p.exists()]) as (port, known_hosts):
        changes = {
            **replace(host, port=port, address="127.0.0.1").inventory_vars(),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={known_hosts} -o StrictHostKeyChecking=yes",
            "stella_agent_prefix": str(spoiled_lab["bad"].prefix),
        }
        spoiled_lab.write_inventory(bad=changes)
        events = spoiled_lab.bootstrap("-l", "bad,good1", expect=2)
        check_told(by_host(events, "failed")["bad"], r"no Python 3\.6 or newer", "install python3")
        done = spoiled_lab.project.run("run", "bad", "-m", "raw", "-a", "echo still here", expect=0)
        assert "still here" in done.stdout
    spoiled_lab.check_healthy(spoiled_lab["good1"])


@contextlib.contextmanager
def bare_sshd(lab: Lab, folder: Path, hide: list[Path]) -> Iterator[tuple[int, Path]]:
    """An sshd in a mount namespace of its own, where files are covered by an empty one; its port and known hosts."""
    folder.chmod(0o755)
    name = lab.hosts[1].name
    config = (lab.folder / "sshd" / f"{name}.conf").read_text()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = re.sub(r"(?m)^ListenAddress .*$", f"ListenAddress 127.0.0.1:{port}", config)
    config = re.sub(r"(?m)^PidFile .*$", f'PidFile "{folder / "pid"}"', config)
    (folder / "conf").write_text(config)
    (folder / "empty").write_text("")
    covers = "".join(f"mount --bind {folder / 'empty'} {path.resolve()}\n" for path in {p.resolve() for p in hide})
    script = f"set -e\nmount --make-rprivate /\n{covers}exec {openssh.find_sshd()} -D -e -f {folder / 'conf'}\n"
    server = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", script], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if server.poll() is not None:
                assert server.stderr is not None
                _leave_out(f"a mount namespace cannot be had: {server.stderr.read().decode().strip()}")
            assert time.monotonic() < deadline, "sshd does not answer"
            time.sleep(0.02)
        known = folder / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {lab.host(name).public_key}\n")
        yield port, known
    finally:
        server.terminate()
        server.wait(10)
        assert server.stderr is not None
        server.stderr.close()


def test_full_disk(spoiled_lab: Any) -> None:
    """A file system with room for the folders, though not for the package: what was made is taken away again."""
    bad = spoiled_lab["bad"]
    with tiny_disk(bad.prefix.parent / "tiny", f"{TINY}k", bad.lab_host.folder.stat()) as disk:
        prefix = disk / "agent"
        spoiled_lab.write_inventory(bad={**bad.inventory_vars(), "stella_agent_prefix": str(prefix)})
        events = spoiled_lab.bootstrap(expect=2)
        check_told(by_host(events, "failed")["bad"], "MB free", "free some space")

        # The same without the check beforehand, as when the disk fills up meanwhile.
        play = (Path(__file__).parents[2] / "playbooks/bootstrap.yml").read_text()
        play = play.replace("      agent_preflight:\n", "      agent_preflight:\n        min_disk_mb: 0\n")
        spoiled_lab.project.write("playbooks/careless.yml", play)
        # Full before the package is there; then with room for that alone, and hardly a page for the identity.
        package = next(spoiled_lab.project.state.glob("releases/*/stella-agent.pyz")).stat().st_size
        for room in (package // 2, package + 8 * 1024):
            (disk / "ballast").write_bytes(bytes(TINY * 1024 - room))
            events = spoiled_lab.play("careless.yml", "-l", "bad,good1", expect=2)
            check_told(by_host(events, "failed")["bad"], "No space left on device", "free some space")
            assert [path.name for path in disk.iterdir()] == ["ballast"]
            (disk / "ballast").unlink()
        assert bad_agent_is_whole(spoiled_lab, disk)
        spoiled_lab.check_nothing_left()
    spoiled_lab.check_healthy(spoiled_lab["good1"], spoiled_lab["good3"])


def bad_agent_is_whole(site: Any, disk: Path) -> bool:
    """With room again the run goes through; the agent is removed so that the disk can go."""
    done = site.play("careless.yml", "-l", "bad")
    site.play("decommission.yml", "-l", "bad")
    return done[-1]["exit_code"] == 0 and list(disk.iterdir()) == []


@contextlib.contextmanager
def tiny_disk(folder: Path, size: str, owner: os.stat_result) -> Iterator[Path]:
    """A small file system of its own."""
    if os.geteuid() != 0:
        _leave_out("mounting a small file system needs root")
    folder.mkdir(exist_ok=True)
    options = f"size={size},uid={owner.st_uid},gid={owner.st_gid},mode=0755"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        _leave_out(f"mounting a small file system is refused: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


# -- the controller's own state


def test_a_broken_authority_is_a_clear_error(fresh_host: Any) -> None:
    fresh_host.project.run("ca", "show", expect=0)
    key = fresh_host.project.state / "ca" / "issuing.key"
    key.write_text("-----BEGIN PRIVATE KEY-----\nbroken\n-----END PRIVATE KEY-----\n")

    done = fresh_host.project.run("play", "bootstrap.yml", "--output", "json")

    assert done.returncode in (1, 2), done
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = done.stderr + json.dumps(by_host(events, "failed"))
    assert "issuing.key" in told and "Traceback" not in told
    fresh_host.check_nothing_left()
    key.unlink()
    shown = fresh_host.project.run("ca", "show", expect=1)
    assert "issuing.key" in shown.stderr and "Traceback" not in shown.stderr
    # An authority that has lost a file must never be replaced in silence: its certificates are out there.
    assert not key.exists()


def test_a_wrong_passphrase_is_a_clear_error(fresh_host: Any) -> None:
    project = fresh_host.project
    secret = project.write("passphrase", "correct horse\n")
    secret.chmod(0o600)
    settings = project.folder / "stella.toml"
    settings.write_text(settings.read_text().replace("[ca]\n", f'[ca]\npassphrase_file = "{secret}"\n'))
    project.run("ca", "show", expect=0)
    secret.write_text("wrong battery\n")
    refused = project.run("ca", "show", expect=1)
    assert "passphrase" in refused.stderr and "battery" not in refused.stderr and "Traceback" not in refused.stderr


def test_a_store_that_is_locked_for_a_while_is_waited_for(fresh_host: Any) -> None:
    fresh_host.project.run("agent", "list", expect=0)  # makes the store
    with locked_store(fresh_host.project.state / "fleet.db") as release:
        threading.Timer(1.5, release).start()
        fresh_host.bootstrap()
    fresh_host.check_healthy()


def test_a_store_that_stays_locked_is_a_clear_error(fresh_host: Any) -> None:
    fresh_host.project.run("agent", "list", expect=0)
    with locked_store(fresh_host.project.state / "fleet.db"):
        done = fresh_host.project.run("play", "bootstrap.yml", "--output", "json")
        assert done.returncode in (1, 2), done
        told = done.stdout + done.stderr
        assert "locked by another process" in told and "wait for the other stella-ops command" in told
        assert "Traceback" not in told
        # Reading does not wait for writers.
        assert fresh_host.project.run("agent", "list", expect=0).stdout
    fresh_host.bootstrap()
    fresh_host.check_healthy()


@contextlib.contextmanager
def locked_store(path: Path) -> Iterator[Callable[[], None]]:
    """Hold the store's write lock; what is given releases it before the block ends."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")

    def release() -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")

    try:
        yield release
    finally:
        release()
        connection.close()


def test_a_store_that_is_none_is_a_clear_error(fresh_host: Any) -> None:
    (fresh_host.project.state / "fleet.db").write_text("this is not a database, and longer than a header is\n" * 9)
    refused = fresh_host.project.run("agent", "list", expect=1)
    assert "not an SQLite database" in refused.stderr and "Traceback" not in refused.stderr


def _leave_out(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{LEFT_OUT}{reason} (with CI=true nothing may be left out)", pytrace=False)
    pytest.skip(LEFT_OUT + reason)
