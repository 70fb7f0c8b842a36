"""A Docker engine for lab hosts: the one that answers, or one of the lab's own.

A lab's own engine keeps its data in a given folder, its sockets below /run/stella-lab (their paths must be
short), and touches nothing of an engine that may be installed as a service.
"""

# Starting programs is what this file is for.
# ruff: noqa: S603, S607

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from stella_ops.errors import LabError
from stella_ops.lab import processes
from stella_ops.lab.docker_bridge import ensure_bridge, remove_bridge
from stella_ops.lab.model import locked

_START_TIMEOUT = 60.0

# What dockerd is asked to do without, one after the other, where a sandbox lacks the means: firewall rules
# (published ports then go through Docker's own proxy process), then layered file systems.
_FALLBACKS: tuple[tuple[str, ...], ...] = (
    (),
    ("--iptables=false", "--ip6tables=false"),
    ("--storage-driver=vfs",),
    ("--iptables=false", "--ip6tables=false", "--storage-driver=vfs"),
)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers. ``host`` is a value for DOCKER_HOST, empty for the client's own default."""

    host: str
    folder: Path | None = None

    @property
    def owned(self) -> bool:
        """Whether it was started for the lab, and is the lab's to stop."""
        return self.folder is not None

    def docker(
        self, *args: str, timeout: float = 120, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the docker client; a failure is a ``LabError`` with what it said, unless ``check`` is False."""
        return _docker(self.host, *args, timeout=timeout, check=check, stdin=stdin)


def answering_engine() -> Engine | None:
    """The engine that the docker client reaches by itself: DOCKER_HOST, its context, or the usual socket."""
    host = os.environ.get("DOCKER_HOST", "")
    if shutil.which("docker") is None or (host and not host.startswith("unix://")):
        return None  # ports published by a remote engine are on that machine
    return Engine(host) if _answers(host) else None


def default_folder() -> Path:
    """Where a lab's own engine keeps its data unless told otherwise: the user's cache, so images last."""
    return platformdirs.user_cache_path("stella-ops") / "lab" / "docker"


def ensure_engine(folder: Path) -> Engine:
    """An engine that answers; as root on Debian one is installed and started in ``folder`` if there is none.

    Raises:
        LabError: none answers and none can be started; the hint says why.
    """
    found = answering_engine()
    if found is not None:
        return found
    if os.geteuid() != 0:
        raise LabError("no Docker engine answers", hint="start Docker, or run as root on Debian to have one started")
    with locked(folder) as folder:
        ensure_packages({"dockerd": "docker.io", "docker": "docker.io"})
        engine = Engine(f"unix://{_run_folder(folder) / 'docker.sock'}", folder)
        pid = processes.read_pid(_pid_file(folder))
        if pid and processes.is_alive(pid) and "dockerd" in processes.command_line(pid):
            if _answers(engine.host):
                return engine
            processes.stop(pid)
        _start(folder, engine)
        return engine


def stop_engine(folder: Path) -> bool:
    """Stop the lab's own engine, and with it all its containers; False if none runs. Its images are kept."""
    if not folder.is_dir():
        return False
    with locked(folder) as folder:
        pid = processes.read_pid(_pid_file(folder))
        if pid is None or "dockerd" not in processes.command_line(pid):
            return False
        processes.stop(pid, grace=30)
        shutil.rmtree(_run_folder(folder), ignore_errors=True)
        remove_bridge(folder)
        return True


@contextmanager
def engine_in_use(folder: Path) -> Iterator[Engine]:
    """An engine for the time of a block; one of the lab's own is stopped by the last user who leaves.

    Users are counted by shared locks on a file, so that one that is killed counts no more.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "engine.users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        engine = ensure_engine(folder)
        try:
            yield engine
        finally:
            if engine.owned:
                with suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    stop_engine(folder)


def ensure_packages(programs: dict[str, str]) -> None:
    """Install the Debian packages of programs that are missing: ``{program: package}``.

    Raises:
        LabError: this is not root on Debian, or apt-get fails.
    """
    missing = sorted({package for program, package in programs.items() if find_program(program) is None})
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise LabError(f"missing on this machine: {', '.join(missing)}", hint="install these packages")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(
            ["apt-get", "-q", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 and command[0] == "install":
            raise LabError(f"apt-get cannot install {', '.join(missing)}: {_last_line(done.stderr)}")


def find_program(name: str) -> str | None:
    """The path of a program, also where only root's search path leads."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")


def _start(folder: Path, engine: Engine) -> None:
    dockerd = find_program("dockerd")
    assert dockerd is not None
    run = _run_folder(folder)
    run.mkdir(mode=0o711, parents=True, exist_ok=True)
    log = folder / "dockerd.log"
    bridge = ensure_bridge(folder)
    said = ""
    for fallback in _FALLBACKS:
        command = [dockerd, "--data-root", str(folder / "data"), "--exec-root", str(run / "exec")]
        command += ["--host", engine.host, "--pidfile", str(_pid_file(folder)), *fallback]
        command += ["--bridge", bridge] if bridge else []
        _pid_file(folder).unlink(missing_ok=True)
        if _run_until_ready(command, log) and _answers(engine.host):
            return
        said = _last_line(log.read_text(errors="replace"))
    raise LabError(f"dockerd does not start: {said}", where=log)


def _run_until_ready(command: Sequence[str], log: Path) -> bool:
    """Start a daemon that tells by systemd's protocol that it is ready, and wait for its word or its end."""
    with (
        tempfile.TemporaryDirectory(prefix="stella-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told,
        log.open("wb") as out,
    ):
        told.bind(f"{folder}/notify")
        told.settimeout(0.2)
        daemon = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd="/",
            env={**os.environ, "NOTIFY_SOCKET": f"{folder}/notify"},
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            ended = daemon.poll() is not None  # asked first: what it said before its end is still read
            try:
                if b"READY=1" in told.recv(4096):
                    return True
            except TimeoutError:
                if ended:
                    break
        processes.stop(daemon.pid)
        daemon.wait()
        return False


def _answers(host: str) -> bool:
    return _docker(host, "version", "--format", "{{.Server.Version}}", timeout=15, check=False).returncode == 0


def _docker(
    host: str, *args: str, timeout: float, check: bool, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    docker = shutil.which("docker")
    if docker is None:
        raise LabError("there is no docker client on this machine", hint="install the package docker.io")
    command = [docker, *(["--host", host] if host else []), *args]
    try:
        done = subprocess.run(
            command,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        if not check:
            return subprocess.CompletedProcess(command, 124, "", f"no answer within {timeout:g} s")
        raise LabError(f"docker {args[0]}: no answer within {timeout:g} s") from None
    if check and done.returncode != 0:
        raise LabError(f"docker {args[0]} failed: {_last_line(done.stderr)}")
    return done


def _run_folder(folder: Path) -> Path:
    return Path("/run/stella-lab") / hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]


def _pid_file(folder: Path) -> Path:
    return folder / "dockerd.pid"


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return re.sub(r'^time="[^"]*" ', "", lines[-1]) if lines else "it said nothing"
