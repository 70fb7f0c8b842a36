"""The account that plain OpenSSH hosts are logged in to.

Root's sshd serves a login user of its own, ``stella-lab``; anybody else's sshd can only serve that person.
The lab user cannot look into the folder of the person who started the lab (nor can sshd, which reads the
authorized keys as the user who logs in), so what both need lies below /var/lib/stella-lab.
"""

# Starting programs is what this file is for.
# ruff: noqa: S603

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stella_ops.errors import LabError

LAB_USER = "stella-lab"
_HOME = Path("/var/lib/stella-lab")


@dataclass(frozen=True, slots=True)
class Account:
    """A login user: its name and ids."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Give a path to the user; nothing to do for one's own."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)


def ensure_account() -> Account:
    """The account to log in to; as root it is made if missing.

    Raises:
        LabError: there is none and it cannot be made.
    """
    if os.geteuid() != 0:
        return own_account()
    try:
        found = pwd.getpwnam(LAB_USER)
    except KeyError:
        _make()
        found = pwd.getpwnam(LAB_USER)
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


def own_account() -> Account:
    """The account of whoever runs this.

    Raises:
        LabError: there is none.
    """
    try:
        return Account(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), os.getegid())
    except KeyError:
        raise LabError("this user has no account that sshd could log in to") from None


def shared_folder(folder: Path, remembered: str | None) -> Path:
    """A folder that the login user can reach: the lab's own, or as root one below the lab user's home."""
    if os.geteuid() != 0:
        return folder
    if remembered and Path(remembered).is_dir():
        return Path(remembered)
    _HOME.mkdir(mode=0o755, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="lab-", dir=_HOME))
    made.chmod(0o755)
    return made


def _make() -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise LabError(f"the login user '{LAB_USER}' cannot be made: there is no useradd on this machine")
    # The password '*' matches nothing, yet is not '!': sshd without PAM refuses accounts that are locked.
    command = [useradd, "--system", "--home-dir", str(_HOME), "--create-home", "--shell", "/bin/sh"]
    made = subprocess.run([*command, "--password", "*", LAB_USER], capture_output=True, text=True, check=False)
    if made.returncode not in (0, 9):  # 9: another process has just made it
        raise LabError(f"the login user '{LAB_USER}' cannot be made: {made.stderr.strip()}")
    _HOME.chmod(0o755)
