"""What is on a host of an agent, noted so that it can be brought back: taken before a bootstrap, compared after.

A checkpoint holds nothing secret. The content of a file is in it only when everybody on the host may read that
file; of others (the private key) it has size and time, to tell whether they are still the same.
"""

import base64
import errno
import json
import os
import pwd
import stat

from stella_ops.remote.lib import agent_host, pidfile
from stella_ops.remote.lib.layout import SERVICE_NAME, SERVICE_USER

FORM = 1
# Bytes of a file, and entries of a folder, that are more than an agent's ever are: what exceeds them stays alone.
LONGEST = 1048576
CROWD = 1000


def take(layout):
    """The checkpoint of an install, as a dict of JSON types.

    Keys: ``form``, ``home``, ``above`` (the folder nearest to ``home`` that is there, when ``home`` is not),
    ``paths`` (see ``entries``), ``contents`` (path to base64), ``user`` (the service user's name, None without
    one) and ``user_exists``, ``running``, ``alive`` (it runs, and is not just being started
    once more), ``enabled`` (None where systemd does not start it).
    """
    paths = {}
    contents = {}
    for path in roots_files(layout):
        note(path, paths)
    for path in roots_files(layout):
        content = public_content(path, paths)
        if content is not None:
            contents[path] = content
    walk(layout.versions, paths)
    seen = as_agent(layout, agents_part, layout)
    paths.update(seen["paths"])
    contents.update(seen["contents"])
    if not os.path.lexists(layout.home):
        above = os.path.dirname(layout.home)
        while not os.path.isdir(above):
            above = os.path.dirname(above)
    else:
        above = None
        note(layout.home, paths)
    user = ((agent_host.read_marker(layout) or {}).get("user") or SERVICE_USER) if layout.is_system else None
    return {
        "form": FORM,
        "home": layout.home,
        "above": above,
        "paths": paths,
        "contents": contents,
        "user": user,
        "user_exists": user is not None and user_exists(user),
        "running": runs(layout),
        "alive": agent_host.running_pid(layout) is not None,
        "enabled": is_enabled(layout),
    }


def roots_files(layout):
    """Files that belong to whoever installs."""
    return [layout.marker, layout.current] + ([agent_host.UNIT_PATH] if layout.is_system else [])


def agents_folders(layout):
    """Folders of the agent's user."""
    return [layout.etc, layout.var, layout.run, layout.log]


def volatile(layout):
    """Folders whose files a running agent writes all the time."""
    return [layout.run, layout.log, layout.state, layout.queue, layout.spool]


def agents_part(layout):
    """``paths`` and ``contents`` of the folders of the agent's user; to be called as that user."""
    paths = {}
    for top in agents_folders(layout):
        walk(top, paths)
    wanted = [layout.revision]
    wanted += [path for path in paths if path.startswith((layout.etc + "/", layout.identity + "/"))]
    contents = {}
    for path in wanted:
        content = public_content(path, paths)
        if content is not None:
            contents[path] = content
    return {"paths": paths, "contents": contents}


def entry(about, path):
    """[kind, mode, uid, gid, size, mtime in ns, target of a link] of a path; kind is "d", "f", "l" or "?"."""
    kind, target = "?", None
    if stat.S_ISDIR(about.st_mode):
        kind = "d"
    elif stat.S_ISREG(about.st_mode):
        kind = "f"
    elif stat.S_ISLNK(about.st_mode):
        kind, target = "l", os.readlink(path)
    return [kind, stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid, about.st_size, about.st_mtime_ns, target]


def note(path, paths):
    """Add one path's entry, when there is something."""
    try:
        paths[path] = entry(os.lstat(path), path)
    except OSError:
        pass


def walk(top, paths):
    """Add the entries of a folder and of all below it; links are not followed.

    Of a crowded folder no more than itself is added, with the kind "crowd".
    """
    note(top, paths)
    if paths.get(top, "?")[0] != "d":
        return
    try:
        names = os.listdir(top)
    except OSError:
        names = [None] * (CROWD + 1)
    if len(names) > CROWD:
        paths[top][0] = "crowd"
        return
    for name in sorted(names):
        walk(os.path.join(top, name), paths)


def public_content(path, paths):
    """Base64 of a noted file's bytes, when everybody may read it; else None."""
    about = paths.get(path)
    if about is None or about[0] != "f" or not about[1] & 0o004:
        return None
    data = agent_host.read_agents_file(path, longest=LONGEST)
    return None if data is None else base64.b64encode(data).decode("ascii")


def user_exists(name):
    """Whether the host knows a user of this name."""
    try:
        pwd.getpwnam(name)
        return True
    except KeyError:
        return False


def runs(layout):
    """Whether the agent, or what starts it again and again, is there."""
    if agent_host.uses_systemd(layout):
        if not os.path.exists(agent_host.UNIT_PATH):
            return False
        state = agent_host.run_command(["systemctl", "is-active", SERVICE_NAME])[1]
        return state in ("active", "activating", "reloading", "deactivating")
    supervised = pidfile.holder(layout.supervisor_pidfile) is not None
    return supervised or agent_host.running_pid(layout) is not None


def is_enabled(layout):
    """Whether systemd starts the agent with the host; None where systemd does not run it or has no unit of it."""
    if not agent_host.uses_systemd(layout) or not os.path.exists(agent_host.UNIT_PATH):
        return None
    return agent_host.run_command(["systemctl", "is-enabled", SERVICE_NAME])[0] == 0


def as_agent(layout, function, *arguments):
    """Call a function as the agent's user, in a process of its own where we are root; its JSON data.

    Folders that the agent's user may write to can hold traps (a link in a folder's place). What root does not do
    there itself, the traps cannot turn against the host.

    Raises:
        OSError: the process cannot be made, or failed; the message says why.
    """
    user = agent_host.agent_user(layout)
    if user is None:
        return function(*arguments)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            said = _become_and_call(user, function, arguments)
            while said:
                said = said[os.write(writing, said) :]
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        said = stream.read()
    os.waitpid(child, 0)
    try:
        failed, result = json.loads(said.decode("ascii"))
    except ValueError:
        failed, result = True, "its process was killed"
    if failed:
        raise OSError(errno.EIO, "as user %s: %s" % (user.pw_name, result))
    return result


def _become_and_call(user, function, arguments):
    try:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        answer = [False, function(*arguments)]
    except BaseException as problem:
        answer = [True, "%s: %s" % (type(problem).__name__, problem)]
    return json.dumps(answer).encode("ascii")
