"""Sites for journeys: a project whose inventory names some lab hosts, and eyes to see what is on them.

Each site has agent folders of its own on the lab's hosts, so that journeys share a lab without meeting.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from stella_ops.lab import leftovers
from stella_ops.lab.model import Lab, LabHost

Event = dict[str, Any]

# What only a run that is on, or one that was killed, has on a host.
_TEMPORARY = (".stella-*", "*.new", "*.before", ".making-*", ".checking-*")


def wait_for(condition: Callable[[], Any], what: str, timeout: float = 20.0) -> Any:
    """Wait until a condition holds; its value."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout:g} s in vain for: {what}")
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class Host:
    """One host of a site: the folder its agent is to be in, and what can be seen there."""

    name: str
    lab_host: LabHost
    prefix: Path
    variables: dict[str, Any] = field(default_factory=dict)

    def inventory_vars(self) -> dict[str, Any]:
        return {**self.lab_host.inventory_vars(), "stella_agent_prefix": str(self.prefix), **self.variables}

    @property
    def key(self) -> Path:
        return self.prefix / "var/identity/agent.key"

    @property
    def certificate(self) -> Path:
        return self.prefix / "var/identity/agent.crt"

    @property
    def config(self) -> Path:
        return self.prefix / "etc/agent.json"

    @property
    def package(self) -> Path:
        return self.prefix / "current/stella-agent.pyz"

    @property
    def pid(self) -> int | None:
        """The agent's process, while it lives."""
        return self._living("agent.pid")

    @property
    def supervisor_pid(self) -> int | None:
        return self._living("supervisor.pid")

    def _living(self, name: str) -> int | None:
        try:
            pid = int((self.prefix / "run" / name).read_text())
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self.prefix).encode() in line else None

    def state(self, name: str) -> dict[str, Any]:
        """A JSON file of the agent's state folder: status, heartbeat."""
        found: dict[str, Any] = json.loads((self.prefix / "var/state" / f"{name}.json").read_text())
        return found

    def rpc(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the installed agent as the controller would, without one."""
        asked = subprocess.run(
            ["/usr/bin/python3", "-I", str(self.package), "rpc", "--prefix", str(self.prefix)],
            input=json.dumps({"requests": [{"method": method, "params": params}]}),
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        response = json.loads(asked.stdout)["responses"][0]
        assert response["ok"], response
        result: dict[str, Any] = response["result"]
        return result

    def listing(self) -> dict[str, tuple[Any, ...]]:
        """All that is on the host, other sites' agents left out: path to kind, mode, owner, size, time of change."""
        found = {}
        for path in self._files():
            about = path.lstat()
            found[str(path)] = (about.st_mode, about.st_uid, about.st_gid, about.st_size, about.st_mtime_ns)
        return found

    def _files(self) -> Iterator[Path]:
        assert self.lab_host.folder is not None
        for top in sorted(self.lab_host.folder.iterdir()):
            if top == self.prefix or not top.name.startswith("agent-"):
                yield top
                if top.is_dir() and not top.is_symlink():
                    yield from sorted(top.rglob("*"))

    def temporary_files(self) -> list[str]:
        """Files that no finished run may leave."""
        return [
            str(path)
            for path in self._files()
            if path.name != ".stella-agent" and any(fnmatch(path.name, pattern) for pattern in _TEMPORARY)
        ]

    def processes(self) -> dict[int, str]:
        """Processes that logins to this host started and that are no agents: pid to command line."""
        home = f"HOME={self.lab_host.folder}".encode()
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if home not in (entry / "environ").read_bytes().split(b"\0"):
                    continue
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            if line and not any(f"stella-agent.pyz {word} " in line for word in ("run", "supervise")):
                found[int(entry.name)] = line
        return found


class Site:
    """A project with an inventory of lab hosts."""

    def __init__(self, project: Any, lab: Lab, hosts: Iterable[Host]) -> None:
        self.project = project
        self.lab = lab
        self.hosts = list(hosts)
        project.run("init", ".", expect=0)
        self.write_inventory()

    def __getitem__(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)

    def write_inventory(self, **more: dict[str, Any]) -> None:
        """Write the inventory: the site's hosts, and further ones by name."""
        hosts = {host.name: host.inventory_vars() for host in self.hosts} | more
        self.project.write("inventory/hosts.yml", yaml.safe_dump({"all": {"hosts": hosts}}))

    # -- runs

    def play(self, *args: object, expect: int | None = 0, **options: Any) -> list[Event]:
        """Run ``stella-ops play ARGS --output json``; its events."""
        done = self.project.run("play", *args, "--output", "json", expect=expect, **options)
        assert "Traceback" not in done.stderr, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def bootstrap(self, *args: object, expect: int | None = 0, **options: Any) -> list[Event]:
        return self.play("bootstrap.yml", *args, expect=expect, **options)

    def as_version(self, version: str, *args: object) -> list[str]:
        """The words that run ``stella-ops`` as if it were of another version."""
        program = (
            f"import stella_ops; stella_ops.__version__ = {version!r}; "
            "from stella_ops.cli.entry import main; import sys; sys.argv[0] = 'stella-ops'; main()"
        )
        return [sys.executable, "-c", program, *map(str, args)]

    def interrupt(
        self,
        when: Callable[[Event], bool],
        act: Callable[[subprocess.Popen[str]], object],
        *args: object,
        command: list[str] | None = None,
    ) -> tuple[int, list[Event], str]:
        """Run a bootstrap and act at the first event that ``when`` tells; (exit status, events, stderr).

        Fails when no event did.
        """
        words = command or self.project.command("play", "bootstrap.yml", "--output", "json", *args)
        process = subprocess.Popen(
            words,
            cwd=self.project.folder,
            env=self.project.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        events: list[Event] = []
        acted = False
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if not line.endswith("\n"):
                    break  # killed while it wrote
                events.append(json.loads(line))
                if not acted and when(events[-1]):
                    acted = True
                    act(process)
            _, said = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        assert acted, f"the run never came to that point\n{said}\n{[e['event'] for e in events]}"
        return process.returncode, events, said

    # -- what is there afterwards

    def agents(self) -> dict[str, dict[str, Any]]:
        """``agent list --all --format json``, by name."""
        done = self.project.run("agent", "list", "--all", "--format", "json", expect=0)
        return {agent["name"]: agent for agent in json.loads(done.stdout)}

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.project.state / "fleet.db", timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection

    def acts(self, act: str) -> list[str]:
        """Whom the audit trail names for an act."""
        with self.database() as connection:
            rows = connection.execute("SELECT subject FROM audit WHERE act = ?", (act,)).fetchall()
        return sorted(row[0] for row in rows)

    def check_nothing_left(self, *hosts: Host) -> None:
        """No process of a run on the hosts."""
        for host in hosts or self.hosts:
            wait_for(lambda host=host: not host.processes(), f"{host.name} to be quiet: {host.processes()}", 10)

    def check_store(self) -> None:
        """The store is whole, and no key has two valid certificates."""
        if not (self.project.state / "fleet.db").exists():
            return
        with self.database() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if "certificates" not in tables:
                return
            doubled = connection.execute(
                "SELECT public_key_sha256, count(*) FROM certificates WHERE revoked_at IS NULL"
                " GROUP BY public_key_sha256 HAVING count(*) > 1"
            ).fetchall()
            assert [tuple(row) for row in doubled] == []

    def check_healthy(self, *hosts: Host, version: str | None = None) -> None:
        """The hosts' agents are installed, enrolled, configured and running what is installed."""
        self.check_store()
        listed = self.agents()
        for host in hosts or self.hosts:
            status = host.rpc("status")
            told = f"{host.name}: {status}"
            assert status["running"] and status["key"] and status["certificate"], told
            assert status["last_heartbeat"]["status"] == "healthy", told
            agent = listed[host.name]
            assert agent["status"] == "healthy", agent
            assert agent["certificate_fingerprint"] == status["certificate"]["fingerprint_sha256"], told
            assert status["agent_id"] == agent["id"] and status["name"] == host.name, told
            # It is not enough that the files are right: the process must live by them.
            running = host.state("status")
            beat = host.state("heartbeat")
            assert running["pid"] == host.pid, told
            assert running["version"] == beat["version"] == status["version"] == (version or status["version"]), told
            assert running["config_sha256"] == beat["config_sha256"] == status["config_sha256"], told
            assert running["package_sha256"] == _sha256(host.package), told
            assert running["certificate_fingerprint"] == status["certificate"]["fingerprint_sha256"], told
            assert host.supervisor_pid, told
            assert host.temporary_files() == [], told


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def make_site(make_project: Callable[[], Any]) -> Iterator[Callable[..., Site]]:
    """Makes sites on a lab: ``make_site(lab, count=3)``; hosts are named lab1, lab2 … and share its hosts by turns.

    ``names`` instead of ``count`` names them. What a site has on the hosts is stopped and removed at the end.
    """
    made: list[Host] = []

    def make(lab: Lab, count: int = 3, names: Iterable[str] = ()) -> Site:
        mark = secrets.token_hex(3)
        hosts = []
        for number, name in enumerate(list(names) or [f"lab{n}" for n in range(1, count + 1)]):
            lab_host = lab.hosts[number % len(lab.hosts)]
            assert lab_host.folder is not None
            hosts.append(Host(name, lab_host, lab_host.folder / f"agent-{mark}-{name}"))
        made.extend(hosts)
        return Site(make_project(), lab, hosts)

    yield make
    for folder in {host.lab_host.folder for host in made}:
        assert folder is not None
        leftovers.stop_below(folder)
    for host in made:
        shutil.rmtree(host.prefix, ignore_errors=True)


@pytest.fixture
def fresh_host(make_site: Callable[..., Site], embedded_lab: Lab) -> Iterator[Site]:
    """A site of one bare embedded host; its agent is stopped and removed after the test."""
    site = make_site(embedded_lab, names=["lab1"])
    yield site
    remove_agents(site.hosts)


def remove_agents(hosts: Iterable[Host]) -> None:
    """Stop and remove agents without asking them."""
    for host in hosts:
        for pid in (host.supervisor_pid, host.pid):
            if pid:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        shutil.rmtree(host.prefix, ignore_errors=True)


@pytest.fixture(scope="session")
def patiently() -> Callable[..., Any]:
    """``wait_for``, for tests."""
    return wait_for


class Command:
    """A ``stella-ops`` command that goes on, and the lines that it has written."""

    def __init__(self, project: Any, *args: object) -> None:
        self.process: subprocess.Popen[str] = project.start(*args)
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._news = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any, lines: list[str]) -> None:
        for line in stream:
            with self._news:
                lines.append(line)
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def until(self, find: Callable[[], Any], timeout: float = 40) -> Any:
        """Wait until something that it wrote is found."""
        deadline = time.monotonic() + timeout
        with self._news:
            while not (found := find()):
                left = deadline - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not any(r.is_alive() for r in self._readers)):
                    pytest.fail(f"not written:\n{''.join(self.lines)}\n{''.join(self.errors)}")
                self._news.wait(min(left, 1))
        return found

    def events(self, kind: str = "state", state: str | None = None) -> list[dict[str, Any]]:
        """The JSON lines of a kind."""
        found = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [one for one in found if one["event"] == kind and state in (None, one.get("state"))]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(timeout=30)
        for reader in self._readers:
            reader.join(timeout=10)
        return status

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def start() -> Iterator[Callable[..., Command]]:
    """Starts commands in a project; they are ended after the test."""
    made: list[Command] = []

    def make(project: Any, *args: object) -> Command:
        made.append(Command(project, *args))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def orchestrator(start: Callable[..., Command]) -> Callable[[Any], tuple[Command, str]]:
    """Starts a project's orchestrator; the command and its URL."""

    def make(project: Any) -> tuple[Command, str]:
        command = start(project, "serve", "--listen", "127.0.0.1:0")
        found = command.until(lambda: re.search(r" at 127\.0\.0\.1:(\d+)", "".join(command.lines)))
        return command, f"https://127.0.0.1:{found[1]}"

    return make
