"""What a systemd unit is to be: masked, enabled, started; the body of the modules ``systemd`` and ``service``."""

import os

from stella_ops.remote.lib import units


def run(task):
    """Return name, state, enabled, masked where asked for, and ``status``: the unit's properties before."""
    args = task.args
    check_arguments(task)
    systemctl = units.Systemctl(args["scope"])
    require_systemd(task, systemctl)
    try:
        for wanted, verb in (("daemon_reexec", "daemon-reexec"), ("daemon_reload", "daemon-reload")):
            if args[wanted] and not task.check_mode and args["scope"] != "global":
                systemctl.do(verb)
        if args["name"] is None:
            return {"changed": False, "name": None, "status": {}}
        return manage(task, systemctl, units.full_name(args["name"]))
    except units.SystemctlError as error:
        return task.fail(str(error), hint=hint_for(str(error), args["scope"]), **told(error))


def check_arguments(task):
    """Refuse what contradicts itself."""
    args = task.args
    if args["name"] is None:
        for name in ("state", "enabled", "masked"):
            if args[name] is not None:
                task.fail("missing parameter(s) required by '{}': name".format(name))
    for letter in "*?[":
        if letter in (args["name"] or ""):
            task.fail(
                "This module does not currently support using glob patterns, found '{}' in service name: {}".format(
                    letter, args["name"]
                ),
                hint="one unit a task is managed: use a loop",
            )
    if args["scope"] == "global" and args["state"] is not None:
        task.fail("units of scope 'global' can be enabled and masked, not started: each user has an own manager")


def require_systemd(task, systemctl):
    """Fail clearly on a host that another init, or none, runs.

    In a chroot, where an image is being made, units can be enabled and masked, but not started.
    """
    if systemctl.program is not None:
        if units.is_booted():
            return
        if os.environ.get("SYSTEMD_OFFLINE") == "1" or in_chroot():
            task.warn("systemd is offline here (a chroot): units are enabled and masked, but neither started nor asked")
            task.args.update(state=None, daemon_reload=False, daemon_reexec=False)
            return
        if not any(task.args[name] for name in ("state", "daemon_reload", "daemon_reexec")):
            systemctl.managed = False  # unit files are enabled and masked without it
            return
    first = units.first_process()
    what = "'{}'".format(task.args["name"]) if task.args["name"] else "units"
    task.fail(
        "this host does not run systemd (process 1 is '{}'), so {} cannot be managed here".format(first, what),
        hint="run it as a plain process: a 'command' task with 'setsid PROGRAM', or by the host's own init; "
        "an agent installed with a prefix runs as a plain supervised process; "
        "guard this task with: when: ansible_service_mgr == 'systemd'",
        service_mgr=first,
    )


def in_chroot():
    """True when our root is not that of process 1."""
    try:
        return not os.path.samestat(os.stat("/"), os.stat("/proc/1/root/."))
    except OSError:
        return False


def manage(task, systemctl, unit):
    """Mask, enable and start, in this order; each only when it differs."""
    status = systemctl.properties(unit)
    result = {"changed": False, "name": task.args["name"], "status": dict(status)}
    if all(task.args[name] is None for name in ("state", "enabled", "masked")):
        return result
    if is_missing(systemctl, unit, status):
        if task.args["masked"] is None or task.args["state"] or task.args["enabled"]:
            return missing(task, systemctl, unit, result)
        # What is not installed yet can be masked: it then never starts by itself.
        result["changed"] = set_masked(task, systemctl, unit, status, result)
        return result
    if status.get("NeedDaemonReload") == "yes" and not task.args["daemon_reload"]:
        task.warn("{} has changed on disk since systemd read it; set daemon_reload: true".format(unit))
    result["changed"] = set_masked(task, systemctl, unit, status, result)
    result["changed"] = set_enabled(task, systemctl, unit, status, result) or result["changed"]
    result["changed"] = set_state(task, systemctl, unit, status, result) or result["changed"]
    return result


def is_missing(systemctl, unit, status):
    """True when neither the manager nor a unit file knows it."""
    if status.get("LoadState") not in (None, "not-found"):
        return False
    if status.get("ActiveState") in units.RUNNING:
        return False  # its file was removed while it runs: it can still be stopped
    return systemctl.enablement(unit) == "not-found"


