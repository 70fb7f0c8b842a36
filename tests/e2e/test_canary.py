"""Secrets of a run are found nowhere after it: not in output, store, files, logs, or processes while it went on.

The host is this machine's own sshd and sudo with a throw-away account, so that both ends can be searched.
``test_the_detector_*`` prove that the search finds what is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import pty
import pwd
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stella_ops.lab.model import Lab

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]

_BESIDE = Path(__file__).parent


def _load(name: str) -> Any:
    """A file beside this one; test folders are no packages."""
    spec = importlib.util.spec_from_file_location(f"canary_tests_{name}", _BESIDE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


detector_file = _load("canary_detector")
Detector, Leak, ProcessWatch = detector_file.Detector, detector_file.Leak, detector_file.ProcessWatch


def canary() -> str:
    """A secret with what is quoted differently in JSON, URLs and shells, around a core of letters and digits."""
    return f"cn/+\"'$ {secrets.token_hex(12)} \\%&~"


# -- a host on this machine


@dataclass
class Host:
    """One account behind one sshd of our own."""

    user: str
    uid: int
    home: Path
    folder: Path
    port: int
    password: str


def _leave_out(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"left out: {reason} (with CI=true nothing may be left out)", pytrace=False)
    pytest.skip(f"left out: {reason}")


def _must(*command: str, given: str = "") -> None:
    subprocess.run(command, input=given, text=True, check=True, capture_output=True)


def _end_processes_of(uid: int) -> None:
    """Ends what runs as the throw-away account, each by its id."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        # Containers may use the account's number for a user of their own.
        here = os.readlink("/proc/self/ns/pid")
        for _ in range(50):
            pids = []
            for entry in os.listdir("/proc"):
                try:
                    if not entry.isdigit() or os.readlink(f"/proc/{entry}/ns/pid") != here:
                        continue
                    if os.stat(f"/proc/{entry}").st_uid == uid:
                        pids.append(int(entry))
                except OSError:
                    continue
            if not pids:
                return
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            time.sleep(0.1)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """An account that logs in by password, and whose sudo asks for it. All of it is removed afterwards."""
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")
    if os.geteuid() != 0:
        _leave_out("only root can make an account whose sudo asks for a password")
    if sshd is None or not shutil.which("sudo") or not shutil.which("useradd") or not Path("/etc/sudoers.d").is_dir():
        _leave_out("there is no sshd, sudo or useradd on this machine (packages openssh-server, sudo)")
    user = f"stella-canary-{os.getpid()}"
    folder = Path(tempfile.mkdtemp(prefix="stella-canary-"))
    folder.chmod(0o755)
    rule = Path("/etc/sudoers.d") / user
    password = canary()
    server: subprocess.Popen[bytes] | None = None
    try:
        _must("useradd", "--create-home", "--home-dir", str(folder / "home"), "--shell", "/bin/sh", user)
        _must("chpasswd", given=f"{user}:{password}\n")
        rule.write_text(f"{user} ALL=(ALL:ALL) ALL\n")
        rule.chmod(0o440)
        about = pwd.getpwnam(user)
        _must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host_key"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = folder / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host_key\nPidFile none\nUsePAM no\n"
            "PasswordAuthentication yes\nKbdInteractiveAuthentication no\nPubkeyAuthentication no\n"
            "UseDNS no\nMaxStartups 100\nLogLevel DEBUG\n"
        )
        server = subprocess.Popen([str(sshd), "-D", "-f", str(config), "-E", str(folder / "sshd.log")])
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Host(user, about.pw_uid, folder / "home", folder, port, password)
    finally:
        if server is not None:
            server.terminate()
            server.wait()
        try:
            _end_processes_of(pwd.getpwnam(user).pw_uid)
            subprocess.run(["userdel", user], check=False, capture_output=True)
        except KeyError:
            pass
        rule.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


# -- the journey

