"""Prepare, hand over, watch and take away the socket by which an agent reaches its orchestrator through SSH."""

import errno
import os
import pwd
import time

from stella_ops.remote.lib import agent_host
from stella_ops.remote.lib.layout import SERVICE_USER
from stella_ops.remote.lib.tunnel_folder import NOTE, SOCKET, NotOurs, TunnelFolder

ARGUMENTS = {
    "prefix": {"type": "path"},
    "state": {"type": "str", "choices": ["prepared", "opened", "held", "closed"], "required": True},
    "login": {"type": "str", "required": True},
    "id": {"type": "str", "required": True},
    "holder": {"type": "str", "default": ""},
    "orchestrator": {"type": "str", "default": ""},
    "replace": {"type": "bool", "default": False},
}

# sun_path of unix(7), without its last NUL.
_LONGEST_PATH = 107


def run(task):
    """Return ``changed``, ``socket`` and what the ``state`` is about.

    sshd makes the socket as the login user (``login``), mode 0600; the agent runs as another user. So it takes
    four steps, which the controller asks for: ``prepared`` makes the folder and removes a socket that nobody
    listens on, ``opened`` gives the socket that sshd has made to the agent's user, ``held`` looks whether it is still
    there (``held``, and ``replaced_by`` where another tunnel took over), ``closed`` removes it.

    ``id`` tells tunnels apart: a tunnel whose connection was cut may take over its own socket, which the host's sshd
    keeps until it notices. That of another tunnel is refused, unless ``replace``.
    """
    layout = agent_host.layout_for(task)
    login = _login(task)
    return {"prepared": _prepare, "opened": _open, "held": _look, "closed": _close}[task.args["state"]](
        task, layout, login
    )


def _login(task):
    try:
        return pwd.getpwnam(task.args["login"])
    except KeyError:
        return pwd.getpwuid(int(os.environ.get("SUDO_UID") or os.geteuid()))


def _agents_user(layout):
    """The passwd entry of the user that the agent runs as; None where there is no such user yet."""
    if layout.is_system:
        name = (agent_host.read_marker(layout) or {}).get("user") or SERVICE_USER
        try:
            return pwd.getpwnam(name)
        except KeyError:
            return None
    for path in (layout.var, layout.home):
        if os.path.isdir(path):
            try:
                return pwd.getpwuid(os.stat(path).st_uid)
            except KeyError:
                return None
    return pwd.getpwuid(os.geteuid())


def _prepare(task, layout, login):
    result = {"socket": layout.tunnel_socket, "changed": False}
    if len(os.fsencode(layout.tunnel_socket)) > _LONGEST_PATH:
        task.fail(
            "the path %s is too long for a socket" % layout.tunnel_socket,
            hint="install the agent below a shorter prefix: %d bytes are the most" % _LONGEST_PATH,
        )
    if os.geteuid() not in (0, login.pw_uid):
        task.fail(
            "the socket is made by %s, and %s cannot hand it to the agent"
            % (login.pw_name, pwd.getpwuid(os.geteuid()).pw_name),
            hint="become root (-b), or nobody else than the login user",
        )
    try:
        _refuse_holder(task, layout)
        if task.check_mode:
            result["changed"] = not os.path.lexists(layout.tunnel_socket)
            return result
        result["changed"] = _make_run_folder(layout, login)
        with TunnelFolder.make(layout.run, login.pw_uid, login.pw_gid) as folder:
            result["changed"] = folder.remove(SOCKET) or result["changed"]
            folder.remove(NOTE)
    except NotOurs as problem:
        task.fail(str(problem), hint="look at what is there, and remove it")
    except OSError as problem:
        _explain(task, layout, login, problem)
    if not _may_make(layout.tunnel, login):
        task.fail(
            "the login user %s cannot reach %s, and sshd makes the socket as that user"
            % (login.pw_name, layout.tunnel),
            hint="log in as the user that the agent runs as, or as root",
        )
    return result


def _refuse_holder(task, layout):
    """Fail where another tunnel holds the socket; what is no socket at all is not removed either."""
    try:
        folder = TunnelFolder(layout.run)
    except OSError:
        return
    with folder:
        about = folder.socket()
        if about is None:
            return
        note = folder.note()
        if note.get("id") == task.args["id"]:
            return
        listener = folder.listener()
        if listener is None:
            if not _is_socket(about):
                raise NotOurs("%s is no socket" % layout.tunnel_socket)
            return
        if task.args["replace"]:
            return
        holder = {
            "pid": listener[0] or None,
            "user": _name_of(listener[1]) if listener[0] else None,
            "holder": _short(note.get("holder")),
            "orchestrator": _short(note.get("orchestrator")),
            "since": note.get("since") if isinstance(note.get("since"), (int, float)) else None,
        }
    task.fail(
        "another tunnel holds %s: %s" % (layout.tunnel_socket, _describe(holder)),
        held_by=holder,
        hint="end that one, or take over with --replace",
    )


