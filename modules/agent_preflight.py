"""Check that a host is fit for the agent, without changing anything."""

import os
import platform
import shutil
import sys
import time

from stella_ops.remote.lib import agent_host

ARGUMENTS = {
    "prefix": {"type": "path"},
    "min_disk_mb": {"type": "int", "default": 100},
    "controller_time": {"type": "float"},
    "max_skew_seconds": {"type": "float", "default": 300},
    "architectures": {"type": "list", "elements": "str", "default": []},
    "min_python": {"type": "str", "default": "3.6"},
    # The agent is to run in a container of that name: what it needs of the host is an engine.
    "container": {"type": "str"},
    "docker_host": {"type": "str"},
}

_ARCHITECTURES = {
    "amd64": "x86_64",
    "x64": "x86_64",
    "arm64": "aarch64",
    "i386": "x86",
    "i486": "x86",
    "i586": "x86",
    "i686": "x86",
    "armv7l": "arm",
    "armv6l": "arm",
    "armhf": "arm",
}


def run(task):
    """Return ``checks``: a list of ``{name, ok, message, hint, data}``; fails when one is not ok."""
    args = task.args
    checks = [
        _architecture(args["architectures"]),
        _clock(args["controller_time"], args["max_skew_seconds"]),
    ]
    if args["container"]:
        checks += _engine(args["docker_host"], args["min_disk_mb"])
    else:
        layout = agent_host.layout_for(task)
        checks[:0] = [_python(args["min_python"])]
        checks += [_disk(layout, args["min_disk_mb"]), _permission(layout), _key_tool()]
    bad = [check for check in checks if not check["ok"]]
    if bad:
        causes = "; ".join("%s: %s" % (check["name"], check["message"]) for check in bad)
        hints = "; ".join(check["hint"] for check in bad if check["hint"])
        task.fail("the host is not fit for the agent: %s" % causes, checks=checks, hint=hints)
    return {"changed": False, "checks": checks}


def _check(name, ok, message, hint=None, **data):
    return {"name": name, "ok": ok, "message": message, "hint": None if ok else hint, "data": data}


def _python(wanted):
    present = "%d.%d.%d" % sys.version_info[:3]
    try:
        least = tuple(int(part) for part in wanted.split("."))
    except ValueError:
        return _check("python", False, "min_python '%s' is not a version" % wanted, "write it like 3.6")
    data = {"version": present, "executable": sys.executable}
    if sys.version_info[: len(least)] < least:
        return _check("python", False, "Python %s is older than %s" % (present, wanted), _PYTHON_HINT, **data)
    missing = []
    for name in ("json", "ssl", "socket", "fcntl", "zipimport", "argparse", "subprocess"):
        try:
            __import__(name)
        except ImportError:
            missing.append(name)
    if missing:
        message = "Python %s lacks %s of its standard library" % (present, ", ".join(missing))
        return _check("python", False, message, "install the whole python3 package", **data)
    return _check("python", True, "Python %s" % present, **data)


_PYTHON_HINT = "install a newer python3, or set ansible_python_interpreter to one that is there"


def _architecture(allowed):
    machine = platform.machine()
    data = {"architecture": machine}
    if not allowed or _normal(machine) in [_normal(name) for name in allowed]:
        return _check("architecture", True, machine, **data)
    message = "%s is not one of %s" % (machine, ", ".join(allowed))
    return _check("architecture", False, message, "leave the host out, or allow its architecture", **data)


def _normal(architecture):
    name = architecture.lower()
    return _ARCHITECTURES.get(name, name)


def _clock(controller_time, allowed):
    if controller_time is None:
        return _check("clock", True, "not compared: the controller's time was not given")
    skew = time.time() - controller_time
    data = {"skew_seconds": round(skew, 3), "max_skew_seconds": allowed}
    if abs(skew) <= allowed:
        return _check("clock", True, "%.0f s from the controller's clock" % abs(skew), **data)
    side = "ahead of" if skew > 0 else "behind"
    message = "the clock is %.0f s %s the controller's (allowed: %.0f s)" % (abs(skew), side, allowed)
    hint = "set the host's time (timedatectl set-ntp true): certificates would be judged by the wrong time"
    return _check("clock", False, message, hint, **data)


def _engine(host, wanted_mb):
    """Whether there is a Docker engine for this account, and room where it keeps images."""
    from stella_ops.remote.lib import docker_api

    try:
        engine = docker_api.Engine(host, timeout=10.0)
        about = engine.version()
        info = engine.ask("GET", "/info") or {}
    except docker_api.EngineError as problem:
        return [_check("docker", False, str(problem), problem.hint or "see that Docker works there: docker info")]
    data = {"version": about.get("Version"), "architecture": about.get("Arch"), "docker_host": engine.host}
    checks = [_check("docker", True, "Docker %s" % about.get("Version"), **data)]
    root = info.get("DockerRootDir")
    if isinstance(root, str) and os.path.isabs(root):
        # Where this account may not look, the folder above it tells of the same disk in most cases.
        checks.append(_free_disk([root], wanted_mb))
    return checks


def _disk(layout, wanted_mb):
    return _free_disk((layout.home, layout.var, layout.log), wanted_mb)


def _free_disk(folders, wanted_mb):
    found = {}
    for folder in folders:
        place = _existing(folder)
        about = os.statvfs(place)
        found[place] = about.f_bavail * about.f_frsize // (1024 * 1024)
    short = ["%s has %d MB free" % (place, found[place]) for place in sorted(found) if found[place] < wanted_mb]
    data = {"free_mb": found, "min_disk_mb": wanted_mb}
    if short:
        message = "%s, %d MB are wanted" % (" and ".join(short), wanted_mb)
        return _check("disk", False, message, "free some space: du -xh %s | sort -h | tail" % min(found), **data)
    return _check("disk", True, "%d MB free" % min(found.values()), **data)


def _permission(layout):
    if layout.is_system and os.geteuid() != 0:
        hint = "use become: true, or give a prefix below the user's home"
        return _check("permission", False, "installing at %s needs root" % layout.home, hint)
    for folder in sorted({layout.home, layout.etc, layout.var, layout.log}):
        place = _existing(folder)
        if not os.path.isdir(place):
            hint = "remove that file, or give another prefix"
            return _check("permission", False, "%s is not a folder" % place, hint)
        if not os.access(place, os.W_OK | os.X_OK):
            hint = "use become: true, or give a prefix that the user may write to"
            return _check("permission", False, "%s cannot be written" % place, hint)
        if os.statvfs(place).f_flag & os.ST_RDONLY:
            return _check("permission", False, "%s is on a read-only file system" % place, "remount it")
    return _check("permission", True, "may install at %s" % layout.home, path=layout.home)


def _key_tool():
    found = [tool for tool in ("openssl", "ssh-keygen") if shutil.which(tool)]
    if found:
        return _check("key-tool", True, "keys are made with %s" % found[0], tools=found)
    hint = "install openssl, or OpenSSH's client tools 8.1 or newer"
    return _check("key-tool", False, "there is neither openssl nor ssh-keygen to make a key with", hint)


def _existing(path):
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path
