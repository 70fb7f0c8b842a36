"""Remove the agent from the host: service, unit, user and every folder of it."""

import os
import pwd
import shutil

from stella_ops.remote.lib import agent_host, pidfile
from stella_ops.remote.lib.layout import SERVICE_NAME, SERVICE_USER

ARGUMENTS = {
    "prefix": {"type": "path"},
    "keep_data": {"type": "bool", "default": False},
}


def run(task):
    """Return ``changed`` and ``actions``.

    ``keep_data`` leaves the configuration, identity, spool and state (``etc`` and ``var``), and their user.
    A prefix is only touched when the install's mark is in it; then the agent's own folders go, and the prefix
    itself when nothing else is left in it.
    """
    layout = agent_host.layout_for(task)
    if layout.is_system and os.geteuid() != 0:
        if not os.path.lexists(layout.home):
            return {"changed": False, "actions": []}
        task.fail("removing %s needs root" % layout.home, hint="use become: true")
    if not layout.is_system:
        if not os.path.lexists(layout.home):
            return {"changed": False, "actions": []}
        if not os.path.isfile(layout.marker):
            task.fail(
                "%s is refused: no agent was installed there" % layout.home,
                hint="an agent's folder holds the file %s" % os.path.basename(layout.marker),
            )
    user = (agent_host.read_marker(layout) or {}).get("user") or (SERVICE_USER if layout.is_system else None)
    removal = _Removal(task, layout)
    removal.stop()
    removal.remove_unit()
    for path in removal.folders(task.args["keep_data"]):
        removal.remove_tree(path)
    if not task.args["keep_data"]:
        if user and layout.is_system:
            removal.remove_user(user)
        removal.remove_home()  # with the mark: last, so that a removal that was cut short can go on
    return {"changed": bool(removal.actions), "actions": removal.actions}


class _Removal(object):
    def __init__(self, task, layout):
        self._task = task
        self._layout = layout
        self.actions = []

    def _act(self, action):
        self.actions.append(action)
        return not self._task.check_mode

    def stop(self):
        if agent_host.uses_systemd(self._layout):
            if not os.path.exists(agent_host.UNIT_PATH):
                return
            active = agent_host.run_command(["systemctl", "is-active", SERVICE_NAME])[1]
            if active not in ("inactive", "failed", "unknown") and self._act("stop %s" % SERVICE_NAME):
                self._must(["systemctl", "stop", SERVICE_NAME])
            enabled = agent_host.run_command(["systemctl", "is-enabled", SERVICE_NAME])[0] == 0
            if enabled and self._act("disable %s" % SERVICE_NAME):
                self._must(["systemctl", "disable", SERVICE_NAME])
        elif self._runs() and self._act("stop the agent"):
            if not os.path.isfile(self._layout.package):
                self._task.fail(
                    "the agent runs but its package is gone, so it cannot be stopped cleanly",
                    hint="end process %s, then run again" % agent_host.running_pid(self._layout),
                )
            status, written, complaint = agent_host.run_agent(self._layout, "stop")
            if status:
                said = (written + b"\n" + complaint).decode("utf-8", "replace")
                self._task.fail("the agent cannot be stopped: %s" % agent_host.last_line(said))

    def _runs(self):
        supervised = pidfile.holder(self._layout.supervisor_pidfile) is not None
        return supervised or agent_host.running_pid(self._layout) is not None

    def remove_unit(self):
        if not self._layout.is_system or not os.path.lexists(agent_host.UNIT_PATH):
            return
        if self._act("remove %s" % agent_host.UNIT_PATH):
            os.unlink(agent_host.UNIT_PATH)
            if agent_host.systemd_runs():
                agent_host.run_command(["systemctl", "daemon-reload"])
                agent_host.run_command(["systemctl", "reset-failed", SERVICE_NAME])

    def folders(self, keep_data):
        layout = self._layout
        found = [layout.run, layout.log, layout.current, layout.versions]
        return found if keep_data else found + [layout.var, layout.etc]

    def remove_tree(self, path):
        if not os.path.lexists(path):
            return
        if self._act("remove %s" % path):
            if os.path.islink(path) or not os.path.isdir(path):
                os.unlink(path)
            else:
                shutil.rmtree(path)

    def remove_user(self, name):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            return
        # A system user that was made for the agent: not a person's account of the same name.
        if entry.pw_uid == 0 or entry.pw_dir != self._layout.var:
            self._task.warn("the user %s is kept: it was not made for the agent" % name)
            return
        if self._act("remove user %s" % name):
            status, said = agent_host.run_command(["userdel", name])
            if status == 127:
                status, said = agent_host.run_command(["deluser", name])
            if status:
                self._task.fail("the user %s cannot be removed: %s" % (name, agent_host.last_line(said)))

    def remove_home(self):
        layout = self._layout
        if not os.path.lexists(layout.home):
            return
        if self._task.check_mode:
            self.actions.append("remove %s" % layout.home)
            return
        for name in (
            layout.marker,
            layout.marker + ".new",
            layout.marker + ".before",
            layout.current + ".new",
        ):
            if os.path.lexists(name):
                os.unlink(name)
        try:
            os.rmdir(layout.home)
        except OSError:
            self._task.warn("%s is kept: there are other files in it" % layout.home)
        self.actions.append("remove %s" % layout.home)

    def _must(self, command):
        status, said = agent_host.run_command(command)
        if status:
            self._task.fail("%s: %s" % (" ".join(command), said), hint="journalctl -u %s" % SERVICE_NAME)
