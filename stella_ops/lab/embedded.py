"""Embedded hosts: SSH servers in one background process, for trying things without root, Docker or sshd.

Each host has a port of its own on 127.0.0.1, a host key of its own, and a folder of its own, which is its
user's home. Its commands run on this machine as the user who started the lab: hosts are apart in name, not in
protection. One client key, made with the lab, opens them all.
"""

# Starting programs is what this file is for.
# ruff: noqa: S603

from __future__ import annotations

import fcntl
import getpass
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import stella_ops
from stella_ops.errors import LabError
from stella_ops.lab import leftovers, processes
from stella_ops.lab.keys import ensure_key
from stella_ops.lab.model import Lab, LabHost, host_names, load_as, locked, write_whole

KIND = "embedded"
_START_TIMEOUT = 30.0
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def up(folder: Path, count: int = 3, names: Sequence[str] | None = None) -> Lab:
    """Make sure that a lab of embedded hosts runs, and return it.

    A running lab that has the hosts already is left as it is. Hosts that a lab had before come back with
    their folders, keys and, where still free, ports.

    Args:
        folder: the lab's folder, made if missing.
        count: how many hosts, named lab1, lab2, …; not counted down when the lab has more.
        names: the hosts' names instead.

    Raises:
        LabError: the server did not start; the message ends with what it said.
    """
    with locked(folder) as folder:
        known = load_as(KIND, folder)
        wanted = host_names(count, names, [host.name for host in known.hosts] if known else [])
        running = _server_pid(folder)
        if known and running and len(wanted) == len(known.hosts):
            return known
        if running:
            _stop_server(folder)
        remembered = {host.name: host.port for host in known.hosts} if known else {}
        lab = _start(folder, wanted, remembered)
        lab.save()
        return lab


def down(folder: Path, *, purge: bool = False) -> list[str]:
    """Stop the hosts, and agents in their folders that still run; what was done, one line each.

    Args:
        folder: the lab's folder; one without a lab is nothing to do.
        purge: remove the hosts' folders, the keys and all else of the lab as well.
    """
    if not folder.is_dir():
        return []
    said: list[str] = []
    with locked(folder) as folder:
        lab = load_as(KIND, folder)
        if _stop_server(folder):
            said.append("stopped the SSH servers")
        for host in lab.hosts if lab else ():
            if host.folder is not None:
                said.extend(f"{host.name}: {line}" for line in leftovers.stop_below(host.folder))
    if purge:
        shutil.rmtree(folder)
        said.append(f"removed {folder}")
    return said


def status(folder: Path) -> dict[str, bool]:
    """The lab's hosts and whether each is served. Empty where there is no lab."""
    lab = load_as(KIND, folder)
    if lab is None:
        return {}
    running = _server_pid(folder) is not None
    return {host.name: running for host in lab.hosts}


def _start(folder: Path, names: Sequence[str], ports: dict[str, int]) -> Lab:
    client_line = ensure_key(folder / "keys" / "client")
    write_whole(folder / "keys" / "authorized_keys", client_line + "\n", 0o600)
    user = _login_name()
    hosts: dict[str, dict[str, Any]] = {}
    lines: dict[str, str] = {}
    for name in names:
        home = folder / "hosts" / name
        home.mkdir(mode=0o755, parents=True, exist_ok=True)
        key = folder / "keys" / f"host_{name}"
        lines[name] = ensure_key(key)
        hosts[name] = {"name": name, "port": ports.get(name, 0), "key": str(key), "folder": str(home)}
    config = folder / "server.json"
    data = {
        "user": user,
        "pid_file": str(folder / "server.pid"),
        "authorized_keys": str(folder / "keys" / "authorized_keys"),
        "hosts": list(hosts.values()),
    }
    write_whole(config, json.dumps(data, indent=2) + "\n", 0o600)
    bound = _launch(config, folder / "server.log")
    # The hosts' login shells have the system's PATH; without a python3 there, name the one that runs this.
    variables = {} if shutil.which("python3", path=_SEARCH_PATH) else {"ansible_python_interpreter": sys.executable}
    made = tuple(
        LabHost(
            name=name,
            address="127.0.0.1",
            port=bound[name],
            user=user,
            key_file=folder / "keys" / "client",
            known_hosts=folder / "known_hosts",
            public_key=lines[name],
            folder=Path(hosts[name]["folder"]),
            agent_prefix=str(Path(hosts[name]["folder"]) / "stella-agent"),
            variables=dict(variables),
        )
        for name in names
    )
    return Lab(kind=KIND, folder=folder, hosts=made)


def _launch(config: Path, log: Path) -> dict[str, int]:
    """Start the server's process and wait for its word: the ports by host name."""
    search = [str(Path(stella_ops.__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    reading, writing = os.pipe()
    try:
        with log.open("ab") as out:
            first = subprocess.Popen(
                [sys.executable, "-m", "stella_ops.lab.embedded_server", str(config), str(writing)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=[writing],
                cwd="/",
                # The package itself must be found from there too when it is run from a checkout.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(search)},
            )
        os.close(writing)
        writing = -1
        answer = _read_line(reading, _START_TIMEOUT)
        first.wait()
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    if not answer:
        tail = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise LabError(f"the SSH server did not start: {' / '.join(tail) or 'it said nothing'}", where=log)
    data = json.loads(answer)
    if "error" in data:
        raise LabError(f"the SSH server did not start: {data['error']}", where=log)
    ports: dict[str, int] = data["ports"]
    return ports


def _read_line(descriptor: int, timeout: float) -> bytes:
    """What comes until a line's end, the end of the pipe, or the timeout; without a whole line: nothing."""
    deadline = time.monotonic() + timeout
    read = b""
    while not read.endswith(b"\n"):
        if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return b""
        data = os.read(descriptor, 65536)
        if not data:
            return b""
        read += data
    return read


def _server_pid(folder: Path) -> int | None:
    """The server's process id while it lives; it holds a lock on its pid file for as long."""
    try:
        with (folder / "server.pid").open("r") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return processes.read_pid(folder / "server.pid")
    except FileNotFoundError:
        pass
    return None


def _stop_server(folder: Path) -> bool:
    pid = _server_pid(folder)
    if pid is None:
        return False
    processes.stop(pid)
    (folder / "server.pid").unlink(missing_ok=True)
    return True


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without an account, as containers have
        return "stella"
