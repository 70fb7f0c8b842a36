"""Install a version of the agent: package, folders, service user and unit; the content is the package."""

import grp
import hashlib
import os
import pwd
import re
import shutil
import stat
import sys

from stella_ops.remote.lib import agent_host, exclusive
from stella_ops.remote.lib.layout import PACKAGE_NAME

ARGUMENTS = {
    "prefix": {"type": "path"},
    "version": {"type": "str", "required": True},
    "sha256": {"type": "str", "required": True},
    "size": {"type": "int"},
    "python": {"type": "path"},
    "user": {"type": "str", "default": "stella-agent"},
    "unit": {"type": "str"},
}


# Two controllers, or two inventory names, may lead to one folder: one waits this long for the other.
_LOCK_SECONDS = 60.0


def run(task):
    """Return ``changed``, ``actions`` (words), ``previous_version``, ``path`` of the package, and ``home``.

    When the package is not on the host and no content came with the call, nothing is done and the result is
    ``need_content: true``: call again with the content. What a failed run had added is taken away again.
    """
    return install(task)


def install(task, afterwards=None):
    """``run``; ``afterwards`` is called when all is in place, and when it raises, all is taken back."""
    args = task.args
    if not re.match(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}\Z", args["version"]):
        task.fail("version '%s' cannot be a version" % args["version"])
    if not re.match(r"[0-9a-f]{64}\Z", args["sha256"].lower()):
        task.fail("sha256 must be 64 hexadecimal digits")
    if not re.match(r"[a-z_][a-z0-9_-]{0,30}\Z", args["user"]):
        task.fail("user '%s' cannot be the name of a service user" % args["user"])
    layout = agent_host.layout_for(task)
    if layout.is_system and os.geteuid() != 0:
        task.fail("installing at %s needs root" % layout.home, hint="use become: true, or give a prefix")
    busy = "another install is at work at %s" % layout.home
    with exclusive.alone(task, _above(layout.home), busy, _LOCK_SECONDS), exclusive.termination_raises():
        work = _Install(task, layout)
        if not work.has_package() and task.content is None and not task.check_mode:
            return {
                "changed": False,
                "need_content": True,
                "actions": [],
                "previous_version": work.previous_version,
            }
        try:
            work.carry_out()
            if afterwards:
                afterwards()
        except BaseException as problem:
            left = work.undo()
            if isinstance(problem, OSError):
                hint = "free some space" if problem.errno == 28 else None
                where = " (%s)" % problem.filename if problem.filename else ""
                task.fail("cannot install: %s%s" % (problem.strerror or problem, where), hint=hint, left_behind=left)
            raise
        work.finish()
    return {
        "changed": bool(work.actions),
        "need_content": False,
        "actions": work.actions,
        "previous_version": work.previous_version,
        "path": work.package,
        "home": layout.home,
    }


def _above(home):
    """The folder that is there already in which the agent's is or will be: what the lock is on."""
    above = os.path.dirname(home)
    while not os.path.isdir(above):
        above = os.path.dirname(above)
    return above


