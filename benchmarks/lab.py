"""The hosts that are worked on: plain sshd processes of stella_ops.lab, emptied before every work."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stella_ops.lab import openssh, processes
from stella_ops.lab.model import Lab, LabHost

ROOT_NAME = "bench"
_QUIET_WAIT = 30.0


@contextmanager
def running(count: int) -> Iterator[Lab]:
    """A lab of ``count`` sshd hosts, removed with all its files at the end."""
    folder = Path(tempfile.mkdtemp(prefix="stella-bench-lab-"))
    try:
        yield openssh.up(folder, count)
    finally:
        openssh.down(folder, purge=True)


def root(host: LabHost) -> Path:
    """The folder of the host that works are done in: its ``bench_root``."""
    assert host.folder is not None
    return host.folder / ROOT_NAME


def reset(lab: Lab, hosts: Sequence[LabHost]) -> bool:
    """Empty the hosts' folders, caches of tools included, once no session of the tool before is left.

    False when sessions did not end; what is measured next shares the machine with them.
    """
    quiet = _wait_for_quiet(lab, hosts)
    for host in hosts:
        assert host.folder is not None
        owner = host.folder.stat()
        for entry in host.folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        made = root(host)
        made.mkdir(mode=0o755)
        if os.geteuid() == 0:
            os.chown(made, owner.st_uid, owner.st_gid)
    return quiet


def logins(lab: Lab, host: LabHost) -> int:
    """How many times somebody has logged in to the host, by its sshd's log."""
    log = lab.folder / "sshd" / f"{host.name}.log"
    return log.read_text(errors="replace").count("Accepted publickey") if log.exists() else 0


def _wait_for_quiet(lab: Lab, hosts: Sequence[LabHost]) -> bool:
    deadline = time.monotonic() + _QUIET_WAIT
    read = (processes.read_pid(lab.folder / "sshd" / f"{host.name}.pid") for host in hosts)
    servers = [pid for pid in read if pid is not None]
    while processes.children(*servers):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
