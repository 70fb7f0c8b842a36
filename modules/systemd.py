"""Start, stop, enable or mask a systemd unit."""

from stella_ops.remote.lib import unit_service

ARGUMENTS = {
    "name": {"type": "str", "aliases": ["service", "unit"]},
    "state": {"type": "str", "choices": ["reloaded", "restarted", "started", "stopped"]},
    "enabled": {"type": "bool", "doc": "whether it starts at boot"},
    "force": {"type": "bool", "default": False, "doc": "let enable and mask replace links that are in the way"},
    "masked": {"type": "bool", "doc": "whether it is kept from being started at all"},
    "daemon_reload": {"type": "bool", "default": False, "aliases": ["daemon-reload"]},
    "daemon_reexec": {"type": "bool", "default": False, "aliases": ["daemon-reexec"]},
    "scope": {
        "type": "str",
        "default": "system",
        "choices": ["system", "user", "global"],
        "doc": "the system's manager, the task user's own, or what is enabled for all users",
    },
    "no_block": {"type": "bool", "default": False, "doc": "do not wait until the job is done"},
}


def run(task):
    """Return name, state, enabled, masked where asked for, and ``status``: the unit's properties."""
    return unit_service.run(task)
