"""Who runs here, with which Python, in which environment, and when."""

import os
import pwd
import sys
import time

from stella_ops.remote.lib.facts import sources


def python(timeout):
    """The interpreter that the modules run under."""
    version = sys.version_info
    return {
        "python": {
            "version": {
                "major": version[0],
                "minor": version[1],
                "micro": version[2],
                "releaselevel": version[3],
                "serial": version[4],
            },
            "version_info": list(version),
            "executable": sys.executable or "",
            "has_sslcontext": has_ssl(),
            "type": sys.implementation.name,
        },
    }


def has_ssl():
    """True when the interpreter can speak TLS; asked without the cost of importing ssl."""
    import importlib.util

    return importlib.util.find_spec("_ssl") is not None


def user(timeout):
    """The user that the modules run as."""
    facts = {
        "user_uid": os.getuid(),
        "real_user_id": os.getuid(),
        "effective_user_id": os.geteuid(),
        "real_group_id": os.getgid(),
        "effective_group_id": os.getegid(),
    }  # type: dict[str, object]
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        facts["user_id"] = os.environ.get("USER") or str(os.getuid())
        return facts
    facts.update(
        user_id=entry.pw_name or os.environ.get("USER") or str(os.getuid()),
        user_gid=entry.pw_gid,
        user_gecos=entry.pw_gecos,
        user_dir=entry.pw_dir,
        user_shell=entry.pw_shell,
    )
    return facts


def env(timeout):
    """The environment of the modules."""
    return {"env": dict(os.environ)}


def date_time(timeout, seconds=None):
    """The host's clock, in the many forms that playbooks ask for.

    Args:
        seconds: the moment; now if None.
    """
    seconds = time.time() if seconds is None else seconds
    here, there = time.localtime(seconds), time.gmtime(seconds)
    micro = "{:06d}".format(int(seconds % 1 * 1000000))
    return {
        "date_time": {
            "year": time.strftime("%Y", here),
            "month": time.strftime("%m", here),
            "weekday": time.strftime("%A", here),
            "weekday_number": time.strftime("%w", here),
            "weeknumber": time.strftime("%W", here),
            "day": time.strftime("%d", here),
            "hour": time.strftime("%H", here),
            "minute": time.strftime("%M", here),
            "second": time.strftime("%S", here),
            "epoch": str(int(seconds)),
            "epoch_int": str(int(seconds)),
            "date": time.strftime("%Y-%m-%d", here),
            "time": time.strftime("%H:%M:%S", here),
            "iso8601_micro": time.strftime("%Y-%m-%dT%H:%M:%S.", there) + micro + "Z",
            "iso8601": time.strftime("%Y-%m-%dT%H:%M:%SZ", there),
            "iso8601_basic": time.strftime("%Y%m%dT%H%M%S", here) + micro,
            "iso8601_basic_short": time.strftime("%Y%m%dT%H%M%S", here),
            "tz": time.strftime("%Z", here),
            "tz_dst": time.tzname[1],
            "tz_offset": time.strftime("%z", here),
        }
    }


def cmdline(timeout, path="/proc/cmdline"):
    """The kernel's command line; ``proc_cmdline`` keeps repeated words as lists."""
    first, every = {}, {}  # type: dict[str, object], dict[str, object]
    for word in sources.text(path).split():
        name, sign, value = word.partition("=")
        item = value if sign else True  # type: object
        first[name] = item
        if name in every:
            old = every[name]
            every[name] = (old if isinstance(old, list) else [old]) + [item]
        else:
            every[name] = item
    return {"cmdline": first, "proc_cmdline": every}


def dns(timeout, path="/etc/resolv.conf"):
    """resolv.conf(5) as it is."""
    found = {}  # type: dict[str, object]
    servers = []
    for line in sources.lines(path):
        words = line.split()
        if not words or words[0][0] in "#;":
            continue
        if words[0] == "nameserver" and len(words) > 1:
            servers.append(words[1])
        elif words[0] == "domain" and len(words) > 1:
            found["domain"] = words[1]
        elif words[0] in ("search", "sortlist"):
            found[words[0]] = words[1:]
        elif words[0] == "options":
            options = {}  # type: dict[str, object]
            for word in words[1:]:
                name, sign, value = word.partition(":")
                options[name] = value if sign else True
            found["options"] = options
    if servers:
        found["nameservers"] = servers
    return {"dns": found}
