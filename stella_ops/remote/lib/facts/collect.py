"""Which facts are asked for, and gathering them so that one group's trouble is not another's."""

from stella_ops.remote.lib.facts import (
    devices,
    distribution,
    hardware,
    initiators,
    mounts,
    network,
    platform,
    runtime,
    system,
    virtual,
)

# Name of a group, the subset it belongs to, and what gathers it.
GROUPS = (
    ("platform", "min", platform.gather),
    ("distribution", "min", distribution.gather),
    ("python", "min", runtime.python),
    ("user", "min", runtime.user),
    ("env", "min", runtime.env),
    ("date_time", "min", runtime.date_time),
    ("cmdline", "min", runtime.cmdline),
    ("dns", "min", runtime.dns),
    ("service_mgr", "min", system.service_manager),
    ("pkg_mgr", "min", system.package_manager),
    ("selinux", "min", system.security),
    ("chroot", "min", system.chroot),
    ("caps", "min", initiators.capabilities),
    ("ssh_pub_keys", "min", system.ssh_host_keys),
    ("memory", "hardware", hardware.memory),
    ("processor", "hardware", hardware.processors),
    ("uptime", "hardware", hardware.uptime),
    ("dmi", "hardware", hardware.firmware),
    ("mounts", "hardware", mounts.gather),
    ("devices", "hardware", devices.gather),
    ("lvm", "hardware", devices.lvm),
    ("interfaces", "network", network.gather),
    ("initiators", "network", initiators.names),
    ("virtual", "virtual", virtual.gather),
)
SUBSETS = ("all", "min", "hardware", "network", "virtual", "local", "ohai", "facter")


def choose(subset):
    """The names of the groups that a ``gather_subset`` asks for; "local" stands for the host's own facts.

    Args:
        subset: words; "!" before one excludes it. "min" is in unless "!min" says so.

    Raises:
        ValueError: a word that means nothing.
    """
    names = set(name for name, _, _ in GROUPS) | set(["local"])
    minimal = set(name for name, home, _ in GROUPS if home == "min") | set(["local"])
    # The more exactly something is named the more it weighs: 2 a group, 1 a subset, 0 all and min.
    wanted = [set(), set(), set()]  # type: list[set[str]]
    unwanted = [set(), set(), set()]  # type: list[set[str]]
    for word in subset or ["all"]:
        excluded = word.startswith("!")
        weight, members = _members(word.lstrip("!"), names, minimal)
        if word == "!all":
            members = names - minimal
        (unwanted if excluded else wanted)[weight].update(members)
    chosen = minimal | (set().union(*wanted) or names)
    chosen -= unwanted[0] - wanted[1] - wanted[2]
    chosen -= unwanted[1] - wanted[2]
    return chosen - unwanted[2]


def _members(word, names, minimal):
    if word in names:
        return 2, set([word])
    if word in ("all", "min"):
        return 0, names if word == "all" else minimal
    if word in SUBSETS:
        return 1, set(name for name, home, _ in GROUPS if home == word)  # none for ohai and facter
    import difflib

    close = difflib.get_close_matches(word, sorted(names) + list(SUBSETS), n=1, cutoff=0.6)
    hint = "did you mean '{}'?".format(close[0]) if close else "there are: " + ", ".join(SUBSETS)
    raise ValueError("gather_subset knows no '{}'; {}".format(word, hint))


def gather(chosen, timeout, warn):
    """Facts of the chosen groups, without the ``ansible_`` prefix.

    Args:
        chosen: names of groups.
        timeout: seconds for anything that may wait for another machine.
        warn: called with one sentence for each group that fails; the others are gathered all the same.
    """
    facts = {}
    for name, _, function in GROUPS:
        if name in chosen:
            try:
                facts.update(function(timeout))
            except Exception as error:
                warn("the facts '{}' could not be gathered: {}: {}".format(name, type(error).__name__, error))
    return facts


def pick(facts, patterns):
    """The facts whose names, with or without ``ansible_``, match a shell pattern; all without patterns."""
    patterns = [pattern for pattern in patterns or [] if pattern]
    if not patterns or "*" in patterns:
        return facts
    import fnmatch

    return {
        name: value
        for name, value in facts.items()
        if any(fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch("ansible_" + name, pattern) for pattern in patterns)
    }
