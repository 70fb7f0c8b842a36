"""Hosts to test on, a project to run commands in, and an honest account of what was left out.

A test that asks for hosts which this machine cannot have is skipped with a reason that begins with "left
out"; the terminal summary lists those. With CI=true leaving out is a failure.
"""

from __future__ import annotations

import fcntl
import gc
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest

from stella_ops.errors import LabError
from stella_ops.lab.model import Lab

LEFT_OUT = "left out: "

# How long an example takes is the machine's affair.
hypothesis.settings.register_profile("no clock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("no clock")

# A runner in the background (nohup, a shell's &) hands "ignore" down to all that it starts, and what is tested
# here is how programs end when they are interrupted or hung up.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def leave_out(reason: str) -> Any:
    """Skip for want of something on this machine; in CI, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{LEFT_OUT}{reason} (with CI=true nothing may be left out)", pytrace=False)
    pytest.skip(LEFT_OUT + reason)


@pytest.fixture(scope="session")
def embedded_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three embedded hosts, this worker's own."""
    from stella_ops.lab import embedded

    folder = tmp_path_factory.mktemp("embedded")
    try:
        yield embedded.up(folder / "lab")
    finally:
        embedded.down(folder / "lab", purge=True)


@pytest.fixture(scope="session")
def openssh_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three hosts served by OpenSSH's sshd, this worker's own."""
    from stella_ops.lab import openssh

    if openssh.find_sshd() is None:
        leave_out("there is no sshd on this machine (package openssh-server)")
    folder = tmp_path_factory.mktemp("openssh")
    try:
        yield openssh.up(folder / "lab")
    finally:
        openssh.down(folder / "lab", purge=True)


@pytest.fixture(scope="session")
def own_openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One host served by sshd that logs in whoever runs the tests, this worker's own: tasks may do what they may do
    with the connection ``local``."""
    from stella_ops.lab import openssh
    from stella_ops.lab.openssh_account import own_account

    if openssh.find_sshd() is None:
        leave_out("there is no sshd on this machine (package openssh-server)")
    folder = tmp_path_factory.mktemp("own-openssh")
    try:
        yield openssh.up(folder / "lab", 1, account=own_account())
    finally:
        openssh.down(folder / "lab", purge=True)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[Any]:
    """A Docker engine: the one that answers, or one started here and stopped by the last worker."""
    from stella_ops.lab import docker_engine

    folder = docker_engine.default_folder()
    if docker_engine.answering_engine() is None and os.geteuid() != 0:
        leave_out("no Docker engine answers, and this is not root to start one")
    try:
        context = docker_engine.engine_in_use(folder)
        engine = context.__enter__()
    except LabError as problem:
        leave_out(f"no Docker engine: {problem}")
    try:
        yield engine
    finally:
        context.__exit__(None, None, None)


@dataclass
class AgentImages:
    """Files with images of the agent, and the engine that made them and has forgotten them since."""

    engine: Any
    base: str
    good: Path
    newer: Path
    broken: Path

    def docker(self, *args: str, check: bool = True) -> str:
        """What a docker command prints."""
        return str(self.engine.docker(*args, check=check).stdout).strip()

    def of_agents(self) -> set[str]:
        """The tags of the agent images that the engine has."""
        shown = self.docker("images", "--format", "{{.Repository}}:{{.Tag}}", "stella/agent")
        return set(shown.splitlines())

    def forget(self) -> None:
        """Remove all agent images from the engine, derived ones first, and what a killed test left of them."""
        mark = "label=org.opencontainers.image.title=stella-agent"
        for one in self.docker("ps", "-a", "-q", "--filter", mark).split():
            self.docker("rm", "-f", "-v", one)
        for tag in self.of_agents():
            self.docker("rmi", tag)
        while found := self.docker("images", "-a", "-q", "--filter", mark).split():
            for one in found:
                self.docker("rmi", one, check=False)

    def remove(self, prefix: str) -> None:
        """Remove containers and volumes whose names begin so."""
        for name in self.docker("ps", "-a", "--format", "{{.Names}}", "--filter", f"name={prefix}").split():
            self.docker("rm", "-f", "-v", name)
        for name in self.docker("volume", "ls", "-q", "--filter", f"name={prefix}").split():
            self.docker("volume", "rm", "-f", name)


@contextmanager
def _alone_with_agent_images() -> Iterator[None]:
    """The engine's agent images have the same names for all workers."""
    with (Path(tempfile.gettempdir()) / f"stella-agent-images-{os.getuid()}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def agent_image_files(docker_engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentImages]:
    """The files of ``agent_images``, made once a worker."""
    from stella_ops.lab import systemd_image
    from stella_ops.releases import images
    from stella_ops.releases.build import build_agent

    folder = tmp_path_factory.mktemp("images")
    with _alone_with_agent_images():
        try:
            base = systemd_image.ensure_image(docker_engine)
        except LabError as problem:
            leave_out(f"no base for an image: {problem}")
        made = AgentImages(docker_engine, base, *(folder / f"{name}.tar" for name in ("good", "newer", "broken")))
        host = docker_engine.host or None
        try:
            for version, path in (("0.9.1", made.good), ("0.9.2", made.newer)):
                package = build_agent(folder / version / "stella-agent.pyz", version)
                images.save_image(images.build_image(package, base=base, engine=host), path, engine=host)
            recipe = "FROM stella/agent:0.9.2\nLABEL org.opencontainers.image.version=0.9.3\n"
            recipe += 'ENTRYPOINT ["/bin/sh", "-c", "echo out of order; exit 3"]\n'
            docker_engine.docker("build", "-t", "stella/agent:0.9.3", "-", stdin=recipe)
            docker_engine.docker("save", "-o", str(made.broken), "stella/agent:0.9.3")
        finally:
            made.forget()
    yield made
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def agent_images(agent_image_files: AgentImages) -> Iterator[AgentImages]:
    """Images of versions 0.9.1, 0.9.2 and 0.9.3 (whose agent ends at once); one module at a time has them."""
    with _alone_with_agent_images():
        try:
            yield agent_image_files
        finally:
            agent_image_files.forget()


@pytest.fixture(scope="session")
def systemd_hosts(docker_engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three booted Debian hosts in containers, this worker's own; the last has no openssl.

    Logins: ``ops`` (sudo without password), and ``lab.settings["password_sudo_user"]`` whose sudo asks for
    ``lab.settings["sudo_password"]``.
    """
    from stella_ops.lab import systemd_hosts

    folder = tmp_path_factory.mktemp("systemd")
    try:
        try:
            lab = systemd_hosts.up(folder / "lab", without_openssl=True, engine_folder=docker_engine.folder)
        except LabError as problem:
            leave_out(f"no systemd hosts: {problem}")
        yield lab
    finally:
        systemd_hosts.down(folder / "lab", purge=True)


@pytest.fixture(scope="module")
def generations(docker_engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A host of each Debian release that the lab knows, named for it, one file's own: Python 3.9, 3.11 and 3.13."""
    from stella_ops.lab import systemd_hosts
    from stella_ops.lab.systemd_image import RELEASES

    folder = tmp_path_factory.mktemp("generations")
    try:
        try:
            lab = systemd_hosts.up(
                folder / "lab", names=RELEASES, releases=RELEASES, engine_folder=docker_engine.folder
            )
        except LabError as problem:
            leave_out(f"no hosts of several Debian releases: {problem}")
        yield lab
    finally:
        systemd_hosts.down(folder / "lab", purge=True)


_NO_AGENT = """
systemctl disable --now stella-agent; pkill -KILL -u stella-agent
rm -rf /opt/stella-agent /etc/stella-agent /var/lib/stella-agent /run/stella-agent /var/log/stella-agent \\
    /etc/systemd/system/stella-agent.service /etc/systemd/system/stella-agent.service.d /home/*/.stella-agent
userdel stella-agent; groupdel stella-agent; systemctl daemon-reload; systemctl reset-failed; true
"""


@pytest.fixture(scope="module")
def systemd_lab(systemd_hosts: Lab) -> Lab:
    """The hosts of ``systemd_hosts`` without the agents that the tests of another file have left there."""
    from stella_ops.lab import systemd_hosts as lab

    for host in systemd_hosts.hosts:
        lab.docker(systemd_hosts, "exec", host.name, "sh", "-c", _NO_AGENT)
    return systemd_hosts


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    """A PostgreSQL server, this worker's own; ``postgresql.database()`` makes a database and gives its URL."""
    from stella_ops.lab import postgresql as lab

    pytest.importorskip("psycopg", reason="the extra 'postgres' is not installed")
    if lab.find_programs() is None:
        leave_out("there is no PostgreSQL server on this machine (package postgresql)")
    with lab.running() as server:
        yield server


@pytest.fixture(scope="session")
def peer_bin() -> Path:
    """The folder of ansible-core's programs: ``$STELLA_PEER_BIN``, or what ``scripts/peer`` has made."""
    found = Path(os.environ.get("STELLA_PEER_BIN") or Path(__file__).parents[1] / ".venv-peer" / "bin")
    if not (found / "ansible-playbook").exists():
        leave_out(f"there is no ansible-core in {found} (scripts/peer installs it)")
    return found


def _find_interpreters() -> list[Path]:
    """Pythons from 3.6 on: those of pyenv, oldest first, and the one that runs the tests."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found: dict[tuple[int, ...], Path] = {}
    for folder in root.glob("versions/3.*"):
        version = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", folder.name)
        python = folder / "bin" / "python3"
        if version and python.exists() and int(version[2]) >= 6:
            found[tuple(int(part) for part in version.groups())] = python
    found.setdefault(tuple(sys.version_info[:3]), Path(sys.executable))
    return [found[version] for version in sorted(found)]


@pytest.fixture(scope="session")
def interpreters() -> list[Path]:
    """All real interpreters of Python 3.6 and newer on this machine, oldest first."""
    return _find_interpreters()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument ``interpreter`` runs for each of ``interpreters``, or for the oldest and the newest."""
    if "interpreter" in metafunc.fixturenames:
        found = _find_interpreters()
        if metafunc.definition.get_closest_marker("oldest_and_newest"):
            found = list(dict.fromkeys((found[0], found[-1])))
        metafunc.parametrize("interpreter", found, ids=[_interpreter_id(path) for path in found])


def _interpreter_id(path: Path) -> str:
    return f"py{path.parent.parent.name}" if ".pyenv" in path.parts else "py-own"


order = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("order.py"))))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Who runs which tests, and in which order; see ``order.py``."""
    return order.make_scheduler(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by the hosts they use; whoever needs the first systemd host may have to build its image."""
    if hasattr(config, "workerinput"):
        order.longest_first(items)
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if "docker_engine" in names:
            item.add_marker(pytest.mark.systemd)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(600))
        if names & {"openssh_lab", "own_openssh"}:
            item.add_marker(pytest.mark.openssh)


