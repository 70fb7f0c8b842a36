"""The platform, and classes that are made for one."""

import platform

from stella_ops.remote.lib.module_utils import distro
from stella_ops.remote.lib.module_utils.common._utils import get_all_subclasses


def get_distribution():
    """The distribution as modules know it: Debian, Redhat, Amazon …, OtherLinux."""
    name = distro.id().capitalize()
    if platform.system() != "Linux":
        return name
    return {"Amzn": "Amazon", "Rhel": "Redhat", "": "OtherLinux"}.get(name, name)


def get_distribution_version():
    """The distribution's version; None where this is no Linux."""
    if platform.system() != "Linux":
        return None
    name = distro.id()
    if name == "centos":
        return ".".join(distro.version(best=True).split(".")[:2])
    return distro.version(best=name == "debian")


def get_distribution_codename():
    """The distribution's code name, or None."""
    return (distro.codename() or None) if platform.system() == "Linux" else None


def get_platform_subclass(cls):
    """The heir of a class that names this platform, and best its distribution; else the class."""
    heirs = get_all_subclasses(cls)
    here = platform.system()
    for wanted in (get_distribution(), None):
        for heir in heirs:
            if heir.platform == here and heir.distribution == wanted:
                return heir
    return cls
