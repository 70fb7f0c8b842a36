"""Start, stop or enable a service, whatever init the host has: systemd, OpenRC or SysV scripts."""

from stella_ops.remote.lib import inits, sysv, unit_service, units

ARGUMENTS = {
    "name": {"type": "str", "required": True, "doc": "name of the service"},
    "state": {"type": "str", "choices": ["started", "stopped", "reloaded", "restarted"]},
    "enabled": {"type": "bool", "doc": "whether it starts at boot"},
    "sleep": {"type": "int", "doc": "seconds between stop and start of a restart (SysV scripts)"},
    "pattern": {"type": "str", "doc": "text in the process list that says it runs (SysV scripts)"},
    "runlevel": {"type": "str", "default": "default", "doc": "OpenRC's runlevel"},
    "arguments": {"type": "str", "default": "", "aliases": ["args"], "doc": "further words for the init script"},
    "use": {"type": "str", "default": "auto", "doc": "the kind of init; found out by itself"},
}
ONLY_SCRIPTS = (("pattern", None), ("runlevel", "default"), ("sleep", None), ("arguments", ""))


def run(task):
    """Return name, state, enabled; with systemd also ``status``."""
    args = task.args
    kind = args["use"].lower()
    if kind in ("auto", "service", ""):
        kind = "systemd" if units.is_booted() else "openrc" if sysv.has_openrc() else "sysvinit"
    if kind in ("systemd", "systemd_service"):
        for name, default in ONLY_SCRIPTS:
            if args[name] != default:
                task.warn('Ignoring "{}" as it is not used in "systemd"'.format(name))
        wanted = dict(force=False, masked=None, daemon_reload=False, daemon_reexec=False, scope="system")
        wanted.update(no_block=False, name=args["name"], state=args["state"], enabled=args["enabled"])
        task.args = wanted
        return unit_service.run(task)
    if args["state"] is None and args["enabled"] is None:
        task.fail("one of the following is required: state, enabled")
    if kind == "openrc":
        return inits.manage(task, sysv.OpenRC(task, args["name"], args["runlevel"], args["arguments"]))
    if kind in ("sysvinit", "sysv"):
        script = sysv.Script(task, args["name"], args["arguments"], args["pattern"], args["sleep"])
        return inits.manage(task, script)
    return task.fail("use: '{}' is not known here; there are: auto, systemd, openrc, sysvinit".format(kind))
