"""Check the memory left on the host and within the limits of the agent's control groups."""

import os

from stella_ops.remote.lib import health, layout, pidfile

CHECK = {"name": "Memory Usage", "id": "memory-usage", "category": "Resources"}

ARGUMENTS = {
    "prefix": {"type": "path"},
    # Warn from this share; by default the agent's resource_limits.memory_percent, else 80.
    "warning_percent": {"type": "float"},
    "critical_percent": {"type": "float", "default": 95.0},
    # Where the kernel tells; elsewhere when an agent in a container sees its host's under another path.
    "procfs": {"type": "path", "default": "/proc"},
    "cgroupfs": {"type": "path", "default": "/sys/fs/cgroup"},
}

WARNING_PERCENT = 80.0

# Files of a control group: limit, usage, and the line of memory.stat with the page cache that is given back
# first.
V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def run(task):
    procfs = task.args["procfs"]
    found = layout.Layout.find(task.args["prefix"])
    try:
        memory = meminfo(health.read_text(os.path.join(procfs, "meminfo")))
        total, available = memory["MemTotal"], available_bytes(memory)
    except OSError as problem:
        return health.cannot_look(os.path.join(procfs, "meminfo"), problem)
    except KeyError as problem:
        return health.verdict("error", "{}/meminfo lacks {}".format(procfs, problem.args[0]))

    pid = pidfile.holder(found.pidfile)
    groups = control_groups(procfs, task.args["cgroupfs"], pid or "self", total)
    warn, bad = thresholds(task.args, health.configuration(found))
    places = [{"name": "the host", "used_percent": health.percent(total - available, total)}] + groups
    worst = max(places, key=lambda place: place["used_percent"])
    data = {
        "total_bytes": total,
        "available_bytes": available,
        "used_percent": places[0]["used_percent"],
        "swap_total_bytes": memory.get("SwapTotal", 0),
        "swap_free_bytes": memory.get("SwapFree", 0),
        "control_groups": groups,
        "agent_resident_bytes": resident_bytes(procfs, pid) if pid else None,
        "warning_percent": warn,
        "critical_percent": bad,
    }
    share = worst["used_percent"]
    if share < warn:
        return health.healthy(
            "{}% of memory used, {} available".format(places[0]["used_percent"], health.size(available)),
            data=data,
        )
    say, how = (health.critical, "critically high") if share >= bad else (health.warning, "high")
    return say(
        "Memory usage of {} is {}: {}% used".format(worst["name"], how, share),
        "Find what uses the memory ('ps aux --sort=-rss | head'), or raise the limit",
        runbook="agent-memory-usage",
        data=data,
    )


def thresholds(args, config):
    warn, bad = args["warning_percent"], args["critical_percent"]
    if warn is None:
        warn = health.percent_setting(config, "memory_percent") or WARNING_PERCENT
        if warn >= bad:
            bad = (warn + 100.0) / 2
    return warn, bad


def meminfo(text):
    """Bytes by name of /proc/meminfo (proc(5)); lines that are no sizes are left out."""
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        parts = rest.split()
        if len(parts) == 2 and parts[1] == "kB" and parts[0].isdigit():
            found[name.strip()] = int(parts[0]) * 1024
    return found


def available_bytes(memory):
    if "MemAvailable" in memory:
        return memory["MemAvailable"]
    # Kernels before 3.14 do not estimate it.
    return memory["MemFree"] + memory.get("Buffers", 0) + memory.get("Cached", 0)


def control_groups(procfs, cgroupfs, process, total):
    """Limits that bind below the host's memory, for a process's group and every group above it."""
    try:
        lines = health.read_text(os.path.join(procfs, str(process), "cgroup")).splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            roots, files = [cgroupfs, os.path.join(cgroupfs, "unified")], V2
        elif "memory" in controllers.split(","):
            roots, files = [os.path.join(cgroupfs, "memory")], V1
        else:
            continue
        for root in roots:
            found += [group for group in limits_above(root, path, files) if group["limit_bytes"] < total]
    return found


def limits_above(root, path, files):
    # Inside a container the path may be the host's, and lead nowhere here: then only the root is left.
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for length in range(len(parts), -1, -1):
        folder = os.path.join(root, *parts[:length])
        try:
            limit = int(health.read_text(os.path.join(folder, files[0])))
            used = int(health.read_text(os.path.join(folder, files[1])))
            statistics = health.read_text(os.path.join(folder, "memory.stat"))
        except (OSError, ValueError):  # "max", or not a group with a limit
            continue
        cache = 0
        for line in statistics.splitlines():
            name, _, number = line.partition(" ")
            if name == files[2] and number.strip().isdigit():
                cache = int(number)
        yield {
            "name": "control group /" + "/".join(parts[:length]),
            "limit_bytes": limit,
            "used_bytes": max(used - cache, 0),
            "used_percent": health.percent(max(used - cache, 0), limit) if limit > 0 else 100.0,
        }


def resident_bytes(procfs, pid):
    try:
        return meminfo(health.read_text(os.path.join(procfs, str(pid), "status"))).get("VmRSS")
    except OSError:
        return None
