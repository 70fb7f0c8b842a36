"""Which distribution this is, by os-release(5)."""


def os_release_info():
    """What ``os-release`` says, names in lower case."""
    found = {}
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            with open(path, encoding="utf-8", errors="replace") as source:
                lines = source.read().splitlines()
        except OSError:
            continue
        for line in lines:
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith("#"):
                found[name.lower()] = value.strip().strip("\"'")
        break
    return found


def lsb_release_info():
    """What lsb_release(1) would say; it is not asked."""
    return {}


def id():
    """A short name: debian, rhel, amzn …"""
    name = os_release_info().get("id", "").lower()
    return {"ol": "oracle", "opensuse-leap": "opensuse"}.get(name, name)


def name(pretty=False):
    """The name as people write it."""
    return os_release_info().get("pretty_name" if pretty else "name", "")


def version(pretty=False, best=False):
    """The version; ``best`` is the most exact one that is known."""
    if best and id() == "debian":
        try:
            with open("/etc/debian_version") as source:
                return source.read().strip()
        except OSError:
            pass
    if best and id() == "centos":
        try:
            with open("/etc/centos-release") as source:
                words = source.read().split()
            return next((word for word in words if word[0].isdigit()), "")
        except OSError:
            pass
    return os_release_info().get("version_id", "")


def major_version(best=False):
    """The first part of the version."""
    return version(best=best).partition(".")[0]


def minor_version(best=False):
    """The second part of the version."""
    return (version(best=best).split(".") + [""])[1]


def codename():
    """The code name, or ''."""
    found = os_release_info()
    return found.get("version_codename") or found.get("ubuntu_codename") or ""


def like():
    """Names of distributions that it is like."""
    return os_release_info().get("id_like", "")


def info(pretty=False, best=False):
    """All of it."""
    return {"id": id(), "version": version(pretty, best), "like": like(), "codename": codename()}


def linux_distribution(full_distribution_name=True):
    """Name, version and code name."""
    return (name() if full_distribution_name else id()), version(), codename()
