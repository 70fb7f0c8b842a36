"""Which Linux distribution this is, under the names that ansible-core gives them."""

import os
import re
import sys

from stella_ops.remote.lib import process
from stella_ops.remote.lib.facts import sources

_NAMES = {
    "almalinux": "AlmaLinux",
    "alpine": "Alpine",
    "alt": "Altlinux",
    "amzn": "Amazon",
    "arch": "Archlinux",
    "archarm": "Archlinux",
    "centos": "CentOS",
    "clear-linux-os": "Clear Linux OS",
    "cumulus-linux": "Cumulus Linux",
    "debian": "Debian",
    "devuan": "Devuan",
    "endeavouros": "EndeavourOS",
    "fedora": "Fedora",
    "flatcar": "Flatcar",
    "gentoo": "Gentoo",
    "kali": "Kali",
    "linuxmint": "Linux Mint",
    "mageia": "Mageia",
    "manjaro": "Manjaro",
    "neon": "KDE neon",
    "nixos": "NixOS",
    "ol": "OracleLinux",
    "openeuler": "openEuler",
    "opensuse-leap": "openSUSE Leap",
    "opensuse-microos": "openSUSE MicroOS",
    "opensuse-tumbleweed": "openSUSE Tumbleweed",
    "parrot": "Parrot",
    "photon": "VMware Photon OS",
    "pop": "Pop!_OS",
    "raspbian": "Debian",
    "rhel": "RedHat",
    "rocky": "Rocky",
    "sled": "SLED",
    "sles": "SLES",
    "sles_sap": "SLES_SAP",
    "ubuntu": "Ubuntu",
    "void": "Void",
}
_FAMILIES = (
    ("RedHat", ("rhel", "centos", "fedora", "almalinux", "rocky", "ol", "amzn", "openeuler", "photon")),
    ("Debian", ("debian", "ubuntu", "raspbian", "devuan", "kali", "linuxmint", "pop", "neon", "parrot")),
    ("Suse", ("suse", "opensuse", "sles", "sled", "sles_sap")),
    ("Archlinux", ("arch", "archarm", "manjaro", "endeavouros")),
    ("Alpine", ("alpine",)),
    ("Gentoo", ("gentoo",)),
    ("Mandrake", ("mageia",)),
    ("Altlinux", ("alt",)),
    ("Flatcar", ("flatcar",)),
)


def gather(timeout, root="/"):
    """distribution, its version, release and file, os_family."""
    path = os.path.join(root, "etc/os-release")
    told = sources.assignments(path)
    if not told:
        path = os.path.join(root, "usr/lib/os-release")
        told = sources.assignments(path)
    key = told.get("ID", "").lower()
    name = _NAMES.get(key) or told.get("NAME") or ("Linux" if sys.platform.startswith("linux") else sys.platform)
    version = exact_version(key, told, root)
    facts = {
        "distribution": name,
        "distribution_version": version,
        "distribution_major_version": version.split(".")[0],
        "distribution_release": codename(told),
        "os_family": family(key, told.get("ID_LIKE", "")) or name,
    }
    if len(version.split(".")) > 1:
        facts["distribution_minor_version"] = version.split(".")[1]
    if told:
        facts.update(distribution_file_path=path, distribution_file_parsed=True, distribution_file_variety=name)
    return facts


def exact_version(key, told, root):
    """The version, finer than os-release has it where another file knows more; "NA" when there is none."""
    version = told.get("VERSION_ID", "")
    if key in ("debian", "raspbian"):
        found = sources.text(os.path.join(root, "etc/debian_version"))
        if found[:1].isdigit():
            return found
    if key == "centos":
        found = re.search(r"release (\d+(?:\.\d+)*)", sources.text(os.path.join(root, "etc/centos-release")))
        if found and found.group(1).startswith(version):
            return found.group(1)
    if key == "alpine":
        return sources.text(os.path.join(root, "etc/alpine-release")) or version
    return version or ("rolling" if key in ("arch", "archarm", "void", "gentoo") else "NA")


def codename(told):
    """The release's code name; "NA" when it has none."""
    if told.get("VERSION_CODENAME"):
        return told["VERSION_CODENAME"]
    if told.get("UBUNTU_CODENAME"):
        return told["UBUNTU_CODENAME"]
    found = re.search(r"\(([^)]+)\)", told.get("VERSION", ""))
    return found.group(1) if found else "NA"


def family(key, like):
    """The os_family: the distribution's own, else that of the first one it says it is like."""
    for each in [key] + like.lower().split():
        for name, members in _FAMILIES:
            if each in members or (name == "Suse" and each.startswith("opensuse")):
                return name
    return None


def standard_base(timeout, root="/"):
    """lsb."""
    return {"lsb": lsb(root)}


def lsb(root):
    """/etc/lsb-release in ansible-core's names, or what lsb_release(1) says; empty where there is neither."""
    told = sources.assignments(os.path.join(root, "etc/lsb-release"))
    if "DISTRIB_ID" not in told:
        told = asked() if root == "/" else {}
    if "DISTRIB_ID" not in told:
        return {}
    release = told.get("DISTRIB_RELEASE", "")
    return {
        "id": told["DISTRIB_ID"],
        "release": release,
        "major_release": release.split(".")[0],
        "codename": told.get("DISTRIB_CODENAME", ""),
        "description": told.get("DISTRIB_DESCRIPTION", ""),
    }


def asked():
    """lsb_release(1) in the names of its file; empty where there is no such program."""
    program = process.find("lsb_release")
    if program is None:
        return {}
    names = {"Distributor ID": "ID", "Description": "DESCRIPTION", "Release": "RELEASE", "Codename": "CODENAME"}
    told = {}
    for line in (
        process.run([program, "-a"], environment={"LC_ALL": "C"}).stdout.decode("utf-8", "replace").splitlines()
    ):
        name, sign, value = line.partition(":")
        if sign and name in names:
            told["DISTRIB_" + names[name]] = value.strip()
    return told
