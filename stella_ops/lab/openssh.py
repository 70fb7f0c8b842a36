"""Plain OpenSSH hosts: one ``sshd`` process each, on 127.0.1.1, 127.0.1.2, … at one port.

After 127.0.1.254 comes 127.0.2.1. They are real servers with a real login, and start by the dozen in a second. All
run on this machine and log in to one account; each has a folder of its own, which its sessions have as HOME.
"""

# Starting programs is what this file is for.
# ruff: noqa: S603

from __future__ import annotations

import functools
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from stella_ops.errors import LabError
from stella_ops.lab import leftovers, processes
from stella_ops.lab.keys import ensure_key
from stella_ops.lab.model import Lab, LabHost, host_names, load_as, locked, write_whole
from stella_ops.lab.openssh_account import Account, ensure_account, shared_folder

KIND = "openssh"
_START_TIMEOUT = 15.0
_MOST_HOSTS = 254 * 200
# So many start at a time; each holds a pipe here until it is in the background.
_SIDE_BY_SIDE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How the hosts greet.

    ``banner`` is sent before login; ``noise`` is printed to standard output before every command, as a login
    shell's start-up file does that should not.
    """

    banner: str = ""
    noise: str = ""


def find_sshd() -> str | None:
    """The path of the sshd program, or None."""
    return shutil.which("sshd", path=f"/usr/sbin:/usr/local/sbin:/sbin:{os.environ.get('PATH', '')}")


def address_of(number: int) -> str:
    """The address of the host with that number, from 1."""
    block, place = divmod(number - 1, 254)
    return f"127.0.{block + 1}.{place + 1}"


def up(
    folder: Path,
    count: int = 3,
    names: Sequence[str] | None = None,
    *,
    banner: str = "",
    noise: str = "",
    account: Account | None = None,
) -> Lab:
    """Make sure that a lab of sshd processes runs, and return it; hosts that run already are left alone.

    Args:
        folder: the lab's folder, made if missing.
        count: how many hosts, named lab1, lab2, …; not counted down when the lab has more.
        names: the hosts' names instead.
        banner: text that is sent before login.
        noise: text on standard output before every command's own.
        account: whom to log in as; by default the one that ``ensure_account`` gives.

    Raises:
        LabError: no sshd here, no account to log in to, or a server that does not start.
    """
    sshd = find_sshd()
    if sshd is None:
        raise LabError("there is no sshd on this machine", hint="install the package openssh-server")
    with locked(folder) as folder:
        known = load_as(KIND, folder)
        wanted = host_names(count, names, [host.name for host in known.hosts] if known else [])
        account = account or ensure_account()
        shared = shared_folder(folder, known.settings["shared"] if known else None)
        port = known.hosts[0].port if known else _free_port(len(wanted))
        (folder / "sshd").mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's own, normally made by its service
        authorized = shared / "authorized_keys"
        write_whole(authorized, ensure_key(folder / "keys" / "client") + "\n")
        manners = Manners(banner=banner, noise=noise)
        hosts = tuple(
            _prepare(folder, shared, account, name, address_of(number), port, manners)
            for number, name in enumerate(wanted, start=1)
        )
        lab = Lab(kind=KIND, folder=folder, hosts=hosts, settings={"shared": str(shared), **asdict(manners)})
        lab.save()
        starting = [host for host in hosts if _running(folder, host.name) is None]
        _start(sshd, folder, starting)
        return lab


def down(folder: Path, *, purge: bool = False) -> list[str]:
    """Stop the servers, their sessions, and agents left in the hosts' folders; what was done, one line each.

    ``purge`` removes the lab's folder and the hosts' folders too. The login account stays.
    """
    if not folder.is_dir():
        return []
    said: list[str] = []
    with locked(folder) as folder:
        lab = load_as(KIND, folder)
        stopped = _stop(folder, *(host.name for host in lab.hosts)) if lab else 0
        if stopped:
            said.append(f"stopped {stopped} sshd")
        for host in lab.hosts if lab else ():
            if host.folder is not None:
                said.extend(f"{host.name}: {line}" for line in leftovers.stop_below(host.folder))
    if purge:
        if lab:
            shutil.rmtree(lab.settings["shared"], ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        said.append(f"removed {folder}")
    return said


def status(folder: Path) -> dict[str, bool]:
    """The lab's hosts and whether each one's sshd runs. Empty where there is no lab."""
    lab = load_as(KIND, folder)
    return {host.name: _running(lab.folder, host.name) is not None for host in lab.hosts} if lab else {}


def stop_host(lab: Lab, name: str) -> None:
    """Stop one host's sshd and its sessions, as if the machine had gone; ``up`` brings it back."""
    _stop(lab.folder, lab.host(name).name)