class _Install(object):
    def __init__(self, task, layout):
        self._task = task
        self._layout = layout
        self._check = task.check_mode
        self._python = task.args["python"] or sys.executable
        self._sha256 = task.args["sha256"].lower()
        self._version = task.args["version"]
        self._user = task.args["user"] if layout.is_system else None
        self._undo = []  # (function, argument), to be called from the last to the first
        self._backups = []
        self.actions = []
        self.package = os.path.join(layout.versions, self._version, PACKAGE_NAME)
        self.previous_version = None
        if os.path.islink(layout.current):
            self.previous_version = os.path.basename(os.readlink(layout.current))

    def has_package(self):
        """Whether this version's package is there with the bytes that are wanted."""
        try:
            return _sha256_of(self.package) == self._sha256
        except OSError:
            return False

    def carry_out(self):
        if not self._check:
            self._sweep()
        if self._user:
            self._ensure_user()
        for path, mode, agents in self._layout.directories():
            if path == self._layout.run and agent_host.uses_systemd(self._layout):
                continue  # RuntimeDirectory= makes and removes it with the service
            self._ensure_folder(path, mode, agents)
        self._ensure_file(self._layout.marker, agent_host.marker_bytes(self._python, self._user), "mark")
        self._ensure_package()
        self._ensure_current()
        if self._user and self._task.args["unit"] and os.path.isdir(os.path.dirname(agent_host.UNIT_PATH)):
            self._ensure_unit(self._task.args["unit"])

    def _sweep(self):
        """Remove what an install left behind that was killed outright."""
        layout = self._layout
        for path in (layout.marker, layout.current, self.package, agent_host.UNIT_PATH if self._user else None):
            for suffix in (".new", ".before"):
                if path:
                    _remove(path + suffix)

    def undo(self):
        """Take back what was done, as far as can be; sentences about what could not."""
        left = []
        while self._undo:
            function, argument = self._undo.pop()
            try:
                function(*argument)
            except OSError as problem:
                left.append("%s: %s" % (problem.filename, problem.strerror))
        return left

    def finish(self):
        for path in self._backups:
            _remove(path)

    def _act(self, action):
        """Note an action; whether it is to be done for real."""
        self.actions.append(action)
        return not self._check

    def _ensure_user(self):
        try:
            pwd.getpwnam(self._user)
            return
        except KeyError:
            pass
        if self._act("create user %s" % self._user):
            problem = _create_user(self._user, self._layout.var)
            if problem:
                self._task.fail("the user %s cannot be made: %s" % (self._user, problem))
            self._undo.append((_delete_user, (self._user,)))

    def _owner(self, agents):
        """(uid, gid) that a folder is to have, or None when that is not ours to say."""
        if not self._layout.is_system:
            return None
        if not agents:
            return 0, 0
        try:
            entry = pwd.getpwnam(self._user)
        except KeyError:
            return None  # under check mode
        return entry.pw_uid, entry.pw_gid

    def _ensure_folder(self, path, mode, agents):
        owner = self._owner(agents)
        try:
            about = os.lstat(path)
        except OSError:
            if self._act("create folder %s" % path):
                for parent in _missing_parents(path):
                    os.mkdir(parent, 0o755)
                    self._undo.append((os.rmdir, (parent,)))
                os.mkdir(path, 0o700)
                self._undo.append((os.rmdir, (path,)))
                _dress(path, owner, mode)
            return
        if not stat.S_ISDIR(about.st_mode):
            self._task.fail("%s is in the way: it is not a folder" % path, hint="remove it, or give another prefix")
        if owner and (about.st_uid, about.st_gid) != owner and self._act("change the owner of %s" % path):
            _dress(path, owner, None)
            self._undo.append((_dress, (path, (about.st_uid, about.st_gid), None)))
        present = stat.S_IMODE(about.st_mode)
        if present != mode and path != self._layout.prefix and self._act("change the mode of %s" % path):
            _dress(path, None, mode)
            self._undo.append((_dress, (path, None, present)))

    def _ensure_file(self, path, data, verb):
        try:
            with open(path, "rb") as stream:
                if stream.read() == data:
                    return False
        except OSError:
            pass
        if self._act("%s %s" % (verb, path)):
            fresh = path + ".new"
            _remove(fresh)
            with open(fresh, "xb") as stream:
                self._undo.append((_remove, (fresh,)))
                stream.write(data)
                stream.flush()
                os.fchmod(stream.fileno(), 0o644)
                os.fsync(stream.fileno())
            self._put(fresh, path)
        return True

    def _put(self, fresh, path):
        """Rename ``fresh`` to ``path``, such that it can be undone."""
        if os.path.lexists(path):
            backup = path + ".before"
            _remove(backup)
            try:
                os.link(path, backup, follow_symlinks=False)
            except OSError:  # another user's file, or a file system without hard links
                shutil.copy2(path, backup, follow_symlinks=False)
            self._backups.append(backup)
            os.rename(fresh, path)
            self._undo.append((os.rename, (backup, path)))
        else:
            os.rename(fresh, path)
            self._undo.append((_remove, (path,)))

    def _ensure_package(self):
        self._ensure_folder(os.path.dirname(self.package), 0o755, False)
        if self.has_package():
            return
        if not self._act("install %s" % self.package):
            return
        fresh = self.package + ".new"
        _remove(fresh)
        digest, size = hashlib.sha256(), 0
        with open(fresh, "xb") as stream:
            self._undo.append((_remove, (fresh,)))
            for part in iter(lambda: self._task.content.read(65536), b""):
                digest.update(part)
                size += len(part)
                stream.write(part)
            stream.flush()
            os.fchmod(stream.fileno(), 0o755)
            os.fsync(stream.fileno())
        wanted_size = self._task.args["size"]
        if (wanted_size is not None and size != wanted_size) or digest.hexdigest() != self._sha256:
            self._task.fail(
                "the package arrived damaged: %d bytes, sha256 %s" % (size, digest.hexdigest()),
                hint="run again; if it stays so, build the package anew",
            )
        status, said = agent_host.run_command([self._python, "-I", fresh, "version"])
        if status or said != self._version:
            self._task.fail(
                "the package does not run here: %s" % agent_host.last_line(said),
                hint="is %s a whole Python 3.6 or newer?" % self._python,
            )
        self._put(fresh, self.package)

    def _ensure_current(self):
        link, target = self._layout.current, os.path.join("versions", self._version)
        if os.path.lexists(link) and not os.path.islink(link):
            self._task.fail("%s is in the way: it is not a link" % link)
        if os.path.islink(link) and os.readlink(link) == target:
            return
        if self._act("switch %s to %s" % (link, self._version)):
            before = os.readlink(link) if os.path.islink(link) else None
            _point(link, target)
            self._undo.append((_point, (link, before)) if before else (_remove, (link,)))

    def _ensure_unit(self, text):
        if not text.endswith("\n"):
            text += "\n"
        if self._ensure_file(agent_host.UNIT_PATH, text.encode("utf-8"), "write"):
            if agent_host.systemd_runs() and self._act("daemon-reload"):
                status, said = agent_host.run_command(["systemctl", "daemon-reload"])
                if status:
                    self._task.fail("systemctl daemon-reload: %s" % said)


