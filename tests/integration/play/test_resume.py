"""``play --resume``: what went well is not run again, what failed or was not reached is."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HOSTS = "a ansible_connection=local\nb ansible_connection=local\n"


class Log:
    """What tasks did: each adds a line to a file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "log"

    def lines(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []

    def take(self) -> list[str]:
        found = self.lines()
        self.file.unlink(missing_ok=True)
        return found


@pytest.fixture
def log(project: Any) -> Log:
    project.write("hosts.ini", HOSTS)
    return Log(project.folder)


def _play(text: str) -> str:
    """A playbook in which ``LOG x`` stands for a command that writes x and the host's name into the log."""
    return re.sub(
        r"LOG (.+)", r'''shell: "echo '\1' {{ inventory_hostname }} >> {{ playbook_dir }}/log; echo did \1"''', text
    )


def _wait_for(condition: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


FAILING = _play(
    """
- hosts: all
  gather_facts: false
  tasks:
    - LOG one
      name: one
      register: first
      notify: once
    - name: two
      fail: msg=broken
      when: inventory_hostname == 'a'
    - LOG three {{ first.stdout }}
      name: three
    - import_tasks: more.yml
  handlers:
    - LOG handler
      name: once
- hosts: b
  gather_facts: false
  tasks:
    - LOG second play
"""
)


def test_a_failed_host_goes_on_and_the_others_are_left_alone(project: Any, log: Log) -> None:
    project.write("more.yml", _play("- LOG more\n"))
    project.write("site.yml", FAILING)
    done = project.run("play", "-i", "hosts.ini", "-e", "x=1", "site.yml")
    assert done.returncode == 2
    hint = re.search(r"^hint: fix it, then go on with: stella-ops play --resume (\w+)$", done.stderr, re.M)
    assert hint, done.stderr
    assert "hint" not in done.stdout
    assert sorted(log.take()) == sorted(["one a", "one b", "three did one b", "more b", "handler b", "second play b"])
    shown = project.run("runs", "show", hint[1])
    assert f"stella-ops play --resume {hint[1]}" in shown.stdout
    assert "a: goes on at 'two'" in shown.stdout

    again = project.run("play", "--resume")  # nothing was mended
    assert again.returncode == 2 and log.lines() == []
    project.write("site.yml", FAILING.replace("fail: msg=broken", "LOG two"))
    project.write("site.yml", _play((project.folder / "site.yml").read_text()))
    check = project.run("play", "--resume", "--check", "site.yml")
    assert check.returncode == 0, check.stderr
    assert "RESUMING" in check.stdout and log.lines() == []
    mended = project.run("play", "site.yml", "--resume")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert log.take() == ["two a", "three did one a", "more a", "handler a"]
    assert "resumed run" in mended.stdout and re.search(r"^a +: ok=4 ", mended.stdout, re.M)
    assert not re.search(r"^b +:", mended.stdout, re.M)
    assert "changed since the run began" in mended.stderr
    over = project.run("play", "--resume")
    assert over.returncode == 1 and "no run to resume" in over.stderr


KILLED = _play(
    """
- hosts: all
  gather_facts: false
  serial: SERIAL
  strategy: STRATEGY
  tasks:
    - LOG one
      notify: last
    - LOG two
    - name: waits
      shell: echo waits {{ inventory_hostname }} >> {{ playbook_dir }}/log; test -e {{ playbook_dir }}/go || sleep MARK
    - LOG three
  handlers:
    - LOG handled
      name: last
"""
)


@pytest.fixture
def mark() -> str:
    """A duration that no other sleep on this machine has."""
    return f"8{os.getpid()}.{time.monotonic_ns() % 1_000_000:06d}"


@pytest.fixture
def start(project: Any) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []

    def go(*args: str) -> subprocess.Popen[str]:
        running.append(project.start("play", *args))
        return running[-1]

    yield go
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _journalled(project: Any, text: str) -> bool:
    """Whether as many tasks as a text has lines are in the journal, seen through ``runs show``."""
    return text in project.run("runs", "show", "last").stdout


@pytest.mark.parametrize(("serial", "strategy"), [("1", "linear"), ("2", "free")])
def test_after_a_kill_every_task_ran_once_but_the_one_in_flight(
    project: Any, log: Log, start: Callable[..., Any], mark: str, serial: str, strategy: str
) -> None:
    text = KILLED.replace("MARK", mark).replace("SERIAL", serial).replace("STRATEGY", strategy)
    project.write("site.yml", text)
    process = start("-i", "hosts.ini", "site.yml")
    waiting = 1 if serial == "1" else 2
    _wait_for(lambda: sum("waits" in line for line in log.lines()) == waiting or process.poll() is not None)
    _wait_for(lambda: _journalled(project, "(2 tasks are done)"))
    refused = project.run("play", "--resume")
    assert refused.returncode == 1 and "no run to resume" in refused.stderr
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (project.folder / "go").touch()
    done = project.run("play", "--resume", "site.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = log.take()
    for host in "ab":
        in_flight = 2 if host == "a" or serial == "2" else 1
        assert sorted(line for line in lines if line.endswith(host)) == sorted(
            [f"one {host}", f"two {host}", *[f"waits {host}"] * in_flight, f"three {host}", f"handled {host}"]
        )


SECRETS = _play(
    """
- hosts: all
  gather_facts: false
  vars_files: [vault.yml]
  tasks:
    - set_fact:
        hidden: "{{ 'horse' ~ '-battery-' ~ extra }}"
        opened: "{{ encrypted }}"
      no_log: true
      name: hides
    - name: not reached
      LOG reached {{ hidden | hash('sha256') }} {{ opened | hash('sha256') }}
"""
)


def test_secrets_are_there_again_but_not_in_the_store(project: Any, log: Log) -> None:
    project.write("hosts.ini", HOSTS + "c ansible_host=127.0.0.1 ansible_port=1 ansible_user=nobody\n")
    project.write("password", "the vault's own password\n")
    project.write("vault.yml", "encrypted: sesame-of-the-vault\n")
    project.run("vault", "encrypt", "--vault-password-file", "password", "vault.yml")
    project.write("site.yml", SECRETS)
    vault = ("--vault-password-file", "password")
    done = project.run("play", "-i", "hosts.ini", "-e", "extra=staple-of-extra", *vault, "site.yml")
    assert done.returncode == 4, done.stdout + done.stderr
    state = project.state
    assert (state / "journal.key").stat().st_mode & 0o777 == 0o600
    held = b"".join(path.read_bytes() for path in state.glob("fleet.db*"))
    assert b"site.yml" in held
    for secret in (b"horse-battery", b"staple-of-extra", b"sesame-of-the-vault"):
        assert secret not in held
    assert len(log.take()) == 2

    project.write("hosts.ini", HOSTS + "c ansible_connection=local\nd ansible_connection=local\n")
    resumed = project.run("play", "--resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "c: goes on at 'not reached', which failed (1 tasks are done)" in resumed.stdout
    assert "these hosts were not in the play when it began, and are left alone: d" in resumed.stderr
    hashes = [hashlib.sha256(text).hexdigest() for text in (b"horse-battery-staple-of-extra", b"sesame-of-the-vault")]
    assert log.take() == [f"reached {' '.join(hashes)} c"]


def test_what_cannot_be_resumed_is_refused(project: Any, log: Log) -> None:
    project.write("more.yml", _play("- LOG more\n"))
    project.write("site.yml", FAILING)
    failed = project.run("play", "-i", "hosts.ini", "-t", "all", "site.yml")
    run = re.search(r"--resume (\w+)$", failed.stderr, re.M)[1]  # type: ignore[index]
    log.take()
    (project.folder / "sub").mkdir()
    refusals = [
        (["play", "--resume", "beef"], 2, "there is no run 'beef'"),
        (["play", "other.yml", "--resume", run], 2, "was of site.yml, not of other.yml"),
        (["play", "other.yml", "--resume"], 1, "there is no run of other.yml to resume"),
        (["play", "--resume", run, "--tags", "x"], 2, "--tags cannot change in the middle of a run"),
    ]
    for args, code, said in refusals:
        refused = project.run(*args)
        assert (refused.returncode, said in refused.stderr) == (code, True), refused.stderr
    project.write("site.yml", FAILING.replace("name: two", "name: zwei"))
    refused = project.run("play", "--resume")
    assert refused.returncode == 1
    assert "the task 'two' that a is to go on at is not in the play any more" in refused.stderr
    assert log.lines() == []
    (project.state / "journal.key").rename(project.state / "kept")
    refused = project.run("play", "--resume")
    assert refused.returncode == 1 and "key of journals cannot be read" in refused.stderr
    (project.state / "kept").rename(project.state / "journal.key")
    project.write("site.yml", FAILING)
    again = project.run("play", "--resume", run)
    assert again.returncode == 2
    later = re.search(r"--resume (\w+)$", again.stderr, re.M)[1]  # type: ignore[index]
    refused = project.run("play", "--resume", run)
    assert refused.returncode == 1 and f"it went on as the run {later}, which can be" in refused.stderr
    assert "(can be resumed)" in project.run("runs", "list").stdout