def pytest_collection_finish() -> None:
    """Thousands of tests that nobody forgets before the end need not be looked through for garbage again and again."""
    gc.freeze()


@dataclass
class Project:
    """A user's project folder, and ``stella-ops`` run in it as a process of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The state folder, STELLA_HOME."""
        return Path(self.environment["STELLA_HOME"])

    def command(self, *args: object) -> list[str]:
        """The words of a ``stella-ops`` command."""
        return [str(Path(sys.executable).with_name("stella-ops")), *map(str, args)]

    def run(
        self,
        *args: object,
        expect: int | None = None,
        timeout: float = 100,
        stdin: str = "",
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``stella-ops ARGS`` to its end. ``expect`` is the exit status it must have, if any."""
        done = subprocess.run(
            self.command(*args),
            cwd=self.folder,
            env={**self.environment, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if expect is not None and done.returncode != expect:
            pytest.fail(
                f"stella-ops {' '.join(map(str, args))}: exit status {done.returncode}, not {expect}\n"
                f"--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
            )
        return done

    def start(self, *args: object, env: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        """Start ``stella-ops ARGS`` in a process group of its own, its output captured through pipes."""
        return subprocess.Popen(
            self.command(*args),
            cwd=self.folder,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Makes empty projects, each with its own state and its own, empty home folder."""

    def make() -> Project:
        root = tmp_path_factory.mktemp("project")
        (root / "home").mkdir()
        (root / "work").mkdir()
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "TMPDIR", "DOCKER_HOST")}
        return Project(
            folder=root / "work",
            environment={
                **kept,
                "HOME": str(root / "home"),
                "STELLA_HOME": str(root / "work" / ".stella"),
                "COLUMNS": "200",
                "NO_COLOR": "1",
                "LC_ALL": "C.UTF-8",
                "PYTHONUNBUFFERED": "1",
            },
        )

    return make


@pytest.fixture
def project(make_project: Callable[[], Project]) -> Project:
    """One empty project."""
    return make_project()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name what was left out, and which interpreters took part."""
    terminalreporter.section("what this machine allowed")
    names = ", ".join(_interpreter_id(path) for path in _find_interpreters())
    terminalreporter.write_line(f"Python interpreters for what travels to hosts: {names}")
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", ()):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        if reason.startswith(LEFT_OUT):
            reasons[reason] = reasons.get(reason, 0) + 1
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{reason}: {count} tests")
    if not reasons:
        terminalreporter.write_line("no journey was left out")