def _open(task, layout, login):
    result = {"socket": layout.tunnel_socket, "changed": False}
    entry = _agents_user(layout)
    try:
        with TunnelFolder(layout.run) as folder:
            result["changed"] = _hand_over(task, folder, login, entry)
            folder.write_note(
                {
                    "id": task.args["id"],
                    "holder": task.args["holder"][:200],
                    "orchestrator": task.args["orchestrator"][:200],
                    "since": int(time.time()),
                }
            )
    except NotOurs as problem:
        task.fail(str(problem), hint="somebody on the host meddles with %s" % layout.tunnel)
    except OSError as problem:
        _explain(task, layout, login, problem)
    result["user"] = entry.pw_name if entry else None
    return result


def _look(task, layout, login):
    result = {"socket": layout.tunnel_socket, "changed": False, "held": False, "replaced_by": None}
    entry = _agents_user(layout)
    try:
        folder = TunnelFolder(layout.run)
    except OSError:
        return result
    with folder:
        note = folder.note()
        if note.get("id") not in (None, task.args["id"]):
            result["replaced_by"] = _short(note.get("holder")) or "another tunnel"
            return result
        about = folder.socket()
        if about is None or note.get("id") is None or not _is_socket(about):
            return result
        try:
            # The agent may have been installed since, and its user with it.
            result["changed"] = _hand_over(task, folder, login, entry)
        except (NotOurs, OSError):
            return result
    result.update(held=True, user=entry.pw_name if entry else None)
    return result


def _close(task, layout, login):
    result = {"socket": layout.tunnel_socket, "changed": False}
    try:
        folder = TunnelFolder(layout.run)
    except OSError:
        return result
    with folder:
        if folder.note().get("id") not in (None, task.args["id"]):
            return result
        if folder.note().get("id") is None and folder.listener() is not None:
            return result  # not ours, and in use
        result["changed"] = folder.discard()
    if not layout.exists() and not os.path.lexists(layout.marker):
        for path in (layout.run, layout.home):
            try:
                os.rmdir(path)  # it was made for the tunnel alone, if nothing is in it
            except OSError:
                break
            if layout.is_system:
                break
    return result


def _hand_over(task, folder, login, entry):
    if entry is None:
        # Nobody is there yet who could use it; sshd has made it for the login user alone.
        return False
    if os.geteuid() != 0 and entry.pw_uid != login.pw_uid:
        task.fail(
            "the agent runs as %s, and the login user %s cannot give it the tunnel's socket"
            % (entry.pw_name, login.pw_name),
            hint="become root (-b), or log in as root or %s" % entry.pw_name,
        )
    return folder.give(login.pw_uid, entry.pw_uid, entry.pw_gid)


def _make_run_folder(layout, login):
    """The run folder is not there before an install, nor while a service of systemd's is stopped."""
    if os.path.isdir(layout.run):
        return False
    os.makedirs(layout.run, 0o755)
    os.chmod(layout.run, 0o755)
    if os.geteuid() == 0:
        entry = _agents_user(layout)
        if entry is not None:
            os.chown(layout.run, entry.pw_uid, entry.pw_gid)
    return True


def _explain(task, layout, login, problem):
    where = problem.filename if isinstance(problem.filename, str) and problem.filename.startswith("/") else layout.run
    if problem.errno in (errno.EACCES, errno.EPERM) and os.geteuid() != 0:
        task.fail(
            "the login user %s has no right to make the tunnel's folder in %s" % (login.pw_name, where),
            hint="become root (-b), or log in as root or as the user that the agent runs as",
        )
    task.fail("the tunnel's folder in %s cannot be had: %s" % (where, problem.strerror), hint="look at the folder")


def _may_make(path, login):
    """Whether the login user can make a socket there: found out as that user, for sshd has no more rights."""
    if os.geteuid() != 0 or login.pw_uid == 0:
        return os.access(path, os.W_OK | os.X_OK)
    child = os.fork()
    if child == 0:
        status = 2
        try:
            os.initgroups(login.pw_name, login.pw_gid)
            os.setgid(login.pw_gid)
            os.setuid(login.pw_uid)
            status = 0 if os.access(path, os.W_OK | os.X_OK) else 1
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def _is_socket(about):
    return (about.st_mode & 0o170000) == 0o140000


def _name_of(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _short(value):
    return "".join(letter for letter in value if letter.isprintable())[:200] if isinstance(value, str) else None


def _describe(holder):
    said = holder["holder"] or "somebody who left no note"
    if holder["pid"]:
        said += " (on the host: sshd process %d of user %s)" % (holder["pid"], holder["user"])
    if holder["orchestrator"]:
        said += ", to %s" % holder["orchestrator"]
    if holder["since"]:
        said += ", since %s UTC" % time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(holder["since"]))
    return said
