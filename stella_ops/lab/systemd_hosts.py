"""systemd hosts: minimal Debian systems booted in Docker containers, with sshd and sudo.

Each is reached through a port on 127.0.0.1. Log in as ``ops`` (sudo without a password) or ``ops2`` (sudo
asks for ``systemd_image.SUDO_PASSWORD``) or ``root``. The faults of real hosts are Docker's: ``pause``, ``kill``,
``network disconnect``; see ``docker``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from stella_ops.errors import LabError
from stella_ops.lab.docker_engine import Engine, default_folder, ensure_engine
from stella_ops.lab.keys import ensure_key
from stella_ops.lab.model import Lab, LabHost, host_names, load_as, locked
from stella_ops.lab.systemd_image import PASSWORD_SUDO_USER, SUDO_PASSWORD, SUDO_USER, ensure_images

KIND = "systemd"
_BOOT_TIMEOUT = 90

_RUN = (
    *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cgroupns=private"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec,mode=1777"),  # noqa: S108
    *("--stop-signal", "SIGRTMIN+3"),
)

# Until systemd listens it has no answer; from then on --wait returns when the boot is over.
_WAIT = r"""
until state=$(systemctl is-system-running --wait 2>/dev/null); [ -n "${state#offline}" ]; do sleep 0.1; done
echo "$state"
"""


def up(
    folder: Path,
    count: int = 3,
    names: Sequence[str] | None = None,
    *,
    releases: Sequence[str] = ("bookworm",),
    without_openssl: bool = False,
    engine_folder: Path | None = None,
) -> Lab:
    """Make sure that a lab of booted Debian systems runs, and return it.

    Args:
        folder: the lab's folder, made if missing.
        count: how many hosts, named lab1, lab2, …
        names: the hosts' names instead.
        releases: Debian releases, given to the hosts in turn.
        without_openssl: the last host has no ``openssl`` program, as a minimal Debian has none.
        engine_folder: where a Docker engine of the lab's own keeps its data, if one has to be started;
            default ``docker_engine.default_folder()``.

    Raises:
        LabError: no engine, no image, or a host that does not boot.
    """
    with locked(folder) as folder:
        known = load_as(KIND, folder)
        wanted = host_names(count, names, [host.name for host in known.hosts] if known else [])
        engine = ensure_engine(engine_folder or default_folder())
        images = ensure_images(engine, releases)
        client = ensure_key(folder / "keys" / "client")
        ports: dict[str, int] = {host.name: host.port for host in known.hosts} if known else {}
        for number, name in enumerate(wanted):
            state = _state(engine, _container(folder, name))
            if state is None:
                image = images[releases[number % len(releases)]]
                bare = without_openssl and number == len(wanted) - 1
                ports[name] = _create(engine, folder, name, image, client, bare)
            elif state == "paused":
                engine.docker("unpause", _container(folder, name))
            elif state != "running":
                engine.docker("start", _container(folder, name))
        for name in wanted:
            _wait_booted(engine, _container(folder, name))
        hosts = tuple(
            LabHost(
                name=name,
                address="127.0.0.1",
                port=ports[name],
                user=SUDO_USER,
                key_file=folder / "keys" / "client",
                known_hosts=folder / "known_hosts",
                # Asked of the container itself, not of the network.
                public_key=_host_key(engine, _container(folder, name)),
            )
            for name in wanted
        )
        lab = Lab(
            kind=KIND,
            folder=folder,
            hosts=hosts,
            settings={
                "docker_host": engine.host,
                "engine_folder": None if engine.folder is None else str(engine.folder),
                "password_sudo_user": PASSWORD_SUDO_USER,
                "sudo_password": SUDO_PASSWORD,
            },
        )
        lab.save()
        return lab


def down(folder: Path, *, purge: bool = False) -> list[str]:
    """Remove the containers; what was done, one line each. ``purge`` removes the lab's folder too.

    An engine is not stopped here, since other labs may use it: ``docker_engine.stop_engine``.
    """
    if not folder.is_dir():
        return []
    said: list[str] = []
    with locked(folder) as folder:
        lab = load_as(KIND, folder)
        if lab:
            containers = [_container(folder, host.name) for host in lab.hosts]
            done = engine_of(lab).docker("rm", "--force", "--volumes", *containers, check=False)
            removed = done.stdout.split()
            if removed:
                said.append(f"removed {len(removed)} containers")
            (folder / "lab.json").unlink(missing_ok=True)  # host keys and all else went with them
    if purge:
        shutil.rmtree(folder, ignore_errors=True)
        said.append(f"removed {folder}")
    return said


def status(folder: Path) -> dict[str, bool]:
    """The lab's hosts and whether each runs. Empty where there is no lab."""
    lab = load_as(KIND, folder)
    if lab is None:
        return {}
    engine = engine_of(lab)
    return {host.name: _state(engine, _container(lab.folder, host.name)) == "running" for host in lab.hosts}