PLAY = """\
- name: Everything that can go wrong with a secret
  hosts: all
  gather_facts: false
  no_log: true
  vars_files: ["{{ secrets_folder }}/vars.yml"]
  vars:
    place: "{{ ansible_env_home }}"
  tasks:
    - name: Show it
      debug: {msg: "the secret is {{ secret }}"}
    - name: Show it by name
      debug: {var: secret}
    - name: Keep it
      set_fact: {kept: "{{ secret }}", nested: {deep: ["{{ secret }}"]}}
    - name: Write it
      copy: {content: "{{ kept }}\\n", dest: "{{ place }}/written", mode: "0600"}
    - name: Render it
      template: {src: secret.j2, dest: "{{ place }}/rendered", mode: "0600", backup: true}
    - name: Change what was rendered, with a backup
      copy: {content: "{{ secret }} again", dest: "{{ place }}/rendered", backup: true}
      register: changed
    - name: Feed it to a command
      command: {cmd: cat, stdin: "{{ secret }}"}
      register: fed
    - name: Prove that it arrived
      shell:
        cmd: "sha256sum | cut -c1-64 > {{ place }}/proof"
        stdin: "{{ fed.stdout }}"
        stdin_add_newline: false
      when: fed.stdout == secret
    - name: A command that is skipped
      command: {argv: [echo, "{{ secret }}"], creates: /}
    - name: A command that is not there
      command: {argv: ["/nonexistent/program", "{{ secret }}"]}
      ignore_errors: true
    - name: A command that fails and complains
      shell: {cmd: "cat; cat >&2 <<E\\n$(cat {{ place }}/written)\\nE\\nexit 3", stdin: "{{ secret }}"}
      ignore_errors: true
    - name: A command that fails again and again
      shell: {cmd: "cat; exit 4", stdin: "{{ secret }}"}
      register: tried
      until: tried.rc == 0
      retries: 1
      delay: 0
      ignore_errors: true
    - name: A loop
      debug: {msg: "{{ item }}"}
      loop: ["{{ secret }}", plain]
    - name: A loop that fails
      copy: {content: "{{ item.value }}", dest: "/nonexistent/{{ item.value }}/x"}
      loop: [{value: "{{ secret }}"}, {value: "{{ kept }}"}]
      ignore_errors: true
    - name: A loop over what is no list
      debug: {msg: x}
      loop: "{{ secret }}"
      ignore_errors: true
    - name: A failure that says it
      fail: {msg: "{{ secret }}"}
      ignore_errors: true
    - name: An assertion about it
      assert: {that: ["secret == 'something else'"], fail_msg: "{{ secret }}"}
      ignore_errors: true
    - name: A filter that quotes what it cannot take
      debug: {msg: "{{ (secret ~ 'x') | from_json }}"}
      ignore_errors: true
    - name: A variable that is not there
      debug: {msg: "{{ secret ~ nothing_of_that_name }}"}
      ignore_errors: true
    - name: An owner that is not there
      copy: {content: x, dest: "{{ place }}/owned", owner: "{{ secret }}"}
      ignore_errors: true
    - name: A path that is not there
      stat: {path: "/nonexistent/{{ secret }}"}
    - name: An argument of the wrong kind
      wait_for: {port: "{{ secret }}"}
      ignore_errors: true
    - name: A rescued failure
      block:
        - command: {cmd: "false", stdin: "{{ secret }}"}
      rescue:
        - debug: {msg: "{{ ansible_failed_result }}"}
    - name: On the controller
      debug: {msg: "{{ secret }}"}
      delegate_to: localhost
    - name: Take away what was meant to hold it
      shell: "rm -f {{ place }}/written {{ place }}/rendered*"
    - name: As root
      shell: "id -u > {{ place }}/as_root; chmod 644 {{ place }}/as_root"
      become: true
"""

INVENTORY = """\
all:
  vars:
    ansible_connection: ssh
    secrets_folder: "%(secrets)s"
  hosts:
    canary:
      ansible_host: 127.0.0.1
      ansible_port: %(port)d
      ansible_user: "%(user)s"
      ansible_env_home: "%(home)s"
      ansible_ssh_common_args: "-o IdentityAgent=none"
      ansible_password: "{{ lookup('file', secrets_folder + '/password') }}"
      stella_agent_prefix: "%(home)s/agent"
    dead:
      ansible_host: 127.0.0.1
      ansible_port: 1
      ansible_user: "%(user)s"
      ansible_env_home: /nonexistent
      ansible_password: "{{ lookup('file', secrets_folder + '/password') }}"
"""


