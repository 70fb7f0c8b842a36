"""What the doctor's checks share: how a verdict is said, and how the agent's own files are read.

A check is a module whose ``run`` returns a verdict; see ``verdict``. It looks and never changes. Where it
may not look (a file is there but not readable for this user) its verdict is ``error``: that is neither a
healthy nor a sick host.
"""

import calendar
import errno
import json
import math
import os
import re
import time

from stella_ops.remote.lib import agent_config

RUNBOOKS = "https://docs.stella-ops.org/runbooks/"

MISSING = frozenset([errno.ENOENT, errno.ENOTDIR])
LONGEST_FILE = 4 * 1024 * 1024

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


def verdict(status, message, hint=None, runbook=None, data=None):
    """A check's answer.

    Args:
        status: healthy, warning, critical or error.
        message: what was found, one sentence without a full stop.
        hint: what to do next.
        runbook: slug of a page in docs/runbooks.
        data: numbers and names behind the message; JSON types.
    """
    return {
        "status": status,
        "message": message,
        "remediation_hint": hint,
        "runbook_url": RUNBOOKS + runbook if runbook else None,
        "data": data or {},
    }


def healthy(message, data=None):
    return verdict("healthy", message, data=data)


def warning(message, hint=None, runbook=None, data=None):
    return verdict("warning", message, hint, runbook, data)


def critical(message, hint=None, runbook=None, data=None):
    return verdict("critical", message, hint, runbook, data)


def cannot_look(path, problem):
    """The verdict where ``problem`` (an OSError) keeps the check from reading ``path``."""
    return verdict(
        "error",
        "Cannot read {}: {}".format(path, problem.strerror or problem),
        "Run the doctor as root (--become) or as the agent's own user",
        data={"path": path},
    )


def is_missing(problem):
    """Whether an OSError says that the file is not there (rather than hidden from this user)."""
    return problem.errno in MISSING


def read_bytes(path):
    """The content of a file. Raises OSError; one with EFBIG for a file that no agent writes."""
    with open(path, "rb") as source:
        content = source.read(LONGEST_FILE + 1)
    if len(content) > LONGEST_FILE:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    return content


def read_text(path):
    """The content of a file as text; what is not UTF-8 becomes U+FFFD. Raises OSError."""
    return read_bytes(path).decode("utf-8", "replace")


def read_mapping(path):
    """The JSON object in a file. Raises OSError, or ValueError when the file holds something else."""
    try:
        value = json.loads(read_bytes(path).decode("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply")
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    return value


def configuration(layout):
    """The agent's configuration for checks that take a threshold from it: empty when there is none to read.

    That it is missing or broken is told by the check "Configuration Validity" alone.
    """
    try:
        return read_mapping(layout.config)
    except (OSError, ValueError):
        return {}


def setting(config, *names):
    """A nested value of a configuration, or None: ``setting(config, "resource_limits", "disk_percent")``."""
    value = config
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def percent_setting(config, name):
    """A percentage of ``resource_limits``, or None when it is not given or no percentage."""
    value = setting(config, "resource_limits", name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 < value <= 100 else None


def agent_names(config):
    """Who the agent is by its configuration, as part of a verdict's data."""
    return {
        "agent_id": _text_or_none(config.get("agent_id")),
        "agent_name": _text_or_none(config.get("agent_name")),
    }


def _text_or_none(value):
    return value if isinstance(value, str) and value else None


def seconds(text):
    """Seconds of a duration such as "30s", "5m", "7d" or "1h30m"; None when it is no duration."""
    try:
        return agent_config.parse_duration(text)
    except ValueError:
        return None


def parse_time(text):
    """Seconds since the epoch of an ISO 8601 time with zone; None when it is none."""
    parts = _TIME.fullmatch(text) if isinstance(text, str) else None
    if parts is None:
        return None
    try:
        moment = calendar.timegm(time.strptime(parts.group(1) + parts.group(2), "%Y-%m-%d%H:%M:%S"))
    except ValueError:
        return None
    zone = parts.group(4)
    if zone != "Z":
        offset = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
        moment += offset if zone[0] == "-" else -offset
    return moment + float(parts.group(3) or 0)


def universal(moment):
    """A time as .NET's format "u" prints it: ``2026-01-17 21:32:08Z``."""
    return _stamp(moment, "{:04d}-{:02d}-{:02d} {:02d}:{:02d}:{:02d}Z")


def iso(moment):
    """A time in ISO 8601: ``2026-01-17T21:32:08Z``."""
    return _stamp(moment, "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}Z")


def _stamp(moment, shape):
    # strftime pads years below 1000 differently on each C library, and certificates may hold any year.
    return shape.format(*time.gmtime(math.floor(moment))[:6])


def whole(number):
    """A number without fraction, halves away from zero as .NET's format "F0" rounds."""
    return math.floor(abs(number) + 0.5) * (1 if number >= 0 else -1)


def percent(part, total):
    """``part`` of ``total`` in percent, one digit; 0 when there is no total."""
    return round(100.0 * part / total, 1) if total else 0.0


def size(count):
    """Bytes for people: ``512 B``, ``1.5 GiB``."""
    if count < 1024:
        return "{} B".format(count)
    number, units = count / 1024.0, ["KiB", "MiB", "GiB", "TiB", "PiB"]
    while number >= 1024 and len(units) > 1:
        number /= 1024
        units.pop(0)
    return "{:.1f} {}".format(number, units[0])