def engine_of(lab: Lab) -> Engine:
    """The engine that a lab's hosts run on."""
    owned = lab.settings["engine_folder"]
    return Engine(lab.settings["docker_host"], None if owned is None else Path(owned))


def docker(lab: Lab, verb: str, name: str, *args: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run ``docker VERB CONTAINER ARGS…`` for one host: pause, unpause, kill, start, exec."""
    return engine_of(lab).docker(verb, _container(lab.folder, lab.host(name).name), *args, timeout=timeout)


def wait_booted(lab: Lab, name: str) -> str:
    """Wait until a host that was started again has booted; ``running``, or ``degraded`` when units failed."""
    return _wait_booted(engine_of(lab), _container(lab.folder, lab.host(name).name))


def _create(engine: Engine, folder: Path, name: str, image: str, client: str, bare: bool) -> int:
    """Start a container and return its port. The port is chosen here, since one that Docker chooses changes
    when the host is started again; another process may take it in between, hence the attempts."""
    container = _container(folder, name)
    for attempt in range(5):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        started = engine.docker(
            *("run", "--detach", "--name", container, "--hostname", name, *_RUN),
            *("--publish", f"127.0.0.1:{port}:22", "--label", f"stella.lab={folder}"),
            *("--env", f"STELLA_LAB_KEY={client}", "--env", f"STELLA_LAB_NO_OPENSSL={'1' if bare else ''}"),
            *(image, "/usr/local/sbin/lab-init"),
            check=attempt == 4,
        )
        if started.returncode == 0:
            return port
        engine.docker("rm", "--force", container, check=False)
        if "port" not in started.stderr and "address" not in started.stderr:
            raise LabError(f"{name}: docker run failed: {started.stderr.strip()}")
    raise AssertionError("the last attempt raises")


def _wait_booted(engine: Engine, container: str) -> str:
    waited = engine.docker(
        "exec",
        container,
        "timeout",
        str(_BOOT_TIMEOUT),
        "sh",
        "-c",
        _WAIT,
        timeout=_BOOT_TIMEOUT + 10,
        check=False,
    )
    state = waited.stdout.strip()
    if state not in {"running", "degraded"}:
        log = engine.docker("logs", "--tail", "5", container, check=False)
        said = (log.stdout + log.stderr).strip() or waited.stderr.strip()
        raise LabError(f"{container} does not boot (state: {state or 'none'}): {said}")
    return state


def _host_key(engine: Engine, container: str) -> str:
    line = engine.docker("exec", container, "cat", "/etc/ssh/ssh_host_ed25519_key.pub").stdout
    return " ".join(line.split()[:2])


def _state(engine: Engine, container: str) -> str | None:
    shown = engine.docker("container", "inspect", "--format", "{{.State.Status}}", container, check=False)
    return shown.stdout.strip() if shown.returncode == 0 else None


def _container(folder: Path, name: str) -> str:
    return f"stella-lab-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]}-{name}"
