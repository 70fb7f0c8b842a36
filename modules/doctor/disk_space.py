"""Check the free space of the file systems that hold the agent and its data."""

import os

from stella_ops.remote.lib import health, layout

CHECK = {"name": "Disk Space", "id": "disk-space", "category": "Resources"}

ARGUMENTS = {
    "prefix": {"type": "path"},
    # Warn from this share of used space; by default the agent's resource_limits.disk_percent, else 90.
    "warning_percent": {"type": "float"},
    "critical_percent": {"type": "float", "default": 95.0},
    "warning_free_bytes": {"type": "int", "default": 536870912},
    "critical_free_bytes": {"type": "int", "default": 104857600},
    # Further folders to look at.
    "paths": {"type": "list", "elements": "path", "default": []},
}

WARNING_PERCENT = 90.0
FEW_INODES_PERCENT = 95.0
RANK = {"healthy": 0, "warning": 1, "critical": 2}


def run(task):
    found = layout.Layout.find(task.args["prefix"])
    limits = thresholds(task.args, health.configuration(found))
    looked = []
    for path in [found.var, found.home, "/"] + task.args["paths"]:
        try:
            place = existing(path)
            device = os.stat(place).st_dev
            if any(one["device"] == device for one in looked):
                continue
            system = os.statvfs(place)
            if path != found.var and system.f_flag & os.ST_RDONLY:
                continue  # an image that is full and read-only by design; only var must be written
            looked.append(dict(judge(system, limits), path=place, device=device))
        except OSError as problem:
            return health.cannot_look(path, problem)
    # The agent's own file system comes first, and max() keeps the first of equals.
    worst = max(looked, key=lambda one: (RANK[one["status"]], one["used_percent"]))
    data = {
        "filesystems": [
            {name: value for name, value in one.items() if name not in ("device", "said")} for one in looked
        ],
        "warning_percent": limits["warning_percent"],
        "critical_percent": limits["critical_percent"],
    }
    if worst["status"] == "healthy":
        return health.healthy(
            "{} free on {} ({}% used)".format(health.size(worst["free_bytes"]), worst["path"], worst["used_percent"]),
            data=data,
        )
    say = health.critical if worst["status"] == "critical" else health.warning
    return say(
        "{} on {}".format(worst["said"], worst["path"]),
        "Free space: old agent versions, container images and logs are the usual finds",
        runbook="agent-disk-space",
        data=data,
    )


def thresholds(args, config):
    limits = {name: args[name] for name in ("critical_percent", "warning_free_bytes", "critical_free_bytes")}
    warn = args["warning_percent"]
    if warn is None:
        warn = health.percent_setting(config, "disk_percent") or WARNING_PERCENT
        # A limit set above the critical mark says how full this host may be: critical lies beyond it.
        if warn >= limits["critical_percent"]:
            limits["critical_percent"] = (warn + 100.0) / 2
    limits["warning_percent"] = warn
    return limits


def existing(path):
    """The folder itself or, where it does not exist yet, the nearest one above it."""
    path = os.path.abspath(path)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def judge(system, limits):
    """The verdict on one ``os.statvfs`` result, and its numbers.

    Shares are df's: of what users without root may fill, so that reserved blocks count as used up.
    """
    free = system.f_bavail * system.f_frsize
    used = (system.f_blocks - system.f_bfree) * system.f_frsize
    share = health.percent(used, used + free)
    inodes = health.percent(system.f_files - system.f_favail, system.f_files)
    status, said = "healthy", ""
    if system.f_flag & os.ST_RDONLY:
        status, said = "critical", "The file system is mounted read-only"
    elif system.f_blocks and (share >= limits["critical_percent"] or free <= limits["critical_free_bytes"]):
        status, said = "critical", space_text("Disk space is critically low", free, share)
    elif system.f_files and system.f_favail == 0:
        status, said = "critical", "No inodes are left"
    elif system.f_blocks and (share >= limits["warning_percent"] or free <= limits["warning_free_bytes"]):
        status, said = "warning", space_text("Disk space is low", free, share)
    elif system.f_files and inodes >= FEW_INODES_PERCENT:
        status, said = "warning", "Few inodes are left ({}% used)".format(inodes)
    return {
        "status": status,
        "said": said,
        "free_bytes": free,
        "total_bytes": used + free,
        "used_percent": share,
        "inodes_used_percent": inodes,
    }


def space_text(what, free, share):
    return "{}: {} free ({}% used)".format(what, health.size(free), share)
