"""What manages the host: its init, its packages, its mandatory access control."""

import os

from stella_ops.remote.lib import process
from stella_ops.remote.lib.facts import sources

_INITS = {
    "systemd": "systemd",
    "runit": "runit",
    "runit-init": "runit",
    "runsvdir": "runit",
    "s6-svscan": "s6",
    "openrc-init": "openrc",
    "upstart": "upstart",
    "launchd": "launchd",
    "sysvinit": "sysvinit",
    "procd": "openwrt_init",
    "svscan": "svc",
}
# In this order: hosts often have more than one, and the first is the one that is meant.
_PACKAGE_MANAGERS = (
    ("/usr/bin/rpm-ostree", "atomic_container"),
    ("/usr/bin/dnf5", "dnf5"),
    ("/usr/bin/dnf", "dnf"),
    ("/usr/bin/yum", "yum"),
    ("/usr/bin/zypper", "zypper"),
    ("/usr/bin/apt-get", "apt"),
    ("/sbin/apk", "apk"),
    ("/usr/sbin/apk", "apk"),
    ("/usr/bin/pacman", "pacman"),
    ("/usr/bin/emerge", "portage"),
    ("/usr/bin/xbps-install", "xbps"),
    ("/usr/bin/tdnf", "tdnf"),
    ("/usr/bin/microdnf", "dnf"),
    ("/run/current-system/sw/bin/nix", "nix"),
    ("/usr/bin/opkg", "opkg"),
    ("/bin/opkg", "opkg"),
)


def service_manager(timeout, root="/"):
    """service_mgr: systemd, openrc, runit, upstart, sysvinit …; else the name of process 1."""
    if os.path.isdir(os.path.join(root, "run/systemd/system")):
        return {"service_mgr": "systemd"}
    if os.path.isdir(os.path.join(root, "run/openrc")):
        return {"service_mgr": "openrc"}
    first = sources.text(os.path.join(root, "proc/1/comm"))
    if first and first != "init" and not first.endswith("sh"):
        return {"service_mgr": _INITS.get(first, first)}
    # A shell is process 1 in containers, and "init" says nothing: what is installed does.
    if any(os.path.exists(os.path.join(root, path)) for path in ("sbin/initctl", "usr/sbin/initctl")):
        if os.path.isdir(os.path.join(root, "etc/init")):
            return {"service_mgr": "upstart"}
    if os.path.exists(os.path.join(root, "sbin/openrc")):
        return {"service_mgr": "openrc"}
    if _starts_systemd(root):
        return {"service_mgr": "systemd"}
    if any(os.path.exists(os.path.join(root, path)) for path in ("etc/init.d", "etc/inittab")):
        return {"service_mgr": "sysvinit"}
    return {"service_mgr": "dinit" if os.path.exists(os.path.join(root, "etc/dinit.d")) else "service"}


def _starts_systemd(root):
    """Whether systemd would be process 1 if this system were booted."""
    init = os.path.join(root, "sbin/init")
    programs = (os.path.join(root, path, "systemctl") for path in ("bin", "usr/bin"))
    return (
        os.path.islink(init) and os.path.basename(os.readlink(init)) == "systemd" and any(map(os.path.exists, programs))
    )


def systemd(timeout):
    """systemd: its version (a number) and the features it was built with; nothing where it does not run."""
    program = process.find("systemctl")
    if program is None or not os.path.isdir("/run/systemd/system"):
        return {}
    outcome = process.run([program, "--version"], environment={"LC_ALL": "C"})
    lines = outcome.stdout.decode("utf-8", "replace").splitlines()
    words = lines[0].split() if lines else []
    if outcome.rc != 0 or len(words) < 2 or not words[1].isdigit():
        return {}
    return {"systemd": {"version": int(words[1]), "features": lines[1] if len(lines) > 1 else ""}}


def package_manager(timeout, root="/"):
    """pkg_mgr: apt, dnf, yum, zypper, apk, pacman …; "unknown" when there is none."""
    if all(os.path.exists(os.path.join(root, path)) for path in ("usr/bin/apt-get", "etc/debian_version")):
        return {"pkg_mgr": "apt"}  # the others can be installed there, which does not mean that they are used
    for path, name in _PACKAGE_MANAGERS:
        if os.path.exists(os.path.join(root, path.lstrip("/"))):
            return {"pkg_mgr": name}
    return {"pkg_mgr": "unknown"}


def apparmor(timeout, root="/"):
    """apparmor."""
    there = os.path.isdir(os.path.join(root, "sys/kernel/security/apparmor"))
    return {"apparmor": {"status": "enabled" if there else "disabled"}}


def fips(timeout, root="/"):
    """fips."""
    return {"fips": sources.text(os.path.join(root, "proc/sys/crypto/fips_enabled")) == "1"}


def security(timeout, root="/"):
    """selinux, selinux_python_present: nothing here needs the bindings."""
    return {"selinux": selinux(root), "selinux_python_present": True}


def selinux(root="/"):
    """status, and where it is enabled mode, config_mode, type and policyvers."""
    folder = os.path.join(root, "sys/fs/selinux")
    enforcing = sources.number(os.path.join(folder, "enforce"))
    if enforcing is None:
        return {"status": "disabled"}
    config = sources.assignments(os.path.join(root, "etc/selinux/config"))
    return {
        "status": "enabled",
        "mode": "enforcing" if enforcing else "permissive",
        "config_mode": config.get("SELINUX", "unknown"),
        "type": config.get("SELINUXTYPE", "unknown"),
        "policyvers": sources.number(os.path.join(folder, "policyvers")),
    }


def chroot(timeout):
    """is_chroot: our root is not that of process 1."""
    if os.environ.get("debian_chroot"):
        return {"is_chroot": True}
    try:
        ours, first = os.stat("/"), os.stat("/proc/1/root/.")
    except OSError:
        return {"is_chroot": by_inode()}  # only root may look
    return {"is_chroot": not os.path.samestat(ours, first)}


def by_inode():
    """True unless "/" has the number that a filesystem's root has: 2, of XFS 128, of Btrfs 256.

    In a container that says True, too, as ansible-core does to users other than root.
    """
    try:
        usual = {"xfs": (96, 128), "btrfs": (256,)}
        table = [line.split(" ") for line in sources.lines("/proc/self/mounts")]
        kind = next((fields[2] for fields in reversed(table) if len(fields) > 2 and fields[1] == "/"), "")
        return os.stat("/").st_ino not in usual.get(kind, (2,))
    except OSError:
        return None


def ssh_host_keys(timeout, folders=("/etc/ssh", "/etc/openssh", "/etc")):
    """ssh_host_key_*_public: what an operator would put into known_hosts."""
    facts = {}
    for folder in folders:
        for kind in ("dsa", "rsa", "ecdsa", "ed25519"):
            words = sources.text("{}/ssh_host_{}_key.pub".format(folder, kind)).split()
            if len(words) > 1:
                facts["ssh_host_key_{}_public_keytype".format(kind)] = words[0]
                facts["ssh_host_key_{}_public".format(kind)] = words[1]
        if facts:
            break
    return facts
