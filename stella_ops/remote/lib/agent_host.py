"""What the ``agent_*`` modules share: which install is meant, how to run it, what may never be touched."""

import json
import os
import pwd
import stat
import subprocess
import sys

from stella_ops.remote.lib import pidfile
from stella_ops.remote.lib.layout import SERVICE_NAME, Layout

UNIT_PATH = "/etc/systemd/system/" + SERVICE_NAME

# Folders of a system or of many: none of them is ever one agent's own.
_COMMON_FOLDERS = frozenset(
    "/ /bin /boot /dev /etc /home /lib /lib32 /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp"
    " /usr /usr/bin /usr/lib /usr/local /usr/local/bin /usr/local/lib /usr/sbin /usr/share"
    " /var /var/cache /var/lib /var/log /var/opt /var/run /var/spool /var/tmp"
    " /Users /private /private/tmp /private/var".split()
)


def layout_for(task):
    """The layout that a module's ``prefix`` means; fails the task for a folder that cannot be an agent's."""
    prefix = task.args["prefix"]
    if prefix is not None:
        reason = absurd_prefix(prefix)
        if reason:
            task.fail(
                "prefix '%s' is refused: %s" % (prefix, reason),
                hint="name a folder of its own for the agent, such as ~/.stella-agent",
            )
        return Layout.at(prefix)
    return Layout.find()


def absurd_prefix(prefix):
    """Why a folder cannot be an agent's own, or None when it can."""
    if not prefix or "\0" in prefix or "\n" in prefix:
        return "it is not a path"
    given = os.path.expanduser(prefix)
    if not os.path.isabs(given):
        return "it is not an absolute path"
    own = Layout.system()
    for path in {os.path.normpath(given), os.path.realpath(given)}:
        path = "/" + path.lstrip("/")
        if path in _COMMON_FOLDERS:
            return "%s is not one agent's own folder" % path
        home = os.path.realpath(os.path.expanduser("~"))
        if path == home or home.startswith(path + "/"):
            return "it is the home folder of the user, or above it"
        for taken in (own.home, own.etc, own.var, own.run, own.log):
            if path == taken or taken.startswith(path + "/") or path.startswith(taken + "/"):
                return "%s belongs to the install without a prefix" % taken
    return None


def read_marker(layout):
    """What the install recorded of itself (``python``, ``user``), or None when no agent lives there."""
    try:
        with open(layout.marker, "rb") as stream:
            recorded = json.loads(stream.read().decode("utf-8"))
    except (OSError, ValueError):
        return None
    return recorded if isinstance(recorded, dict) else None


def marker_bytes(python, user):
    """What ``read_marker`` reads."""
    return (json.dumps({"python": python, "user": user}, sort_keys=True) + "\n").encode("ascii")


def systemd_runs():
    """Whether systemd is the system manager. Source: sd_booted(3)."""
    return os.path.isdir("/run/systemd/system")


def uses_systemd(layout):
    """Whether this install is a systemd service."""
    return layout.is_system and os.geteuid() == 0 and systemd_runs()


def agent_user(layout):
    """The passwd entry of the service user that the install runs as, or None for "whoever we are"."""
    name = (read_marker(layout) or {}).get("user")
    if not name or not layout.is_system or os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def require_installed(task, layout):
    """Fail the task when there is no agent package."""
    if not os.path.isfile(layout.package):
        task.fail(
            "no agent is installed at %s" % layout.home,
            hint="install it first: stella-ops play bootstrap.yml",
        )


def run_agent(layout, command, given=b"", package=None):
    """Run a command of the agent as the agent's user; (exit status, stdout, stderr) as int, bytes, bytes.

    ``given`` goes to its standard input. The interpreter is the one that the install recorded.
    """
    python = (read_marker(layout) or {}).get("python") or sys.executable
    arguments = [python, "-I", package or layout.package, command]
    if layout.prefix:
        arguments += ["--prefix", layout.prefix]
    entry = agent_user(layout)
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    environment["HOME"] = entry.pw_dir if entry else os.path.expanduser("~")

    def become_agent():
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)

    process = subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env=environment,
        preexec_fn=become_agent if entry else None,
    )
    written, complaint = process.communicate(given)
    return process.returncode, written, complaint


def run_command(arguments):
    """Run a system command; (exit status, what it said on both outputs, as stripped text)."""
    environment = dict(os.environ, LC_ALL="C", SYSTEMD_PAGER="", SYSTEMD_COLORS="0")
    for folder in ("/usr/sbin", "/sbin"):  # where user management is, though not on a plain user's PATH
        if folder not in environment.get("PATH", "").split(":"):
            environment["PATH"] = environment.get("PATH", os.defpath) + ":" + folder
    with open(os.devnull, "rb") as nothing:
        try:
            process = subprocess.Popen(
                arguments, stdin=nothing, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
            )
        except OSError as problem:
            return 127, "%s: %s" % (arguments[0], problem.strerror)
        said = process.communicate()[0]
    return process.returncode, said.decode("utf-8", "replace").strip()


def read_state(path):
    """A JSON object that the agent keeps (status.json, heartbeat.json), or None."""
    try:
        document = json.loads((read_agents_file(path) or b"").decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def read_agents_file(path, longest=67108864, tail=None):
    """The bytes of a file in a folder of the agent's user; None when there is none that is a plain file.

    Root reads it, and the agent may be in other hands: a link, a pipe that never ends or a file without measure
    there must not have root tell of other files, wait for ever or fill the memory.

    Args:
        longest: bytes; a longer file counts as none.
        tail: only the last so many bytes, of a file of any length.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode) or (tail is None and about.st_size > longest):
            return None
        with os.fdopen(fd, "rb", closefd=False) as stream:
            if tail is None:
                return stream.read(longest)
            stream.seek(max(0, about.st_size - tail))
            return stream.read(tail)
    except OSError:
        return None
    finally:
        os.close(fd)


def running_pid(layout):
    """The pid of the running agent, 0 when it is just starting, None when it does not run."""
    return pidfile.holder(layout.pidfile)


def log_tail(layout, lines=5):
    """The last lines of the agent's log, to say why something failed."""
    said = read_agents_file(layout.logfile, tail=16384) or b""
    return said.decode("utf-8", "replace").splitlines()[-lines:]


def last_line(said):
    """The last line of a program's complaint; the whole is often a page."""
    lines = said.strip().splitlines()
    return lines[-1] if lines else "it gave no reason"
