"""Gather the host's services as facts."""

import os
import re

from stella_ops.remote.lib import process, programs, units

ARGUMENTS = {}  # type: dict[str, dict]
BAD = ("not-found", "masked", "failed")


def run(task):
    """Return the fact ``services``: name, state, status and source by each service's name."""
    services = {}
    scripts(task, services)
    openrc(task, services)
    if units.is_booted() and process.find("systemctl"):
        systemd(task, services)
    if not services:
        return {
            "changed": False,
            "skipped": True,
            "msg": "Failed to find any services. This can be due to privileges or some other configuration issue.",
        }
    return {"changed": False, "ansible_facts": {"services": services}}


def systemd(task, services):
    """Units as the manager sees them, then the unit files that it has not loaded."""
    systemctl = programs.need(task, "systemctl")
    quiet = ["--no-pager", "--no-legend", "--plain", "--all", "--type", "service"]
    said = programs.call(task, [systemctl, "list-units"] + quiet)
    if said.rc != 0:
        task.warn("Could not list units from systemd: {}".format(said.stderr.strip()))
    for line in said.stdout.splitlines():
        fields = line.split(None, 4)
        if len(fields) < 4 or not fields[0].endswith(".service"):
            continue
        name, words = fields[0], fields[1:4]
        bad = [word for word in BAD if word in words]
        services[name] = {
            "name": name,
            "state": "running" if words[2] == "running" else "stopped",
            "status": bad[0] if bad else words[1],
            "source": "systemd",
        }
    said = programs.call(task, [systemctl, "list-unit-files"] + quiet)
    if said.rc != 0:
        task.warn("Could not get unit files data from systemd: {}".format(said.stderr.strip()))
    unloaded = []
    for line in said.stdout.splitlines():
        fields = line.split()
        if len(fields) < 2 or not fields[0].endswith(".service"):
            continue
        name, status = fields[:2]
        if name not in services:
            services[name] = {"name": name, "state": "unknown", "status": status, "source": "systemd"}
            if not name.endswith("@.service"):
                unloaded.append(name)
        elif services[name]["status"] not in BAD:
            services[name]["status"] = status
    for name, state in states(task, systemctl, unloaded):
        services[name]["state"] = state


def states(task, systemctl, names):
    """(name, ActiveState) of units, asked for in one call however many they are."""
    if not names:
        return
    said = programs.call(task, [systemctl, "show", "--property=ActiveState", "--"] + names)
    found = re.findall(r"^ActiveState=(.*)$", said.stdout, re.MULTILINE)
    if len(found) == len(names):
        for place, name in enumerate(names):
            yield name, found[place]


def scripts(task, services):
    """Init scripts, as service(8) tells of them."""
    program = process.find("service")
    if program is None or not os.path.isdir("/etc/init.d") or process.find("rc-status"):
        return
    said = programs.call(task, [program, "--status-all"])
    for sign, name in re.findall(r"^\s*\[ ([+-]) \]\s+(.+)$", said.stdout, re.MULTILINE):
        services[name] = {"name": name, "state": "running" if sign == "+" else "stopped", "source": "sysv"}


def openrc(task, services):
    """Services of all runlevels."""
    program = process.find("rc-status")
    if program is None:
        return
    said = programs.call(task, [program, "-a", "-s"])
    for name, status in re.findall(r"^\s*(\S+)\s+\[\s*(\w+)", said.stdout, re.MULTILINE):
        state = "running" if status == "started" else "stopped"
        services[name] = {"name": name, "state": state, "source": "openrc"}
