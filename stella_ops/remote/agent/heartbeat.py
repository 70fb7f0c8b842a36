"""What one heartbeat says."""

import os
import time

from stella_ops.remote.agent import storage


def compose(configuration, certificate, certificate_problem, version, started, stopping=False):
    """A heartbeat without its number.

    Args:
        configuration: the ``configuration.Applied`` in force; its problems are those of the file on disk.
        certificate: what ``certificate.read_certificate`` gave, or None.
        certificate_problem: why there is none, or None.
        started: ``time.monotonic()`` of the agent's start.
        stopping: the last one, of a clean stop.
    """
    now = storage.iso()
    reasons = list(configuration.problems)
    if certificate is None:
        reasons.append(certificate_problem or "no certificate is installed")
    elif certificate["not_after"] < now:
        reasons.append("the certificate has expired at %s" % certificate["not_after"])
    elif certificate["not_before"] > now:
        reasons.append("the certificate is not valid before %s" % certificate["not_before"])
    values = configuration.values
    status = "stopping" if stopping else "degraded" if reasons else "healthy"
    return {
        "time": now,
        "agent_id": values["agent_id"],
        "name": values["agent_name"],
        "environment": values["environment"],
        "version": version,
        "status": status,
        "reasons": reasons,
        "uptime_seconds": int(time.monotonic() - started),
        "config_sha256": configuration.sha256,
        "tasks_running": 0,
        "load": load(),
    }


def complain(beat, reasons):
    """Add reasons to a heartbeat, which is not a healthy one then."""
    beat["reasons"] = beat["reasons"] + reasons
    if beat["status"] == "healthy":
        beat["status"] = "degraded"


def load():
    """The load averages over 1, 5 and 15 minutes; empty where the kernel does not tell."""
    try:
        return [round(value, 2) for value in os.getloadavg()]
    except OSError:
        return []
