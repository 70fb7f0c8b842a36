"""Start, stop or restart the agent, and have it start with the host."""

import base64
import hashlib
import os
import re
import signal
import time

from stella_ops.remote.lib import agent_host, pidfile
from stella_ops.remote.lib.layout import SERVICE_NAME

ARGUMENTS = {
    "prefix": {"type": "path"},
    "state": {"type": "str", "choices": ["started", "stopped", "restarted"], "default": None},
    "enabled": {"type": "bool"},
    "wait": {"type": "float", "default": 0},
}


def run(task):
    """Return ``running``, ``pid``, ``manager`` ("systemd" or "process") and ``actions``.

    ``started`` means: running what is installed. An agent that still runs another package is restarted, and one
    that has not taken up the configuration or certificate on disk is told to. So a run makes up for one before
    it that was cut off between a change and the restart.

    With ``wait`` (seconds) it returns only when the agent runs and has given a heartbeat since it started;
    the heartbeat is then in ``heartbeat``. Fails with the end of the agent's log otherwise.
    """
    layout = agent_host.layout_for(task)
    state, enabled = task.args["state"], task.args["enabled"]
    if state is None and enabled is None:
        task.fail("say what is wanted: state or enabled")
    if not os.path.isfile(layout.package):
        if task.check_mode or (state == "stopped" and not enabled):
            return {"changed": state != "stopped", "running": False, "pid": None, "actions": []}
        agent_host.require_installed(task, layout)
    if not agent_host.uses_systemd(layout):
        manager = _Process(task, layout)
    elif os.path.exists(agent_host.UNIT_PATH):
        manager = _Systemd(task, layout)
    else:
        task.fail("there is no unit %s" % agent_host.UNIT_PATH, hint="install the agent again")
    actions = []
    if enabled is not None:
        manager.enable(enabled, actions)
    if state is not None:
        manager.bring_to(state, actions)
    result = {"changed": bool(actions), "manager": manager.name, "actions": actions}
    if not task.check_mode and state in ("started", "restarted") and task.args["wait"] > 0:
        result["heartbeat"] = _await_heartbeat(task, layout, task.args["wait"])
    pid = agent_host.running_pid(layout)
    result.update(running=pid is not None, pid=pid or None)
    return result


class _Systemd(object):
    name = "systemd"

    def __init__(self, task, layout):
        self._task = task
        self._layout = layout

    def enable(self, wanted, actions):
        is_enabled = agent_host.run_command(["systemctl", "is-enabled", SERVICE_NAME])[0] == 0
        if is_enabled != wanted:
            verb = "enable" if wanted else "disable"
            actions.append(verb)
            self._do(verb)

    def bring_to(self, state, actions):
        active = agent_host.run_command(["systemctl", "is-active", SERVICE_NAME])[1] == "active"
        if state == "restarted":
            verb = "restart"
        elif state == "started":
            verb = _catch_up(self._layout) if active else "start"
        else:
            # A unit that waits for its next try is not active, but must be stopped all the same.
            quiet = agent_host.run_command(["systemctl", "is-failed", SERVICE_NAME])[1]
            verb = None if quiet in ("inactive", "failed", "unknown") and not active else "stop"
        if verb:
            actions.append(verb)
            self._do(verb)

    def _do(self, verb):
        if self._task.check_mode:
            return
        status, said = agent_host.run_command(["systemctl", verb, SERVICE_NAME])
        if status:
            _fail(self._task, self._layout, "systemctl %s: %s" % (verb, said or "exit status %d" % status))


class _Process(object):
    """An agent under its own supervisor."""

    name = "process"

    def __init__(self, task, layout):
        self._task = task
        self._layout = layout

    def enable(self, wanted, actions):
        if wanted:
            self._task.warn("without systemd as root, nothing starts the agent when the host boots")

    def bring_to(self, state, actions):
        supervised = pidfile.holder(self._layout.supervisor_pidfile) is not None
        any_running = supervised or agent_host.running_pid(self._layout) is not None
        verb = _catch_up(self._layout) if state == "started" and supervised else None
        if verb == "reload":
            actions.append(verb)
            self._reload()
        elif any_running and (state in ("stopped", "restarted") or verb == "restart" or not supervised):
            # An agent without its supervisor (that was killed) would not come back after a crash.
            actions.append("stop")
            self._do("stop")
            supervised = False
        if state != "stopped" and not supervised:
            actions.append("start")
            self._do("supervise")

    def _do(self, command):
        if self._task.check_mode:
            return
        if command == "supervise":
            self._make_run_folder()
        status, written, complaint = agent_host.run_agent(self._layout, command)
        if status:
            said = agent_host.last_line((written + b"\n" + complaint).decode("utf-8", "replace"))
            _fail(self._task, self._layout, said)

    def _reload(self):
        pid = agent_host.running_pid(self._layout)
        if pid and not self._task.check_mode:
            os.kill(pid, signal.SIGHUP)

    def _make_run_folder(self):
        """/run is empty after a boot, and only root can make the folder there."""
        entry = agent_host.agent_user(self._layout)
        if not os.path.isdir(self._layout.run):
            os.makedirs(self._layout.run)
            os.chmod(self._layout.run, 0o755)
            if entry:
                os.chown(self._layout.run, entry.pw_uid, entry.pw_gid)


def _catch_up(layout):
    """What a running agent needs to live by what is on disk: "restart", "reload" or None."""
    pid = agent_host.running_pid(layout)
    status = agent_host.read_state(layout.status) or {}
    if not pid or status.get("pid") != pid:
        return None  # it is just starting: with what is there
    if status.get("package_sha256") != hashlib.sha256(agent_host.read_agents_file(layout.package) or b"").hexdigest():
        return "restart"
    config, certificate = agent_host.read_agents_file(layout.config), agent_host.read_agents_file(layout.certificate)
    # A file that is missing is nothing to take up: the agent goes on with what it has.
    news = [
        config is not None and status.get("config_sha256") != hashlib.sha256(config).hexdigest(),
        certificate is not None and status.get("certificate_fingerprint") != _fingerprint(certificate),
    ]
    return "reload" if any(news) else None


def _fingerprint(chain):
    """Hex SHA-256 of the first certificate (DER) in PEM bytes, or None."""
    found = re.search(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", chain or b"", re.DOTALL)
    try:
        return hashlib.sha256(base64.b64decode(found.group(1))).hexdigest() if found else None
    except ValueError:
        return None


def _await_heartbeat(task, layout, seconds):
    """The first or a later heartbeat of the run that is on now.

    Runs are told apart by heartbeat numbers and not by times, since a host's clock may step meanwhile.
    """
    deadline = time.monotonic() + seconds
    while True:
        pid = agent_host.running_pid(layout)
        status = agent_host.read_state(layout.status) or {}
        beat = agent_host.read_state(layout.heartbeat) or {}
        if pid and status.get("pid") == pid and status.get("state") == "running":
            if beat.get("seq", -1) >= status.get("first_seq", 0):
                return beat
        if time.monotonic() >= deadline:
            seen = "it runs but gave no heartbeat" if pid else "it does not run"
            _fail(task, layout, "%s within %g seconds" % (seen, seconds))
        time.sleep(0.05)


def _fail(task, layout, reason):
    tail = agent_host.log_tail(layout)
    cause = " Its log ends with: %s" % tail[-1] if tail else ""
    hint = "journalctl -u stella-agent" if agent_host.uses_systemd(layout) else "see %s" % layout.logfile
    task.fail("the agent: %s.%s" % (reason, cause), log=tail, hint=hint)
