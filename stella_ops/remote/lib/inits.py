"""What a service is to be, on hosts that another init than systemd runs."""


def manage(task, service):
    """Enable and start a service; each only when it differs.

    Args:
        service: has ``name``, ``is_enabled()``, ``enable(wanted)``, ``is_running()`` (None when it cannot be told)
            and ``act(verb)`` with start, stop, restart or reload.

    Returns:
        ansible-core's keys: name, enabled, state, changed.
    """
    args = task.args
    result = {"name": args["name"], "changed": False}
    if args["enabled"] is not None:
        result["enabled"] = args["enabled"]
        if service.is_enabled() != args["enabled"]:
            result["changed"] = True
            if not task.check_mode:
                service.enable(args["enabled"])
    wanted = args["state"]
    if wanted is None:
        return result
    result["state"] = "stopped" if wanted == "stopped" else "started"
    running = service.is_running()
    if running is None:
        task.fail("failed determining service state, possible typo of service name?")
    if wanted == "started":
        verb = None if running else "start"
    elif wanted == "stopped":
        verb = "stop" if running else None
    elif wanted == "reloaded":
        verb = "reload" if running else "start"
    else:
        verb = "restart"
    if verb is not None:
        result["changed"] = True
        if not task.check_mode:
            service.act(verb)
    return result