def missing(task, systemctl, unit, result):
    """A unit that is not there: fine when it is to be stopped and disabled in check mode, else a failure."""
    message = "Could not find the requested service {}: host".format(task.args["name"])
    if task.check_mode:
        task.warn(message + " (in check mode, a task before this one may be what installs it)")
        wanted = task.args["state"] not in (None, "stopped") or bool(task.args["enabled"]) or task.args["masked"]
        result["changed"] = bool(wanted)
        return result
    close = systemctl.nearest(unit)
    hint = "did you mean '{}'?".format(close) if close else "a new unit file needs daemon_reload: true"
    return task.fail(message, hint=hint)


def set_masked(task, systemctl, unit, status, result):
    """Mask or unmask; True when it changes."""
    wanted = task.args["masked"]
    if wanted is None:
        return False
    result["masked"] = wanted
    if (status.get("LoadState") == "masked" or status.get("UnitFileState") == "masked") == wanted:
        return False
    if not task.check_mode:
        force = ["--force"] if task.args["force"] and wanted else []
        verb = "mask" if wanted else "unmask"
        try:
            systemctl.do(*([verb] + force + ["--", unit]))
        except units.SystemctlError as error:
            text = "Failed to {} the service ({}): {}".format(verb, task.args["name"], error)
            task.fail(text, hint_for(str(error), task.args["scope"]), **told(error))
        status.clear()
        status.update(systemctl.properties(unit))
    return True


def set_enabled(task, systemctl, unit, status, result):
    """Enable or disable; True when it changes."""
    wanted = task.args["enabled"]
    if wanted is None:
        return False
    result["enabled"] = wanted
    word = status.get("UnitFileState") or ""
    if word in ("", "bad", "generated"):
        word = systemctl.enablement(unit)  # init scripts are enabled in rc*.d, which the manager does not read
    if word == "masked" and wanted and not (task.check_mode and task.args["masked"] is False):
        task.fail("{} is masked and cannot be enabled; set masked: false".format(unit))
    if word in ("static", "transient"):
        task.warn("{} is '{}': it has nothing to enable or disable".format(unit, word))
        return False
    if (word in ("enabled", "generated")) == wanted and not (wanted and task.args["force"]):
        return False
    if not task.check_mode:
        words = ["enable" if wanted else "disable"] + (["--force"] if task.args["force"] else [])
        systemctl.do(*(words + ["--", unit]))
    return True


def set_state(task, systemctl, unit, status, result):
    """Start, stop, restart or reload; True when it changes."""
    wanted = task.args["state"]
    if wanted is None:
        return False
    result["state"] = "stopped" if wanted == "stopped" else "started"
    active = status.get("ActiveState", "inactive")
    running = active in units.RUNNING
    if wanted == "started":
        verb = None if running else "start"
    elif wanted == "stopped":
        verb = "stop" if running or active == "deactivating" else None
    elif wanted == "reloaded":
        verb = "reload" if running else "start"
    else:
        verb = "restart" if running else "start"
    if verb is None:
        return False
    if verb != "stop" and status.get("LoadState") == "masked" and not task.check_mode:
        message = "Unable to {0} service {1}: Failed to {0} {2}: Unit {2} is masked."
        task.fail(message.format(verb, task.args["name"], unit), hint="set masked: false")
    if not task.check_mode:
        act(task, systemctl, verb, unit)
    return True


def act(task, systemctl, verb, unit):
    """Give the manager the job; on failure the unit's own last words come along."""
    words = [verb] + (["--no-block"] if task.args["no_block"] else [])
    try:
        systemctl.do(*(words + ["--", unit]))
    except units.SystemctlError as error:
        log = units.last_log_lines(unit, task.args["scope"])
        task.fail(
            "Unable to {} service {}: {}".format(verb, task.args["name"], error),
            hint=hint_for(str(error), task.args["scope"]),
            status=systemctl.properties(unit),
            log_lines=log,
        )


def told(error):
    """rc, stdout and stderr of a systemctl that said no."""
    if error.outcome is None:
        return {}
    text = [each.decode("utf-8", "replace") for each in error.outcome[1:]]
    return {"rc": error.outcome.rc, "stdout": text[0], "stderr": text[1]}


def hint_for(text, scope):
    """What to do next, where systemctl's words are known; else None."""
    if "onnect to bus" in text or "scope bus" in text or "DBUS" in text:
        if scope == "user":
            return "no user manager runs: 'loginctl enable-linger USER' starts one without a login"
        return "the system bus does not answer; is dbus running?"
    if "uthentication" in text or "ccess denied" in text or "ermission denied" in text:
        return "this needs root: set become: true"
    return None