@dataclass
class Journey:
    """A project whose secrets lie in one folder that is not searched."""

    project: Any
    host: Host
    secrets: Path
    inventory: Path
    detector: Any
    watch: Any
    began: float
    said: list[tuple[str, bytes]]

    def stella(self, *args: object, expect: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[bytes]:
        """Run the program with its witness; what it says is kept to be searched."""
        command = [sys.executable, str(_BESIDE / "canary_cli.py"), str(self.secrets / "tokens"), *map(str, args)]
        done = subprocess.run(
            command,
            cwd=self.project.folder,
            env=self.project.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        name = " ".join(map(str, args))
        self.said += [(f"stdout of {name}", done.stdout), (f"stderr of {name}", done.stderr)]
        # No output in the message: it would show the secret that a failing test is about.
        assert done.returncode in expect, f"{name}: exit status {done.returncode}\n{self._clean(done)}"
        return done

    def _clean(self, done: subprocess.CompletedProcess[bytes]) -> str:
        text = (done.stdout + done.stderr).decode("utf-8", "replace")
        return text if not self.detector.in_bytes(text.encode(), "") else "(the output holds a secret)"

    def ask(self, answer: str, *args: object) -> int:
        """Run the program on a terminal of its own and answer its first question; the exit status."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.project.folder)
            command = self.project.command(*args)
            os.execve(command[0], command, self.project.environment)
        said, answered = b"", False
        while True:
            if not select.select([terminal], [], [], 60)[0]:
                os.kill(pid, signal.SIGKILL)
                break
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            said += data
            if not answered and b"password:" in said:
                os.write(terminal, answer.encode() + b"\n")
                answered = True
        os.close(terminal)
        self.said.append((f"terminal of {' '.join(map(str, args))}", said))
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def leaks(self) -> list[Any]:
        """Wherever a secret is to be found now."""
        for number, token in enumerate((self.secrets / "tokens").read_text().split()):
            self.detector.add(f"bootstrap token {number}", token)
        found = [leak for place, data in self.said for leak in self.detector.in_bytes(data, place)]
        found += self.watch.leaks(self.detector)
        # All that is ours, whenever it was written; elsewhere what changed since we began.
        found += self.detector.in_files([self.project.folder.parent, self.host.folder])
        everywhere = [Path(name) for name in ("/tmp", "/var/tmp", "/var/log", "/var/mail", "/run", "/dev/shm")]
        found += self.detector.in_files([*everywhere, Path.home() / ".ssh"], changed_since=self.began - 1)
        found += self.detector.in_journal(self.began - 1)
        return found


@pytest.fixture
def journey(project: Any, host: Host) -> Iterator[Journey]:
    kept = Path(tempfile.mkdtemp(prefix="canary-secrets-", dir=project.folder.parent))
    detector = Detector(excluded=[kept])
    given = {"variable": canary(), "CA passphrase": canary(), "wrong password": canary(), "password": host.password}
    for name, secret in given.items():
        detector.add(name, secret)
    for file, name in (("ca", "CA passphrase"), ("wrong", "wrong password"), ("password", "password")):
        (kept / file).write_text(given[name] + "\n")
    (kept / "tokens").touch()
    (kept / "vars.yml").write_text(json.dumps({"secret": given["variable"]}))
    project.write("stella.toml", f'[ca]\npassphrase_file = "{kept}/ca"\n')
    project.write("secret.yml", PLAY)
    project.write("templates/secret.j2", "{{ secret }} and {{ kept | to_json }}\n")
    values = {"secrets": kept, "port": host.port, "user": host.user, "home": host.home}
    inventory = project.write("hosts.yml", INVENTORY % values)
    key = (host.folder / "host_key.pub").read_text().split()
    known = project.state
    known.mkdir(mode=0o700)
    (known / "known_hosts").write_text(f"[127.0.0.1]:{host.port} {key[0]} {key[1]}\n")
    with ProcessWatch() as watch:
        yield Journey(project, host, kept, inventory, detector, watch, time.time(), [])


def test_a_secret_variable_and_both_passwords_are_found_nowhere(journey: Journey) -> None:
    """A play whose every task is under no_log: well, failing, unreachable, looping, checked, with a diff."""
    become = ("--become-password-file", journey.secrets / "password")
    play = ("play", "secret.yml", "-i", journey.inventory, *become)
    journey.stella(*play, "-vvv", "--diff", expect=(4,))
    secret = json.loads((journey.secrets / "vars.yml").read_text())["secret"]
    assert (journey.host.home / "proof").read_text().strip() == hashlib.sha256(secret.encode()).hexdigest()
    assert (journey.host.home / "as_root").read_text().strip() == "0"
    assert not (journey.host.home / "written").exists()
    journey.stella(*play, "--output", "json", "-vvv", expect=(4,))
    journey.stella(*play, "--check", "--diff", "-vvv", expect=(4,))
    journey.stella(*play, "--check", "--diff", "--output", "json", expect=(4,))
    wrong = ("--become-password-file", journey.secrets / "wrong")
    journey.stella("play", "secret.yml", "-i", journey.inventory, *wrong, "-vvv", expect=(2, 4))
    assert journey.watch.rounds > 20 and journey.watch.saw(b"secret.yml") and journey.watch.saw(b"sudo")
    assert journey.leaks() == []


def test_the_token_and_the_passphrase_are_found_nowhere(journey: Journey) -> None:
    """Bootstrap, by sudo and at -vvv; doctor, list and a second bootstrap as JSON."""
    common = ("-i", journey.inventory, "-l", "canary", "--become-password-file", journey.secrets / "password")
    journey.stella("play", "bootstrap.yml", *common, "-vvv", "--diff")
    tokens = (journey.secrets / "tokens").read_text().split()
    assert tokens, "no token was drawn: the witness does not see the real source of randomness"
    key = journey.host.home / "agent/var/identity/agent.key"
    assert key.stat().st_mode & 0o777 == 0o600 and key.stat().st_uid == journey.host.uid
    assert b"ENCRYPTED" in (journey.project.state / "ca" / "issuing.key").read_bytes()
    assert b"ENCRYPTED" in (journey.project.state / "ca" / "root.key").read_bytes()
    # An identity that is made anew draws another token.
    (journey.host.home / "agent/var/identity/agent.crt").unlink()
    journey.stella("play", "bootstrap.yml", *common, "--output", "json", "-vvv")
    assert len((journey.secrets / "tokens").read_text().split()) > len(tokens)
    journey.stella("doctor", "canary", "-i", journey.inventory, "--format", "json", "-vvv", expect=(0, 1, 3))
    journey.stella("doctor", "canary", "-i", journey.inventory, expect=(0, 1, 3))
    journey.stella("agent", "list", "--format", "json")
    journey.stella("ca", "show")
    assert journey.watch.saw(b"stella-agent.pyz")
    # The agent's private key is on the host alone.
    journey.detector.add("the agent's private key", "".join(key.read_text().splitlines()[1:-1])[40:100])
    journey.detector.excluded.append(key)
    found = journey.leaks()
    journey.stella("play", "decommission.yml", *common, "-vvv")
    assert found + journey.leaks() == []


def test_a_password_typed_at_the_prompt_is_found_nowhere(journey: Journey) -> None:
    text = journey.inventory.read_text()
    line = next(line for line in text.splitlines() if "ansible_password" in line)
    inventory = journey.project.write("asked.yml", text.replace(line + "\n", "", 1))
    args = ("run", "canary", "-m", "setup", "-i", inventory, "-vvv")
    assert journey.ask(journey.host.password, *args, "-k") == 0
    assert journey.ask(canary(), *args, "-k") == 4
    journey.stella(*args, expect=(4,))
    assert journey.leaks() == []


def test_a_passphrase_in_the_environment_goes_no_further_than_the_program(
    journey: Journey, make_project: Callable[[], Any]
) -> None:
    """Commands on the controller do not inherit it, and facts of the controller do not show it."""
    secret = (journey.secrets / "ca").read_text().strip()
    project = make_project()
    project.write("stella.toml", '[ca]\npassphrase_env = "CA_PASSPHRASE"\n')
    project.write("inventory", "here ansible_connection=local\n")
    project.write("lookup.yml", "- hosts: all\n  tasks:\n    - debug: {msg: \"{{ lookup('pipe', 'env') }}\"}\n")
    env = {"CA_PASSPHRASE": secret}
    shown = project.run("run", "here", "-m", "setup", "-i", "inventory", "-vvv", env=env, expect=0)
    piped = project.run("play", "lookup.yml", "-i", "inventory", "-vvv", env=env, expect=0)
    written = project.folder / "inherited"
    project.run("run", "here", "-m", "shell", "-a", f"env > {written}", "-i", "inventory", env=env, expect=0)
    assert "PATH=" in written.read_text()
    said = [shown.stdout, shown.stderr, piped.stdout, piped.stderr]
    found = [leak for text in said for leak in journey.detector.in_bytes(text.encode(), "output")]
    assert found + journey.detector.in_files([project.folder.parent]) == []
    # It was there to be leaked, and it is what encrypts the keys.
    project.run("ca", "show", env=env, expect=0)
    assert b"ENCRYPTED" in (project.state / "ca" / "issuing.key").read_bytes()
    project.run("ca", "show", env={"CA_PASSPHRASE": "another"}, expect=1)


# -- the detector itself


@pytest.fixture
def planted() -> tuple[Any, str]:
    detector, secret = Detector(), canary()
    detector.add("planted", secret)
    return detector, secret


def _places(leaks: list[Any]) -> str:
    return " ".join(leak.place for leak in leaks)


def test_the_detector_knows_a_secret_in_every_disguise(planted: tuple[Any, str]) -> None:
    import base64
    from urllib.parse import quote

    detector, secret = planted
    core = secret.split()[1]
    for text in (
        secret,
        f"half of it: {core}",
        json.dumps({"a": secret}),
        json.dumps(json.dumps({"a": secret})),
        quote(f"https://user:{secret}@host/"),
        secret.encode().hex(),
        secret.encode().hex().upper(),
        base64.b64encode(secret.encode()).decode(),
        base64.b64encode(b"u:" + secret.encode() + b"xyz").decode(),
        base64.urlsafe_b64encode(b"u" + secret.encode()).decode(),
        repr([secret]),
    ):
        assert detector.in_bytes(text.encode(), "text"), text
    assert not detector.in_bytes(canary().encode(), "another secret")


@contextlib.contextmanager
def _held_until_seen(watch: Any, fifos: list[Path]) -> Iterator[None]:
    """Who reads from one of the pipes, in their order, gets a line once the watch has gone round all processes."""
    over = threading.Event()

    def hold() -> None:
        for fifo in fifos:
            while not over.is_set():
                try:
                    writing = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
                    break
                except OSError:  # nobody reads yet
                    over.wait(0.01)
            else:
                return
            # The round that goes on may have passed it by already.
            enough = watch.rounds + 2
            while watch.rounds < enough and not over.is_set():
                over.wait(0.01)
            with contextlib.suppress(BrokenPipeError):
                os.write(writing, b"go\n")
            os.close(writing)

    for fifo in fifos:
        os.mkfifo(fifo)
    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_the_detector_finds_a_leak_in_each_place(
    planted: tuple[Any, str], project: Any, embedded_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of leak that the journeys must not have is made on purpose, on a real host."""
    detector, secret = planted
    core = secret.split()[1]
    project.write("v.yml", json.dumps({"secret": secret, "core": core, "pipes": str(tmp_path)}))
    project.write(
        "leaks.yml",
        """\
- hosts: lab1
  gather_facts: false
  vars_files: [v.yml]
  tasks:
    - debug: {msg: "{{ secret }}"}
    - command: {argv: [sh, -c, "read go < {{ pipes }}/{{ output }}-cmdline", "{{ secret }}"]}
    - command: {argv: [sh, -c, "read go < {{ pipes }}/{{ output }}-environ"]}
      environment: {LEAKED: "{{ secret }}"}
    - copy: {content: "{{ secret | b64encode }}", dest: "~/left-behind"}
    - file: {path: "~/{{ core }}", state: touch}
""",
    )
    (project.folder / "v.yml").chmod(0o600)
    detector.excluded.append(project.folder / "v.yml")
    began = time.time()
    pipes = [tmp_path / f"{output}-{what}" for output in ("text", "json") for what in ("cmdline", "environ")]
    play = ("play", "leaks.yml", "-i", embedded_lab.inventory)
    with ProcessWatch() as watch, _held_until_seen(watch, pipes):
        done = project.run(*play, "-e", "output=text", "-vvv", expect=0)
        as_json = project.run(*play, "-e", "output=json", "--output", "json", expect=0)
    assert detector.in_bytes(done.stdout.encode(), "stdout")
    assert detector.in_bytes(as_json.stdout.encode(), "stdout")
    seen = _places(watch.leaks(detector))
    assert "cmdline of process" in seen
    assert "environ of process" in seen
    assert "fleet.db" in _places(detector.in_files([project.state]))
    folder = next(host.folder for host in embedded_lab.hosts if host.name == "lab1")
    on_host = _places(detector.in_files([folder], changed_since=began - 1))
    assert "left-behind" in on_host
    assert f"name of {folder}/{core}" in on_host
    # What is excluded, or was there before, is passed over.
    assert "v.yml" not in _places(detector.in_files([project.folder]))
    assert not detector.in_files([folder], changed_since=time.time() + 60)
    # The journal is read through journalctl, whatever that is here.
    journal = tmp_path / "bin" / "journalctl"
    journal.parent.mkdir()
    journal.write_text(f'#!/bin/sh\necho \'{{"MESSAGE": "{core}"}}\'\n')
    journal.chmod(0o755)
    monkeypatch.setenv("PATH", f"{journal.parent}:{os.environ['PATH']}")
    assert _places(detector.in_journal(began)) == "the journal"


def test_the_detector_finds_what_a_database_keeps_in_its_write_ahead_log(
    planted: tuple[Any, str], tmp_path: Path
) -> None:
    import sqlite3

    detector, secret = planted
    connection = sqlite3.connect(tmp_path / "fleet.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (x TEXT)")
    connection.execute("INSERT INTO t VALUES (?)", (secret,))
    connection.commit()
    assert "fleet.db-wal" in _places(detector.in_files([tmp_path]))
    connection.close()