def _point(link, target):
    fresh = link + ".new"
    _remove(fresh)
    os.symlink(target, fresh)
    os.rename(fresh, link)


def _dress(path, owner, mode):
    """Give a folder its owner (uid, gid) and mode; None leaves one as it is.

    The folder that is open is changed, never what a link in its place points to: some of these folders lie in
    one that the agent's user may write to, and root must not be led astray there.
    """
    if os.geteuid() != 0:
        if mode is not None:
            os.chmod(path, mode)
        return
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if owner is not None:
            os.fchown(fd, owner[0], owner[1])
        if mode is not None:
            os.fchmod(fd, mode)
    finally:
        os.close(fd)


def _missing_parents(path):
    missing = []
    parent = os.path.dirname(path)
    while not os.path.isdir(parent):
        missing.append(parent)
        parent = os.path.dirname(parent)
    return reversed(missing)


def _remove(path):
    try:
        os.unlink(path)
    except OSError:
        pass


def _sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for part in iter(lambda: stream.read(65536), b""):
            digest.update(part)
    return digest.hexdigest()


def _create_user(name, home):
    """Make a system user that nobody can log in as; None, or why it did not work."""
    shells = [shell for shell in ("/usr/sbin/nologin", "/sbin/nologin") if os.path.exists(shell)]
    shell = shells[0] if shells else "/bin/false"
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    if shutil.which("useradd", path=path):
        command = ["useradd", "--system", "--no-create-home", "--home-dir", home, "--shell", shell]
        command += ["--gid", name] if _group_exists(name) else ["--user-group"]
        status, said = agent_host.run_command(command + [name])
    elif shutil.which("adduser", path=path):  # BusyBox, as on Alpine
        if not _group_exists(name):
            agent_host.run_command(["addgroup", "-S", name])
        command = ["adduser", "-S", "-D", "-H", "-h", home, "-s", shell, "-G", name, name]
        status, said = agent_host.run_command(command)
    else:
        return "there is neither useradd nor adduser"
    return None if status == 0 else agent_host.last_line(said)


def _delete_user(name):
    for command in (["userdel", name], ["deluser", name]):
        if agent_host.run_command(command)[0] == 0:
            return


def _group_exists(name):
    try:
        grp.getgrnam(name)
        return True
    except KeyError:
        return False
