"""Check that the agent runs and when it last gave a sign of life."""

import time

from stella_ops.remote.lib import health, layout, pidfile

CHECK = {"name": "Heartbeat", "id": "heartbeat", "category": "Core"}

ARGUMENTS = {
    "prefix": {"type": "path"},
    "warning_seconds": {"type": "float", "default": 120.0},
    "critical_seconds": {"type": "float", "default": 300.0},
    # Judge for this time (seconds since the epoch) instead of the host's clock.
    "now": {"type": "float"},
}

# An agent that beats every 30 s misses 4 beats in the two minutes, and 10 in the five, of the thresholds.
# One that beats more slowly is given as many.
WARNING_BEATS = 4
CRITICAL_BEATS = 10

# A heartbeat may be this much ahead of the clock: it was set back by a little.
CLOCK_TOLERANCE = 60.0


def run(task):
    found = layout.Layout.find(task.args["prefix"])
    config = health.configuration(found)
    pid = pidfile.holder(found.pidfile)
    try:
        beat = health.read_mapping(found.heartbeat)
        moment = health.parse_time(beat.get("time"))
        if moment is None:
            raise ValueError("it has no time")
    except OSError as problem:
        if not health.is_missing(problem):
            return health.cannot_look(found.heartbeat, problem)
        return no_heartbeat(found, pid)
    except ValueError as problem:
        return health.critical(
            "Heartbeat cannot be read: {}".format(problem),
            restart(found),
            runbook="agent-no-heartbeat",
            data={"path": found.heartbeat, "pid": pid},
        )

    now = time.time() if task.args["now"] is None else task.args["now"]
    age = now - moment
    late, stale = limits(task.args, config)
    data = {
        "last_heartbeat": health.iso(moment),
        "age_seconds": round(age, 1),
        "warning_seconds": late,
        "critical_seconds": stale,
        "pid": pid,
        "seq": beat.get("seq"),
        "version": beat.get("version"),
        "agent_status": beat.get("status"),
    }
    said = health.agent_names({"agent_id": beat.get("agent_id"), "agent_name": beat.get("name")})
    data.update({name: value or said[name] for name, value in health.agent_names(config).items()})
    if pid is None:
        what = "was stopped" if beat.get("status") == "stopping" else "is not running"
        return health.critical(
            "Agent process {} (last heartbeat: {})".format(what, ago(age)),
            restart(found),
            runbook="agent-not-running",
            data=data,
        )
    if age > stale:
        return health.critical(
            "Heartbeat is stale (last heartbeat: {})".format(ago(age)),
            restart(found),
            runbook="agent-heartbeat-stale",
            data=data,
        )
    if age > late:
        return health.warning(
            "Heartbeat is delayed (last heartbeat: {})".format(ago(age)),
            "Look again in a minute; if it stays late, check the host's load and the agent's logs",
            runbook="agent-heartbeat-stale",
            data=data,
        )
    if age < -CLOCK_TOLERANCE:
        return health.warning(
            "Last heartbeat is {}s in the future".format(health.whole(-age)),
            "The host's clock was set back: check its time synchronisation",
            runbook="agent-heartbeat-stale",
            data=data,
        )
    if beat.get("status") == "degraded":
        reasons = beat.get("reasons")
        reasons = [str(reason) for reason in reasons] if isinstance(reasons, list) else []
        return health.warning(
            "Agent reports that it is degraded: {}".format("; ".join(reasons) or "it gives no reason"),
            "Check its logs ('stella agent logs --tail 100')",
            data=dict(data, reasons=reasons),
        )
    return health.healthy("Last heartbeat: {}".format(ago(age)), data=data)


def no_heartbeat(found, pid):
    data = {"path": found.heartbeat, "pid": pid}
    if not found.exists():
        hint = "Run 'stella agent bootstrap' to install and start the agent"
    else:
        hint = restart(found)
    return health.critical("No heartbeat found", hint, runbook="agent-no-heartbeat", data=data)


def restart(found):
    how = "systemctl restart stella-agent" if found.is_system else "stella agent bootstrap"
    return "Restart the agent ('{}') and check its logs ({})".format(how, found.logfile)


def limits(args, config):
    """Ages, in seconds, that a warning and a critical begin beyond."""
    interval = health.seconds(config.get("heartbeat_interval")) or 0.0
    return (
        max(args["warning_seconds"], WARNING_BEATS * interval),
        max(args["critical_seconds"], CRITICAL_BEATS * interval),
    )


def ago(age):
    age = max(age, 0.0)
    if age <= 300:
        return "{}s ago".format(health.whole(age))
    if age <= 7200:
        return "{}m ago".format(health.whole(age / 60))
    if age <= 172800:
        return "{}h ago".format(health.whole(age / 3600))
    return "{}d ago".format(health.whole(age / 86400))
