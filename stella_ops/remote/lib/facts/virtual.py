"""Whether the host is a container or a virtual machine, and of what."""

import os
import re

from stella_ops.remote.lib.facts import sources

# (text in what the firmware says of vendor or product, the type)
_FIRMWARE = (
    ("KVM", "kvm"),
    ("QEMU", "kvm"),
    ("Google Compute Engine", "kvm"),
    ("Amazon EC2", "kvm"),
    ("OpenStack", "openstack"),
    ("DigitalOcean", "kvm"),
    ("oVirt", "oVirt"),
    ("RHEV", "RHEV"),
    ("VMware", "VMware"),
    ("VirtualBox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("Virtual Machine", "VirtualPC"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("Xen", "xen"),
    ("HVM domU", "xen"),
    ("bhyve", "bhyve"),
    ("Nutanix", "kvm"),
    ("Hetzner", "kvm"),
)
_CGROUPS = (
    (r"/docker(/|-[0-9a-f]+\.scope)", "docker"),
    ("/lxc/|/machine.slice/machine-lxc", "lxc"),
    ("/system.slice/containerd.service", "containerd"),
    ("kubepods", "container"),
    ("libpod", "podman"),
    ("machine-rkt", "rkt"),
)


def gather(timeout, root="/"):
    """virtualization_type, virtualization_role, virtualization_tech_guest, virtualization_tech_host."""
    guest = guest_of(root)
    host = host_of(root)
    if guest:
        kind, role = guest[0], "guest"
    elif host:
        kind, role = host[0], "host"
    else:
        kind, role = "NA", "NA"
    return {
        "virtualization_type": kind,
        "virtualization_role": role,
        "virtualization_tech_guest": guest,
        "virtualization_tech_host": host,
    }


def guest_of(root="/"):
    """What we run inside of, innermost first."""
    found = container(root)
    if found and "container" not in found:
        found = found + ["container"]
    told = " ".join(
        sources.text(os.path.join(root, "sys/class/dmi/id", name))
        for name in ("sys_vendor", "product_name", "product_family", "bios_vendor", "board_vendor")
    )
    machine = next((kind for word, kind in _FIRMWARE if word in told), None)
    if machine is None:
        machine = without_firmware(root)
    if machine == "unknown" and found:
        machine = None
    return found + ([machine] if machine and machine not in found else [])


def container(root):
    """What kinds of container we are in by all signs, the one that counts first; empty for none.

    Which sign counts is ansible-core's order. Only root may read the environment of process 1.
    """
    groups = sources.text(os.path.join(root, "proc/1/cgroup"))
    found = [kind for pattern, kind in _CGROUPS if re.search(pattern, groups)]
    named = re.search(r"(?:^|\0)container=([^\0]+)", sources.text(os.path.join(root, "proc/1/environ")))
    if named:
        found += [named.group(1)] if named.group(1) in ("lxc", "podman") else []
        found.append("container")
    told = sources.text(os.path.join(root, "run/systemd/container")).strip()
    found += [told] if told else []
    for sign, kind in ((".dockerenv", "docker"), (".dockerinit", "docker"), ("run/.containerenv", "podman")):
        if os.path.exists(os.path.join(root, sign)):
            found.append(kind)
    return sorted(set(found), key=found.index)


def without_firmware(root):
    """The signs of machines that have no DMI tables."""
    if (
        os.path.isdir(os.path.join(root, "proc/xen"))
        or sources.text(os.path.join(root, "sys/hypervisor/type")) == "xen"
    ):
        return "xen"
    release = sources.text(os.path.join(root, "proc/sys/kernel/osrelease")).lower()
    if "microsoft" in release:
        return "wsl"
    if re.search(r"^flags\s*:.*\bhypervisor\b", sources.text(os.path.join(root, "proc/cpuinfo")), re.MULTILINE):
        return "kvm" if os.path.exists(os.path.join(root, "dev/vda")) else "unknown"
    return None


def host_of(root="/"):
    """What we can run inside of us."""
    loaded = set(line.split()[0] for line in sources.lines(os.path.join(root, "proc/modules")) if line.split())
    found = []
    if "kvm" in loaded or os.path.exists(os.path.join(root, "dev/kvm")):
        found.append("kvm")
    if "vboxdrv" in loaded:
        found.append("virtualbox")
    return found
