"""Bring a host back to what agent_checkpoint saw: files, links, unit, service user, and what starts with the host."""

import base64
import binascii
import errno
import os
import pwd
import shutil

from stella_ops.remote.lib import agent_host, checkpoint
from stella_ops.remote.lib.layout import SERVICE_NAME

ARGUMENTS = {
    "prefix": {"type": "path"},
    "checkpoint": {"type": "dict", "required": True, "untold": True},
    "keep_identity": {"type": "bool", "default": False},
}

DIRECTORY, FILE, LINK, CROWD = "d", "f", "l", "crowd"


def run(task):
    """Return ``changed``, ``actions`` (words), ``restart``, ``identity`` and ``left``.

    ``restart`` tells that a running agent must be started anew to live by what is there again; ``identity`` that its
    key and certificate are what they were. ``left`` are sentences about what could not be brought back. Whether the
    agent runs is not changed here (see agent_service); one that did not run before must have been stopped.
    ``keep_identity`` leaves the agent's key and certificate as they are now. Repeated it changes nothing; under check
    mode it does nothing at all.
    """
    layout = agent_host.layout_for(task)
    before = task.args["checkpoint"]
    if before.get("form") != checkpoint.FORM or before.get("home") != layout.home:
        task.fail("this is no checkpoint of %s" % layout.home, hint="take one with agent_checkpoint first")
    result = {"changed": False, "actions": [], "restart": False, "identity": True, "left": []}
    if task.check_mode:
        return result
    restore = _Restore(layout, before, task.args["keep_identity"])
    restore.carry_out()
    result.update(actions=restore.actions, restart=restore.restart, left=restore.left)
    result["identity"] = restore.identity
    result["changed"] = bool(restore.actions)
    return result


class _Restore(object):
    def __init__(self, layout, before, keep_identity):
        self._layout = layout
        self._before = before
        self._keep = keep_identity
        self._now = checkpoint.take(layout)
        self._user = (agent_host.read_marker(layout) or {}).get("user")
        self.actions = []
        self.left = []
        self.restart = False
        self.identity = False

    def carry_out(self):
        # The link first: whatever starts the agent now starts the version that was there.
        steps = [self._link, self._unit, self._agents_files, self._marker, self._folders, self._versions]
        for step in steps + [self._enablement, self._service_user, self._home, self._check]:
            try:
                step()
            except OSError as problem:
                self.left.append("%s: %s" % (problem.filename or step.__name__[1:], problem.strerror or problem))

    def _was(self, path):
        return self._before["paths"].get(path)

    # -- what belongs to whoever installs

    def _link(self):
        link = self._layout.current
        was, now = self._was(link), self._now["paths"].get(link)
        if now is not None and now[0] == LINK and (was is None or was[6] != now[6]):
            self.restart = True
            if was is None:
                self.actions.append("remove %s" % link)
                os.unlink(link)
            else:
                self.actions.append("switch %s back to %s" % (link, os.path.basename(was[6])))
                fresh = link + ".new"
                if os.path.lexists(fresh):
                    os.unlink(fresh)
                os.symlink(was[6], fresh)
                os.rename(fresh, link)

    def _unit(self):
        path = agent_host.UNIT_PATH
        if not self._layout.is_system or not self._differs(path):
            return
        self.restart = True
        new = self._was(path) is None
        if new and agent_host.systemd_runs():
            self._systemctl("disable")
        self._bring_back(path)
        if agent_host.systemd_runs():
            agent_host.run_command(["systemctl", "daemon-reload"])
            if new:
                agent_host.run_command(["systemctl", "reset-failed", SERVICE_NAME])

    def _marker(self):
        if self._was(self._layout.marker) is not None and self._differs(self._layout.marker):
            self.restart = True
            self._bring_back(self._layout.marker)

    def _differs(self, path):
        if (self._was(path) is None) != (self._now["paths"].get(path) is None):
            return True
        return self._before["contents"].get(path) != self._now["contents"].get(path)

    def _bring_back(self, path):
        """A file that only root, or whoever installs, can write the folder of."""
        if self._was(path) is None:
            self.actions.append("remove %s" % path)
            os.unlink(path)
        else:
            self.actions.append("write %s" % path)
            _write(path, _decoded(self._before, path), self._was(path)[1])

    def _versions(self):
        top = self._layout.versions
        if self._now["paths"].get(top, "?")[0] == CROWD:
            return
        for path in sorted(self._now["paths"]):
            if os.path.dirname(path) == top and self._was(path) is None:
                self._remove_tree(path)
        if self._was(top) is None:
            self._remove_tree(top)

    def _enablement(self):
        if self._before["enabled"] and checkpoint.is_enabled(self._layout) is False:
            self._systemctl("enable")
        elif self._before["enabled"] is False and checkpoint.is_enabled(self._layout):
            self._systemctl("disable")

    def _systemctl(self, verb):
        self.actions.append("%s %s" % (verb, SERVICE_NAME))
        status, said = agent_host.run_command(["systemctl", verb, SERVICE_NAME])
        if status:
            self.left.append("systemctl %s: %s" % (verb, agent_host.last_line(said)))

    # -- what belongs to the agent's user

    def _agents_files(self):
        told = checkpoint.as_agent(self._layout, _restore_agents_files, self._layout, self._before, self._keep)
        self.actions += told["actions"]
        self.left += told["left"]
        self.identity = told["identity"]

    def _folders(self):
        """Folders that were not there go; those that were get their owner and mode back."""
        for top in checkpoint.agents_folders(self._layout):
            if self._was(top) is None:
                self._remove_tree(top)
        owners = self._layout.is_system and os.geteuid() == 0
        for path, _, _ in self._layout.directories():
            was = self._was(path)
            if was is None or was[0] not in (DIRECTORY, CROWD) or not os.path.isdir(path):
                continue
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                about = os.fstat(fd)
                if owners and (about.st_uid, about.st_gid) != (was[2], was[3]):
                    self.actions.append("change the owner of %s" % path)
                    os.fchown(fd, was[2], was[3])
                if about.st_mode & 0o7777 != was[1]:
                    self.actions.append("change the mode of %s" % path)
                    os.fchmod(fd, was[1])
            finally:
                os.close(fd)

    def _remove_tree(self, path):
        if not os.path.lexists(path):
            return
        self.actions.append("remove %s" % path)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)

    def _service_user(self):
        name = self._before["user"]
        if not self._layout.is_system or self._before["user_exists"] or self._user is None:
            return
        if name != self._user:
            self.left.append("the user %s: it was not looked for before" % self._user)
            return
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            return
        # One that somebody else has made meanwhile stays.
        if entry.pw_uid == 0 or entry.pw_dir != self._layout.var:
            return
        self.actions.append("remove user %s" % name)
        status, said = agent_host.run_command(["userdel", name])
        if status == 127:
            status, said = agent_host.run_command(["deluser", name])
        if status:
            self.left.append("the user %s: %s" % (name, agent_host.last_line(said)))

    def _home(self):
        """The mark, then the folder itself: last, so that a restore that was cut short can go on."""
        layout = self._layout
        if self._was(layout.marker) is None and os.path.lexists(layout.marker):
            self.actions.append("remove %s" % layout.marker)
            os.unlink(layout.marker)
        above = self._before["above"]
        folder = layout.home
        while above is not None and folder != above and folder.startswith(above.rstrip("/") + "/"):
            try:
                os.rmdir(folder)
                self.actions.append("remove %s" % folder)
            except OSError as problem:
                if problem.errno != errno.ENOENT:
                    break  # somebody else's files are in it by now
            folder = os.path.dirname(folder)

    def _check(self):
        """Packages are not in the checkpoint: one that was replaced in its place cannot be had back."""
        after = {}
        checkpoint.walk(self._layout.versions, after)
        for path, was in sorted(self._before["paths"].items()):
            if path.startswith(self._layout.versions + "/") and was[0] == FILE:
                if after.get(path, [None] * 7)[4:6] != was[4:6]:
                    self.left.append("%s: it is another build of the same version" % path)


