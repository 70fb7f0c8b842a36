"""sshd processes set up as a test wants them, throw-away accounts on this machine, and sessions to both."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import getpass
import grp
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from stella_ops.transport.base import ConnectionSpec, ModuleCall
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.pool import SessionPool

SSHD = shutil.which("sshd", path=f"/usr/sbin:/usr/local/sbin:{os.environ.get('PATH', '')}")

MODULES = {
    "echo": """
ARGUMENTS = {"value": {"type": "raw"}}
def run(task):
    return {"value": task.args["value"]}
""",
    "whoami": """
import os, pwd
ARGUMENTS = {}
def run(task):
    return {"user": pwd.getpwuid(os.geteuid()).pw_name, "home": os.environ.get("HOME"), "cwd": os.getcwd(),
            "in": os.read(0, 10).decode(), "argv": open("/proc/self/cmdline").read(),
            "environ": dict(os.environ)}
""",
    "sleeper": """
import os, subprocess, time
ARGUMENTS = {"mark": {"type": "str"}, "path": {"type": "path"}}
def run(task):
    # The mark stands in the arguments of the child, and of a shell between.
    child = subprocess.Popen(["/bin/sh", "-c", "sleep 987; : " + task.args["mark"]])
    pids = [os.getppid(), os.getpid(), child.pid]
    with open(task.args["path"] + ".new", "w") as out:
        out.write(" ".join(map(str, pids)))
    os.chmod(task.args["path"] + ".new", 0o644)
    os.rename(task.args["path"] + ".new", task.args["path"])
    time.sleep(987)
    return {}
""",
    "digest": """
import hashlib, re
ARGUMENTS = {"want": {"type": "int", "default": -1}}
def run(task):
    if task.content is None:
        return {"need_content": True}
    if task.args["want"] >= 0:
        return {"size": len(task.content.read(task.args["want"]))}
    digest, size = hashlib.sha256(), 0
    while True:
        data = task.content.read(65536)
        if not data:
            break
        digest.update(data)
        size += len(data)
    def peak(pid):
        return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/%s/status" % pid).read()).group(1))
    import os
    return {"size": size, "sha256": digest.hexdigest(), "peak": peak("self"), "runner_peak": peak(os.getppid())}
""",
}


def leave_out(reason: str) -> Any:
    """Skip for want of something on this machine; in CI, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"left out: {reason} (with CI=true nothing may be left out)", pytrace=False)
    pytest.skip(f"left out: {reason}")


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A key pair by ssh-keygen."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)], check=True)
    return path


def public(path: Path) -> str:
    """A key's public line without its comment."""
    return " ".join(Path(f"{path}.pub").read_text().split()[:2])


@dataclass
class Server:
    """One sshd of a test's own, on an address of its own."""

    folder: Path
    address: str
    port: int
    user: str
    key: Path
    host_key: Path
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def known_line(self) -> str:
        return f"[{self.address}]:{self.port} {public(self.host_key)}"

    @property
    def fingerprint(self) -> str:
        said = subprocess.run(["ssh-keygen", "-lf", f"{self.host_key}.pub"], check=True, capture_output=True, text=True)
        return said.stdout.split()[1]

    def known_hosts(self, *more: Server) -> str:
        """Options that name a file with this server's key, and others'."""
        file = self.folder / f"known_{secrets.token_hex(4)}"
        file.write_text("".join(f"{one.known_line}\n" for one in (self, *more)))
        return f"-o UserKnownHostsFile={file} -o GlobalKnownHostsFile=/dev/null"

    def spec(self, **changes: Any) -> ConnectionSpec:
        """How to connect, with this server's key known unless ``common_args`` says otherwise."""
        given = {
            "name": "web",
            "address": self.address,
            "port": self.port,
            "user": self.user,
            "private_key_file": self.key,
            "common_args": self.known_hosts(),
            **changes,
        }
        return ConnectionSpec(**given)

    def stop(self) -> None:
        for child in children(self.process.pid):
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def sessions(self) -> list[int]:
        """The processes that serve connections."""
        return children(self.process.pid)


def children(pid: int) -> list[int]:
    """All descendants of a process, the nearest first."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found, todo = [], [pid]
    while todo:
        below = parents.get(todo.pop(0), [])
        found += below
        todo += below
    return found


def living(mark: str) -> list[str]:
    """The processes, zombies aside, whose arguments hold a mark."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            text = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (entry.parent / "stat").read_text().rpartition(")")[2].split()[0]
            if mark in text and state not in "ZX" and int(entry.parent.name) != os.getpid():
                found.append(f"{entry.parent.name} {text}")
    return found


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


async def eventually(true: Callable[[], Any], timeout: float = 20) -> Any:
    """Wait for something to become true, and return it."""
    deadline = time.monotonic() + timeout
    while not (found := true()):
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)
    return found


class Helpers:
    """What tests of this folder share, since they import nothing from each other."""

    make_key = staticmethod(make_key)
    public = staticmethod(public)
    children = staticmethod(children)
    living = staticmethod(living)
    alive = staticmethod(alive)
    eventually = staticmethod(eventually)
    leave_out = staticmethod(leave_out)

    @staticmethod
    def call(module: str, content: bytes | Path | None = None, timeout: float = 0, **args: Any) -> ModuleCall:
        return ModuleCall(module=module, args=args, content=content, timeout=timeout)


@pytest.fixture(scope="session")
def helpers() -> Helpers:
    return Helpers()