def _prepare(
    folder: Path, shared: Path, account: Account, name: str, address: str, port: int, manners: Manners
) -> LabHost:
    """Lay out one host's files. A host whose configuration has changed is stopped, to be started anew."""
    home = shared / "hosts" / name
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    account.own(home)
    key = folder / "keys" / f"host_{name}"
    public = ensure_key(key)
    settings = [
        f"ListenAddress {address}:{port}",
        f'HostKey "{key}"',
        f'PidFile "{_pid_file(folder, name)}"',
        f'AuthorizedKeysFile "{shared / "authorized_keys"}"',
        f"AllowUsers {account.name}",
        "AuthenticationMethods publickey",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        # The lab's folder may well be in /tmp, which everybody can write to.
        "StrictModes no",
        "UsePAM no",
        "UseDNS no",
        "PrintMotd no",
        "PrintLastLog no",
        "MaxStartups 1000",
        "MaxSessions 100",
        "AcceptEnv LANG LC_*",
        f'SetEnv STELLA_LAB_HOST={name} "HOME={home}"',
        "Subsystem sftp internal-sftp",
    ]
    if _version() >= (9, 8):
        # A test that tries wrong keys must not shut the door for the next one.
        settings.append("PerSourcePenalties no")
    if manners.banner:
        write_whole(shared / f"banner_{name}", manners.banner)
        settings.append(f'Banner "{shared / f"banner_{name}"}"')
    if manners.noise:
        write_whole(shared / f"noise_{name}", manners.noise)
        script = shared / f"login_{name}"
        write_whole(script, _noisy_login(shared / f"noise_{name}"))
        settings.append(f"ForceCommand exec /bin/sh '{script}'")
    text = "\n".join(settings) + "\n"
    config = folder / "sshd" / f"{name}.conf"
    if not config.exists() or config.read_text() != text:
        _stop(folder, name)
        write_whole(config, text, 0o600)
    return LabHost(
        name=name,
        address=address,
        port=port,
        user=account.name,
        key_file=folder / "keys" / "client",
        known_hosts=folder / "known_hosts",
        public_key=public,
        folder=home,
        agent_prefix=str(home / "stella-agent"),
    )


def _noisy_login(noise: Path) -> str:
    return (
        f"cat '{noise}'\n"
        'case "$SSH_ORIGINAL_COMMAND" in\n'
        '"") exec /bin/sh -l ;;\n'
        '*) exec /bin/sh -c "$SSH_ORIGINAL_COMMAND" ;;\n'
        "esac\n"
    )


def _start(sshd: str, folder: Path, hosts: Sequence[LabHost]) -> None:
    """Start servers side by side; each goes into the background by itself before it listens."""

    def start(host: LabHost) -> None:
        config, log = folder / "sshd" / f"{host.name}.conf", _log(folder, host.name)
        done = subprocess.run(
            [sshd, "-f", str(config), "-E", str(log)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_START_TIMEOUT,
            check=False,
        )
        if done.returncode != 0:
            complaint = done.stderr.decode(errors="replace").strip()
            raise LabError(f"{host.name}: sshd did not start: {complaint}", where=log)
        deadline = time.monotonic() + _START_TIMEOUT
        while not _answers(host):
            if time.monotonic() > deadline:
                tail = log.read_text(errors="replace").strip().splitlines()[-2:]
                raise LabError(f"{host.name}: sshd did not start: {' / '.join(tail) or 'it said nothing'}")
            time.sleep(0.01)

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        for _ in pool.map(start, hosts):
            pass


def _answers(host: LabHost) -> bool:
    try:
        with socket.create_connection((host.address, host.port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _running(folder: Path, name: str) -> int | None:
    pid = processes.read_pid(_pid_file(folder, name))
    # Its configuration in its arguments tells our sshd from a stranger who got its number since.
    if pid is None or str(folder / "sshd" / f"{name}.conf") not in processes.command_line(pid):
        return None
    return pid if processes.is_alive(pid) else None


def _stop(folder: Path, *names: str) -> int:
    """Stop hosts' servers, then their sessions; how many servers ran."""
    pids = [pid for name in names if (pid := _running(folder, name)) is not None]
    sessions = processes.children(*pids)
    processes.stop(*pids)
    processes.stop(*sessions)
    return len(pids)


def _free_port(count: int) -> int:
    """A port that is free on the addresses of ``count`` hosts."""
    if not 1 <= count <= _MOST_HOSTS:
        raise LabError(f"a lab of sshd processes has 1 to {_MOST_HOSTS} hosts, not {count}")
    for _ in range(50):
        try:
            with socket.socket() as first:
                first.bind((address_of(1), 0))
                port: int = first.getsockname()[1]
        except OSError as problem:
            raise LabError(
                f"this machine has no address {address_of(1)}: {problem.strerror}",
                hint="plain OpenSSH hosts need Linux's loopback; embedded hosts run anywhere",
            ) from None
        if all(_is_free(address_of(number), port) for number in range(2, count + 1)):
            return port
    raise LabError(f"no port is free on {address_of(1)} to {address_of(count)}")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind((address, port))
        except OSError:
            return False
    return True


@functools.cache
def _version() -> tuple[int, int]:
    ssh = shutil.which("ssh")
    said = subprocess.run([ssh, "-V"], capture_output=True, text=True, check=False).stderr if ssh else ""
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _pid_file(folder: Path, name: str) -> Path:
    return folder / "sshd" / f"{name}.pid"


def _log(folder: Path, name: str) -> Path:
    return folder / "sshd" / f"{name}.log"
