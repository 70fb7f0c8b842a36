"""Start, stop or enable a service by its init script, whatever init the host has."""

import glob
import os
import re
import time

from stella_ops.remote.lib import process, programs, sysv

ARGUMENTS = {
    "name": {"type": "str", "required": True, "aliases": ["service"], "doc": "name of the script"},
    "state": {"type": "str", "choices": ["started", "stopped", "restarted", "reloaded"]},
    "enabled": {"type": "bool", "doc": "whether it starts at boot"},
    "sleep": {"type": "int", "default": 1, "doc": "seconds between stop and start of a restart"},
    "pattern": {"type": "str", "doc": "text in the process list that says it runs"},
    "arguments": {"type": "str", "aliases": ["args"], "doc": "further words for the script"},
    "runlevels": {"type": "list", "elements": "str", "doc": "the runlevels that are meant, in place of all"},
    "daemonize": {"type": "bool", "default": False, "doc": "give what the script starts a session of its own"},
}
# Words by which scripts say that they run or not; their exit status is less to be trusted.
STOPPED = ("stop", "is dead ", "dead but ", "could not access pid file", "inactive")
RUNNING = ("run", "start", "active")
VERBS = {"started": "start", "stopped": "stop", "restarted": "restart", "reloaded": "reload"}


def run(task):
    """Return name and status: for ``enabled`` and the state, changed, rc, stdout and stderr of what was called."""
    args = task.args
    if args["state"] is None and args["enabled"] is None:
        task.fail("one of the following is required: state, enabled")
    name = args["name"]
    script = name if name.startswith("/") else os.path.join(sysv.FOLDER, name)
    if not os.path.exists(script):
        task.fail("Could not find the requested service {}: ".format(name))
    running = is_running(task, script)
    result = {"name": name, "changed": False, "status": {"enabled": step()}}
    if args["runlevels"]:
        result["status"]["enabled"]["runlevels"] = args["runlevels"]
    if args["enabled"] is not None and any(on != args["enabled"] for on in enabled(args)):
        said = None if task.check_mode else enable(task)
        if said is not None and "illegal runlevel specified" in said.stderr:
            task.fail("Illegal runlevel specified for enable operation on service {}".format(name), **result)
        note(result, "enabled", said)
    if args["state"] is not None:
        result["status"].setdefault(args["state"], step())
        verb = VERBS[args["state"]]
        if verb in ("restart", "reload") or running != (verb == "start"):
            note(result, args["state"], None if task.check_mode else act(task, script, verb))
    return result


def step():
    """What is told of a step that was not taken."""
    return {"changed": False, "rc": None, "stdout": None, "stderr": None}


def note(result, name, said):
    """Tell of a step that was, or in check mode would be, taken."""
    result["changed"] = True
    result["status"][name]["changed"] = True
    if said is not None:
        result["status"][name].update(rc=said.rc, stdout=said.stdout, stderr=said.stderr)


def enabled(args):
    """Whether it starts, in each of the runlevels that are meant, or in any at all."""
    base = "/etc/rc{}.d" if os.path.isdir("/etc/rc0.d") else os.path.join(sysv.FOLDER, "rc{}.d")
    found = []
    for level in args["runlevels"] or ["?"]:
        name = glob.escape(os.path.basename(args["name"]))
        found.append(bool(glob.glob(os.path.join(base.format(level), "S??" + name))))
    return found


def enable(task):
    """With the host's own tool."""
    name, levels, wanted = task.args["name"], task.args["runlevels"], task.args["enabled"]
    tool = process.find("update-rc.d")
    if tool is not None:
        if wanted and not levels:
            said = programs.call(task, [tool, name, "defaults"])
            # Where links say that it is not to start, the defaults leave them so.
            return said if said.rc or all(enabled(task.args)) else programs.call(task, [tool, name, "enable"])
        return programs.call(task, [tool, name, "enable" if wanted else "disable"] + list(levels or []))
    tool = process.find("chkconfig")
    if tool is not None:
        words = ["--level", "".join(levels)] if levels else []
        return programs.call(task, [tool] + words + [name, "on" if wanted else "off"])
    return task.fail("this host has no tool to enable {}: neither update-rc.d nor chkconfig".format(name))


def is_running(task, script):
    """By the process list where there is a pattern, else by what the script says."""
    args = task.args
    if args["pattern"]:
        found = any(args["pattern"] in line for line in sysv.command_lines())
        if not found:
            task.warn("Unable to determine if service is up, assuming it is down")
        return found
    service = process.find("service")
    said = programs.call(task, [service, args["name"], "status"] if service else [script, "status"])
    text = said.stdout.lower()
    if text.count("\n") <= 1:
        text = text.replace(args["name"].lower(), "")
        if any(word in text for word in STOPPED):
            return False
        if any(word in text for word in RUNNING) and not re.search(r"\bnot ", text):
            return True
    if said.rc == 0:
        return True
    if said.rc in (1, 2, 3, 4, 69):
        return False
    if any(args["name"] in line for line in sysv.command_lines()):
        task.warn("that {} runs is told by the process list alone, which is not reliable".format(args["name"]))
        return True
    task.warn("Unable to determine if service is up, assuming it is down")
    return False


def act(task, script, verb):
    """Call the script; of a restart, its start counts."""
    before = [programs.need(task, "setsid"), "--wait"] if task.args["daemonize"] else []
    for each in ["stop", "start"] if verb == "restart" else [verb]:
        said = programs.call(task, before + [script, each] + (task.args["arguments"] or "").split())
        if said.rc != 0:
            told = {"rc": said.rc, "stdout": said.stdout, "stderr": said.stderr}
            task.fail("Failed to {} service: {}".format(verb, task.args["name"]), **told)
        if verb == "restart" and task.args["sleep"]:
            time.sleep(task.args["sleep"])
    return said