def free_port(address: str) -> int:
    with socket.socket() as opened:
        opened.bind((address, 0))
        return int(opened.getsockname()[1])


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts sshd processes: settings, host key and login user may be chosen."""
    if SSHD is None:
        leave_out("there is no sshd on this machine (package openssh-server)")
    root = os.geteuid() == 0
    if root:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    # The login user reads the authorized keys, and cannot look into our own folder.
    folder = Path(tempfile.mkdtemp(prefix="stella-sshd-"))
    folder.chmod(0o755)
    running: list[Server] = []
    used: list[str] = []

    def start(*settings: str, user: str | None = None, host_key: Path | None = None, key: Path | None = None) -> Server:
        from stella_ops.lab.openssh_account import ensure_account

        number = len(running) + 1
        login = user or ensure_account().name
        place = folder / str(number)
        place.mkdir()
        private = key or make_key(tmp_path / f"client{number}")
        (place / "authorized_keys").write_text(public(private) + "\n")
        own = host_key or make_key(place / "host_key")
        address = f"127.0.7.{number}"
        port = free_port(address)
        lines = [
            f"ListenAddress {address}:{port}",
            f"HostKey {own}",
            f"PidFile {place}/pid",
            f"AuthorizedKeysFile {place}/authorized_keys",
            "StrictModes no",
            "UsePAM no",
            "UseDNS no",
            "PrintMotd no",
            "KbdInteractiveAuthentication no",
        ]
        names = {line.split()[0] for line in settings}
        lines = [*settings, *(line for line in lines if line.split()[0] not in names)]
        if "PasswordAuthentication" not in names:
            lines.append("PasswordAuthentication no")
        (place / "config").write_text("\n".join(lines) + "\n")
        log = place / "log"
        process = subprocess.Popen(
            [str(SSHD), "-D", "-e", "-f", str(place / "config")], stdin=subprocess.DEVNULL, stderr=log.open("wb")
        )
        server = Server(place, address, port, login, private, own, process, log)
        running.append(server)
        used.append(address)
        deadline = time.monotonic() + 15
        while True:
            assert process.poll() is None, log.read_text()
            try:
                with socket.create_connection((address, port), timeout=5) as opened:
                    if opened.recv(4) == b"SSH-":
                        return server
            except OSError:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.01)

    yield start
    for server in running:
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def kill_all_of(uid: int) -> None:
    """End the processes of a login that nobody else has; containers may use its number for a user of their own."""
    here = os.readlink("/proc/self/ns/pid")
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == uid and os.readlink(entry / "ns" / "pid") == here:
                os.kill(int(entry.name), signal.SIGKILL)


@dataclass
class Account:
    """A throw-away login of this machine."""

    name: str
    home: Path
    password: str = field(repr=False)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Callable[..., Account]]:
    """Makes logins with a shell, and rules for sudo; all gone in the end. Only root can."""
    if os.geteuid() != 0:
        leave_out("this is not root to make throw-away logins")
    if shutil.which("useradd") is None:
        leave_out("there is no useradd on this machine")
    made: list[Account] = []
    rules: list[Path] = []

    def make(*, shell: str = "/bin/sh", sudo: str | None = None) -> Account:
        if sudo is not None and shutil.which("sudo") is None:
            leave_out("there is no sudo on this machine")
        name = f"stella{secrets.token_hex(4)}"
        password = secrets.token_urlsafe(12)
        # A home of its own, which other users can pass but not look into.
        subprocess.run(["useradd", "--create-home", "--shell", shell, name], check=True, capture_output=True)
        made.append(Account(name, Path(pwd.getpwnam(name).pw_dir), password))
        subprocess.run(["chpasswd"], input=f"{name}:{password}\n".encode(), check=True, capture_output=True)
        if sudo is not None:
            rule = Path("/etc/sudoers.d") / f"zz-{name}"
            rules.append(rule)
            # sudo passes over names with a dot: nobody meets the file half made.
            part = rule.with_name(f"{rule.name}.part")
            part.write_text(sudo.replace("USER", name) + "\n")
            part.chmod(0o440)
            subprocess.run(["visudo", "-cqf", str(part)], check=True, capture_output=True)
            part.replace(rule)
        return made[-1]

    yield make
    for rule in rules:
        rule.unlink(missing_ok=True)
    for one in made:
        kill_all_of(pwd.getpwnam(one.name).pw_uid)
        subprocess.run(["userdel", "--force", "--remove", one.name], check=False, capture_output=True)
        with contextlib.suppress(KeyError):
            grp.getgrnam(one.name)
            subprocess.run(["groupdel", one.name], check=False, capture_output=True)


@pytest.fixture
def code(tmp_path: Path) -> CodeLibrary:
    """A library of small modules."""
    folder = tmp_path / "modules"
    folder.mkdir()
    for name, source in MODULES.items():
        (folder / f"{name}.py").write_text(source)
    return CodeLibrary((folder,))


@pytest_asyncio.fixture
async def pool(code: CodeLibrary, tmp_path: Path) -> AsyncIterator[Callable[..., SessionPool]]:
    """Makes pools, without any configuration of the person who runs the tests; closed in the end."""
    made: list[SessionPool] = []

    def make(**options: Any) -> SessionPool:
        options.setdefault("project_known_hosts", tmp_path / "project_known_hosts")
        options.setdefault("config_files", [])
        made.append(SessionPool(code, **options))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent of the person who runs the tests has no part in them."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("USER", getpass.getuser())


@pytest.fixture(autouse=True)
def nothing_forgotten(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No task's exception goes unheard, and asyncio has nothing to complain about."""
    yield
    gc.collect()
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    complaints = [record.getMessage() for record in records if record.name == "asyncio"]
    assert not complaints