def _restore_agents_files(layout, before, keep_identity):
    """The files below the folders of the agent's user, as that user."""
    actions = []
    left = []
    identity = not keep_identity
    now = checkpoint.agents_part(layout)
    was = before["paths"]
    kept = [layout.identity + "/"] if keep_identity else []
    # A running agent writes on: what is new in these folders is its own.
    kept += [path + "/" for path in checkpoint.volatile(layout) if before["running"] and path in was]
    tops = checkpoint.agents_folders(layout)
    key, spare = was.get(layout.key), now["paths"].get(layout.previous_key)
    if key is not None and not keep_identity and not _same(key, now["paths"].get(layout.key)):
        if _same(key, spare):
            actions.append("put back %s" % layout.key)
            os.rename(layout.previous_key, layout.key)
        else:
            left.append("%s: the private key that was there is gone" % layout.key)
            identity = False
    # Whole folders that are new are removed by their owner. In the folder of a coming key the certificate says that
    # the change may be completed: it goes first.
    kept += [top + "/" for top in tops if top not in was]
    for path in [os.path.join(layout.coming, "agent.crt")] + sorted(now["paths"]):
        crowded = was.get(os.path.dirname(path), "?")[0] == CROWD
        if path in was or path in tops or crowded or path.startswith(tuple(kept)):
            continue
        if path not in now["paths"] or not os.path.lexists(path):
            continue
        actions.append("remove %s" % path)
        if now["paths"][path][0] in (DIRECTORY, CROWD):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    for path in sorted(before["contents"]):
        in_identity = path.startswith(layout.identity + "/")
        if not path.startswith(tuple(top + "/" for top in tops)) or (keep_identity and in_identity):
            continue
        if now["contents"].get(path) != before["contents"][path]:
            actions.append("write %s" % path)
            try:
                _write(path, _decoded(before, path), was[path][1])
            except OSError as problem:
                left.append("%s: %s" % (path, problem.strerror))
                identity = identity and not in_identity
    return {"actions": actions, "left": left, "identity": identity}


def _same(one, other):
    """Whether two entries are of one file that nobody has written to."""
    return other is not None and one[0] == other[0] and one[4:6] == other[4:6]


def _decoded(before, path):
    try:
        return base64.b64decode(before["contents"][path])
    except (KeyError, TypeError, binascii.Error):
        raise OSError(errno.ENODATA, "the checkpoint does not hold its content", path)


def _write(path, data, mode):
    fresh = path + ".new"
    if os.path.lexists(fresh):
        os.unlink(fresh)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.rename(fresh, path)
    except OSError:
        os.unlink(fresh)
        raise
