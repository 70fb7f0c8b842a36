"""The image that systemd hosts boot: a minimal Debian with sshd, Python, sudo, cron, and little else.

It is made from Debian's packages by mmdebstrap, since no registry of images is needed that way (debootstrap makes the
same and takes more than twice the time). The root file system is kept as a tar file in the user's cache; tar file and
image carry a digest of the recipe in their names, so that a changed recipe makes a new one.
"""

# Starting programs is what this file is for.
# ruff: noqa: S603

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import platformdirs

from stella_ops.errors import LabError
from stella_ops.file_locks import locked
from stella_ops.lab.docker_engine import Engine, ensure_packages, find_program

# ops may do anything by sudo; ops2 too, but is asked for this password. Both, and root, log in by key alone.
SUDO_USER = "ops"
PASSWORD_SUDO_USER = "ops2"  # noqa: S105
SUDO_PASSWORD = "correct horse 'battery' $taple"  # noqa: S105

# Debian releases that hosts are made of, oldest first: Python 3.9, 3.11 and 3.13.
RELEASES = ("bullseye", "bookworm", "trixie")

_MIRROR = "http://deb.debian.org/debian"

_PACKAGES = (
    *("openssh-server", "python3", "iproute2", "systemd", "systemd-sysv", "dbus", "sudo"),
    *("openssl", "ca-certificates", "procps", "curl", "cron"),
)

# What no program reads costs time; and nothing is lost that waits for a disk, since a build that is cut is begun anew.
_DPKG_OPTIONS = (
    *("force-unsafe-io", "path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*"),
    *("path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright"),
)

_PREPARE = r"""
rm /etc/dpkg/dpkg.cfg.d/99mmdebstrap
for user in ops ops2; do
    useradd --create-home --shell /bin/bash --password '*' "$user"
done
printf '%s' "$OPS2_PASSWORD" | { read -r password || :; printf 'ops2:%s\n' "$password"; } | chpasswd
printf 'ops ALL=(ALL:ALL) NOPASSWD: ALL\nops2 ALL=(ALL:ALL) ALL\n' >/etc/sudoers.d/lab
chmod 0440 /etc/sudoers.d/lab
printf 'PasswordAuthentication no\nKbdInteractiveAuthentication no\n' >/etc/ssh/sshd_config.d/lab.conf
rm -f /etc/ssh/ssh_host_*
systemctl mask console-getty.service getty.target
: >/etc/machine-id
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
"""

# The first program of a container. Docker shows the control groups read-only and from the outside; systemd
# mounts them itself where nothing is mounted, and then sees, in its own namespace, its own part alone.
_LAB_INIT = r"""#!/bin/sh
umount -R /sys/fs/cgroup
# systemd would take the identity of the machine below, which all its containers have in common.
[ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
key=/etc/ssh/ssh_host_ed25519_key
[ -e "$key" ] || ssh-keygen -q -t ed25519 -N '' -C "$(hostname)" -f "$key"
for user in ops ops2 root; do
    home=$(getent passwd "$user" | cut -d: -f6)
    install -d -m 0700 -o "$user" -g "$user" "$home/.ssh"
    printf '%s\n' "$STELLA_LAB_KEY" >"$home/.ssh/authorized_keys"
    chown "$user:$user" "$home/.ssh/authorized_keys"
done
[ -z "$STELLA_LAB_NO_OPENSSL" ] || rm -f /usr/bin/openssl
exec env -i container=docker PATH="$PATH" /sbin/init
"""


def ensure_image(engine: Engine, release: str = "bookworm") -> str:
    """The name of the image of a Debian release, made if the engine lacks it.

    Raises:
        LabError: it is not there, and cannot be made: that needs root, mmdebstrap and Debian's packages.
    """
    tag = f"stella-lab:{release}-{_digest(release)}"
    if engine.docker("image", "inspect", "--format", "{{.Id}}", tag, check=False).returncode == 0:
        return tag
    cache = platformdirs.user_cache_path("stella-ops") / "lab"
    cache.mkdir(parents=True, exist_ok=True)
    tar = cache / f"{release}-{_digest(release)}.tar"
    with locked(cache / f"{release}.lock"):
        if not tar.exists():
            _build(release, tar)
        # Another process may have imported it while this one waited.
        if engine.docker("image", "inspect", tag, check=False).returncode != 0:
            engine.docker("import", str(tar), tag, timeout=300)
    return tag


def ensure_images(engine: Engine, releases: Iterable[str]) -> dict[str, str]:
    """The images of several releases by their names; those that are missing are made side by side.

    Raises:
        LabError: as ``ensure_image``.
    """
    wanted = list(dict.fromkeys(releases))
    with ThreadPoolExecutor(max_workers=min(len(wanted), os.cpu_count() or 1)) as pool:
        return dict(zip(wanted, pool.map(lambda release: ensure_image(engine, release), wanted), strict=True))


def _digest(release: str) -> str:
    recipe = "\0".join((release, *_PACKAGES, *_DPKG_OPTIONS, _PREPARE, _LAB_INIT, SUDO_PASSWORD))
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def _build(release: str, tar: Path) -> None:
    ensure_packages({"mmdebstrap": "mmdebstrap"})
    if os.geteuid() != 0:
        raise LabError("a Debian image can only be built by root", hint="build it once as root")
    mmdebstrap = find_program("mmdebstrap")
    assert mmdebstrap is not None
    mirror = os.environ.get("STELLA_LAB_DEBIAN_MIRROR") or _MIRROR
    with tempfile.TemporaryDirectory(prefix="build-", dir=tar.parent) as work:
        root = Path(work) / "root"
        log = tar.parent / f"{release}.log"
        # All installed systems have one tree of programs, /usr; bullseye's packages alone do not make it so.
        merged = (
            "--setup-hook=/usr/share/mmdebstrap/hooks/merged-usr/setup00.sh"
            if release == "bullseye"
            else "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr"
        )
        options = ["--mode=root", "--variant=minbase", merged, f"--include={','.join(_PACKAGES)}"]
        options += [f"--dpkgopt={option}" for option in _DPKG_OPTIONS]
        _run([mmdebstrap, *options, release, str(root), mirror], log)
        init = root / "usr/local/sbin/lab-init"
        init.write_text(_LAB_INIT)
        init.chmod(0o755)
        _run(["chroot", str(root), "/bin/sh", "-euxc", _PREPARE], log, {"OPS2_PASSWORD": SUDO_PASSWORD})
        part = Path(work) / "root.tar"
        left_out = [f"--exclude=./{name}/*" for name in ("dev", "proc", "sys", "run", "tmp")]
        _run(["tar", "--numeric-owner", *left_out, "-C", str(root), "-cf", str(part), "."], log)
        part.replace(tar)
    # Recipes of the past are rarely wanted again, and large.
    older = sorted(tar.parent.glob(f"{release}-*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in older[2:]:
        path.unlink()


def _run(command: Sequence[str], log: Path, environment: dict[str, str] | None = None) -> None:
    with log.open("ab") as out:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **(environment or {})},
            check=False,
        )
    if done.returncode != 0:
        tail = log.read_text(errors="replace").strip().splitlines()[-1:]
        raise LabError(f"{Path(command[0]).name} failed: {''.join(tail)}", where=log)
