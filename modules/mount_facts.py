"""Gather what is mounted, and what is to be mounted, as facts."""

import os
import threading
from fnmatch import fnmatch

from stella_ops.remote.lib import mount_tables, process, programs
from stella_ops.remote.lib.facts import mounts

ARGUMENTS = {
    "devices": {"type": "list", "elements": "str", "doc": "patterns for the device or remote filesystem"},
    "fstypes": {"type": "list", "elements": "str", "doc": "patterns for the type of the filesystem"},
    "sources": {
        "type": "list",
        "elements": "str",
        "doc": "tables to read, in this order: files, mount (the program), or static, dynamic, all",
    },
    "mount_binary": {"type": "raw", "default": "mount", "doc": "the program that lists mounts; null for none"},
    "timeout": {"type": "float", "doc": "seconds to wait for each filesystem"},
    "on_timeout": {"type": "str", "default": "error", "choices": ["error", "warn", "ignore"]},
    "include_aggregate_mounts": {"type": "bool", "doc": "also return all entries for a mount point, as a list"},
}
STATIC = ("/etc/fstab", "/etc/vfstab", "/etc/filesystems")
DYNAMIC = ("/etc/mtab", "/proc/mounts", "/etc/mnttab")


def run(task):
    """Return the facts ``mount_points``, an entry by mount point, and ``aggregate_mounts``, a list of all entries."""
    args = task.args
    if args["timeout"] is not None and args["timeout"] <= 0:
        task.fail("argument 'timeout' must be a positive number or null, not {}".format(args["timeout"]))
    if args["mount_binary"] is not None and not isinstance(args["mount_binary"], str):
        task.fail("argument 'mount_binary' must be a string or null, not {}".format(args["mount_binary"]))
    devices = Devices(task)
    found = []
    for source, entry in entries(task):
        told = dict(entry.fields)
        uuid = None
        device = told["device"]
        if device.startswith("UUID="):
            uuid = device[len("UUID=") :]
            device = devices.of_uuid(uuid) or device
        if not (chosen(device, args["devices"]) and chosen(told["fstype"], args["fstypes"])):
            continue
        told.update(sizes(task, told["mount"], told["fstype"]))
        told["uuid"] = uuid or devices.uuid_of(device)
        told["ansible_context"] = {"source": source, "source_data": entry.text}
        found.append(told)
    points = {}
    for told in found:
        points.setdefault(told["mount"], told)
    if args["include_aggregate_mounts"] is None:
        warn_of_repeats(task, found)
    aggregate = found if args["include_aggregate_mounts"] else []
    return {"changed": False, "ansible_facts": {"mount_points": points, "aggregate_mounts": aggregate}}


def chosen(text, patterns):
    """Whether one of the patterns fits; no patterns fit everything."""
    return not patterns or any(fnmatch(text, pattern) for pattern in patterns)


def entries(task):
    """(source, entry) of all tables; a file that is there under two names is read once."""
    args = task.args
    names = []  # type: list[str]
    for name in args["sources"] or ["all"]:
        if not name:
            task.fail("sources contains an empty string")
        names += DYNAMIC if name in ("dynamic", "all") else ()
        names += STATIC if name in ("static", "all") else ()
        names += () if name in ("dynamic", "static", "all") else (name,)
    if len(set(names)) < len(names):
        task.warn("mount_facts option 'sources' contains duplicate entries, repeat sources will be ignored: %s" % names)
    ask_program = bool(args["mount_binary"]) and bool(set(names) & set(DYNAMIC))
    seen = set()
    for name in names:
        real = name if name == "mount" else os.path.realpath(name)
        if real in seen:
            continue
        seen.add(real)
        found = listed(task) if name == "mount" else mount_tables.of_file(name)
        if found and (name == "mount" or name in DYNAMIC):
            ask_program = False
        for entry in found:
            yield name, entry
    if ask_program:
        for entry in listed(task):
            yield "mount", entry


def listed(task):
    """What the program lists."""
    program = task.args["mount_binary"]
    path = program if os.path.isabs(program) else programs.need(task, program)
    said = programs.call(task, [path])
    if said.rc != 0:
        task.fail("Failed to execute {}: {}".format(path, said.stderr.strip()))
    return mount_tables.of_program(said.stdout)


def sizes(task, place, kind):
    """Bytes and counts; a filesystem that is silent for too long is dealt with as the task says."""
    if task.args["timeout"] is None:
        return mounts.sizes(place, None)
    found = []  # type: list[dict]
    asking = threading.Thread(target=lambda: found.append(mounts.sizes(place, None)))
    asking.daemon = True
    asking.start()
    asking.join(task.args["timeout"])
    if found:
        return found[0]
    message = "Timed out getting mount size for mount {} (type {}) after {} seconds".format(
        place, kind, task.args["timeout"]
    )
    if task.args["on_timeout"] == "error":
        task.fail(message)
    if task.args["on_timeout"] == "warn":
        task.warn(message)
    return {}


def warn_of_repeats(task, found):
    """Say which entries are shadowed by others of the same table."""
    by_source = {}  # type: dict[str, list[str]]
    for told in found:
        by_source.setdefault(told["ansible_context"]["source"], []).append(told["mount"])
    repeats = ["{} ({})".format(name, places) for name, places in by_source.items() if len(set(places)) < len(places)]
    if repeats:
        task.warn(
            "mount_facts: ignoring repeat mounts in the following sources: {}. You can disable this warning by "
            "configuring the 'include_aggregate_mounts' option as True or False.".format(", ".join(repeats))
        )


class Devices(object):
    """UUIDs of block devices."""

    def __init__(self, task):
        self.task = task
        self._uuids = None

    def uuid_of(self, device):
        """The UUID of what is on a device; None where there is none."""
        if self._uuids is None:
            self._uuids = mounts.uuids()
            lsblk = process.find("lsblk")
            if lsblk is not None:
                words = [lsblk, "--list", "--noheadings", "--paths", "--output", "NAME,UUID", "--exclude", "2"]
                for line in programs.call(self.task, words).stdout.splitlines():
                    fields = line.split()
                    if len(fields) == 2:
                        self._uuids.setdefault(*fields)
        return self._uuids.get(device)

    def of_uuid(self, uuid):
        """The device that has a UUID, or None."""
        blkid = process.find("blkid")
        said = programs.call(self.task, [blkid, "--uuid", uuid]) if blkid else None
        return said.stdout.strip() or None if said is not None and said.rc == 0 else None
