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
    ("lsb", "min", distribution.standard_base),
    ("python", "min", runtime.python),
    ("user", "min", runtime.user),
    ("env", "min", runtime.env),
    ("date_time", "min", runtime.date_time),
    ("cmdline", "min", runtime.cmdline),
    ("dns", "min", runtime.dns),
    ("service_mgr", "min", system.service_manager),
    ("systemd", "systemd", system.systemd),
    ("pkg_mgr", "min", system.package_manager),
    ("selinux", "min", system.security),
    ("apparmor", "min", system.apparmor),
    ("fips", "min", system.fips),
    ("chroot", "chroot", system.chroot),
    ("caps", "min", initiators.capabilities),
    ("ssh_pub_keys", "min", system.ssh_host_keys),
    ("memory", "hardware", hardware.memory),
    ("processor", "hardware", hardware.processors),
    ("uptime", "hardware", hardware.uptime),
    ("loadavg", "loadavg", hardware.load),
    ("dmi", "hardware", hardware.firmware),
    ("mounts", "hardware", mounts.gather),
    ("devices", "hardware", devices.gather),
    ("lvm", "hardware", devices.lvm),
    ("interfaces", "network", network.gather),
    ("iscsi", "iscsi", initiators.iscsi),
    ("nvme", "nvme", initiators.nvme),
    ("fibre_channel_wwn", "fibre_channel_wwn", initiators.fibre_channel),
    ("virtual", "virtual", virtual.gather),
)
SUBSETS = ("all", "min", "hardware", "network", "virtual", "local", "ohai", "facter")
# What ansible-core calls them besides: its collectors of other names, and facts that stand for their collector.
ALIASES = {
    "platform": "system kernel kernel_version machine python_version architecture machine_id",
    "distribution": "distribution_version distribution_release distribution_major_version os_family",
    "user": "user_id user_uid user_gid user_gecos user_dir user_shell real_user_id effective_user_id"
    " effective_group_ids",
    "chroot": "is_chroot",
    "caps": "system_capabilities system_capabilities_enforced",
    "ssh_pub_keys": "ssh_host_pub_keys ssh_host_key_dsa_public ssh_host_key_rsa_public ssh_host_key_ecdsa_public"
    " ssh_host_key_ed25519_public",
    "hardware": "processor processor_cores processor_count mounts devices",
    "network": "interfaces default_ipv4 default_ipv6 all_ipv4_addresses all_ipv6_addresses",
    "virtual": "virtualization_type virtualization_role virtualization_tech_guest virtualization_tech_host",
}
_MEANT = {alias: name for name, aliases in ALIASES.items() for alias in aliases.split()}
# Of whoever asks for the one alone ansible-core gathers the others, too.
_NEEDS = (
    ("network", ("platform", "distribution")),
    ("hardware", ("platform",)),
    ("pkg_mgr", ("distribution",)),
    ("service_mgr", ("platform", "distribution")),
)


def choose(subset):
    """The names of the groups that a ``gather_subset`` asks for; "local" stands for the host's own facts.

    Args:
        subset: words; "!" before one excludes it, unless it is asked for as well. "min" is in unless "!min" says so;
            words that exclude do not bring in "all", as they do not in ansible-core.

    Raises:
        ValueError: a word that means nothing.
    """
    names = set(name for name, _, _ in GROUPS) | set(["local"])
    minimal = set(name for name, home, _ in GROUPS if home == "min") | set(["local"])
    chosen, unwanted, explicit = set(minimal), set(), set()
    for word in subset or ["all"]:
        if word == "!all":
            unwanted |= names - minimal
        elif word.startswith("!"):
            unwanted |= _members(word[1:], names, minimal) or set()
        else:
            members = _members(word, names, minimal)
            if members is None:
                known = ", ".join(sorted(names | set(SUBSETS) | set(_MEANT)))
                text = "Bad subset '{}' given to Ansible. gather_subset options allowed: {}"
                raise ValueError(text.format(word, known))
            chosen |= members
            if word not in ("all", "min"):
                explicit |= members
    chosen -= unwanted - explicit
    homes = set(home for name, home, _ in GROUPS if name in chosen) | chosen
    for name, needed in _NEEDS:
        if name in homes:
            chosen.update(needed)
    return chosen


def _members(word, names, minimal):
    """The groups that a word stands for; None where it means nothing."""
    word = _MEANT.get(word, word)
    if word in ("all", "min"):
        return names if word == "all" else minimal
    if word in SUBSETS and word != "local":
        return set(name for name, home, _ in GROUPS if home == word)  # none for ohai and facter
    return set([word]) if word in names else None


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
