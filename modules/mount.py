"""Mount and unmount filesystems, and keep their lines in fstab(5) (ansible.posix.mount)."""

import os

from stella_ops.remote.lib import atomic, files, fstab, programs

ARGUMENTS = {
    "path": {"type": "path", "required": True, "aliases": ["name"], "doc": "where it is mounted"},
    "src": {"type": "path", "doc": "device, UUID=…, server:path …"},
    "fstype": {"type": "str", "doc": "kind of filesystem"},
    "state": {
        "type": "str",
        "required": True,
        "choices": ["absent", "absent_from_fstab", "mounted", "present", "unmounted", "remounted", "ephemeral"],
        "doc": "mounted: in fstab and mounted; present: in fstab; ephemeral: mounted, not in fstab",
    },
    "opts": {"type": "str", "untold": True, "doc": "options, with commas"},
    "opts_no_log": {"type": "bool", "default": False, "doc": "keep the options out of results"},
    "dump": {"type": "str", "default": "0"},
    "passno": {"type": "str", "default": "0"},
    "boot": {"type": "bool", "default": True, "doc": "mount it at boot; false adds noauto"},
    "fstab": {"type": "str", "doc": "another file than /etc/fstab"},
    "backup": {"type": "bool", "default": False, "doc": "keep the file as it was, and say where"},
}


def run(task):
    """Return name, src, fstype, opts, dump, passno, fstab, boot, and backup_file ("" where none was made)."""
    args = task.args
    state = args["state"]
    check_arguments(task)
    args["path"] = args["path"].rstrip("/") or "/"
    table = args["fstab"] or "/etc/fstab"
    before = files.read_text(task, table, "cannot read {}: {}")
    after = before
    steps = []
    if state in ("mounted", "present"):
        after = fstab.with_entry(before, entry_of(args))
    elif state in ("absent", "absent_from_fstab"):
        after = fstab.without(before, args["path"], args["src"])
    if after.rstrip("\n") == before.rstrip("\n"):
        after = before
    if state in ("mounted", "ephemeral"):
        steps = to_mount(task, table, after != before)
    elif state == "remounted":
        steps = to_remount(task)
    elif state in ("absent", "unmounted") and is_mounted(args["path"]):
        steps = [("umount", [args["path"]])]
    removes = state == "absent" and os.path.isdir(args["path"])
    makes = state in ("mounted", "ephemeral") and not os.path.exists(args["path"])
    result = told(args, table)
    result["changed"] = after != before or bool(steps) or removes or makes
    if task.diff_mode and after != before and not args["opts_no_log"]:
        result["diff"] = {"before": before, "after": after, "before_header": table, "after_header": table}
    if not task.check_mode:
        carry_out(task, table, before, after, steps, makes, result)
        if removes:
            remove_folder(task)
    return result


def carry_out(task, table, before, after, steps, makes, result):
    """Edit the file, then mount; what cannot be mounted leaves no line behind."""
    if after != before:
        if task.args["backup"] and os.path.exists(table):
            result["backup_file"] = atomic.backup(table)
        write(task, table, after)
    made = files.make_directories(task.args["path"]) if makes else []
    for program, words in steps:
        said = programs.call(task, [programs.need(task, program)] + words)
        if said.rc == 0:
            continue
        if after != before and task.args["state"] == "mounted":
            write(task, table, before)
        for folder in reversed(made):
            os.rmdir(folder)
        verb = {"mount": "mounting", "umount": "unmounting"}[program]
        if task.args["state"] == "remounted":
            verb = "remounting"
        message = "Error {} {}: {}".format(verb, task.args["path"], (said.stderr or said.stdout).strip())
        if task.args["opts_no_log"] and task.args["opts"]:
            message = message.replace(task.args["opts"], "********")
        task.fail(message, rc=said.rc)


def check_arguments(task):
    """Refuse what contradicts itself."""
    args = task.args
    needed = {"mounted": ["src", "fstype"], "present": ["src", "fstype"], "ephemeral": ["src", "fstype"]}
    missing = [name for name in needed.get(args["state"], []) if args[name] is None]
    if missing:
        task.fail("state is {} but all of the following are missing: {}".format(args["state"], ", ".join(missing)))
    if args["fstype"] == "swap" and args["state"] in ("mounted", "ephemeral"):
        task.fail("swap is not mounted; 'state: present' keeps its line in fstab, swapon(8) begins to use it")
    for name in ("src", "path", "fstype", "opts", "dump", "passno"):
        if args[name] is not None and "\n" in args[name]:
            task.fail("{} cannot hold a line break".format(name))
    for name in ("fstype", "opts", "dump", "passno"):
        if args[name] is not None and len(args[name].split()) != 1:
            task.fail("{} ('{}') must be one word; options are parted by commas".format(name, args[name]))
    if args["state"] == "ephemeral" and args["fstab"] is not None:
        task.fail("state 'ephemeral' has nothing to do with an fstab")


def entry_of(args):
    """The line that the arguments ask for."""
    words = (args["opts"] or "defaults").split(",")
    if not args["boot"] and "noauto" not in words:
        words.append("noauto")
    return fstab.Entry(args["src"], args["path"], args["fstype"], ",".join(words), args["dump"], args["passno"])


def is_mounted(path):
    """The topmost ``Mount`` at a path, or None."""
    real = os.path.realpath(path)
    found = [each for each in fstab.mounted() if each.path == real]
    return found[-1] if found else None


def to_mount(task, table, line_changed):
    """The steps that mount it, or mount it anew where its line has changed."""
    args = task.args
    now = is_mounted(args["path"])
    words = []
    if args["state"] == "ephemeral" or args["fstab"] is not None:
        # Told whole: mount(8) looks into /etc/fstab alone by itself.
        words = ["-t", args["fstype"], "-o", args["opts"] or "defaults", args["src"]]
    line = ("mount", words + [args["path"]])
    if now is None:
        return [line]
    if args["state"] == "ephemeral":
        if same_source(now, args["src"]):
            return to_remount(task)
        task.fail(
            "Ephemeral mount point is already mounted with a different source than the specified one: {}".format(
                now.src
            )
        )
    if not line_changed:
        return []
    if same_source(now, args["src"]) and now.fstype == args["fstype"]:
        return to_remount(task)
    return [("umount", [args["path"]]), line]


def same_source(now, src):
    """Whether what is mounted comes from there, by name or by device."""
    if now.src == src:
        return True
    for key, folder in (("UUID=", "uuid"), ("LABEL=", "label"), ("PARTUUID=", "partuuid"), ("PARTLABEL=", "partlabel")):
        if src.startswith(key):
            src = os.path.join("/dev/disk/by-" + folder, src[len(key) :].strip('"'))
    return os.path.realpath(src) == os.path.realpath(now.src)


def to_remount(task):
    """The step that gives what is mounted its options anew."""
    args = task.args
    if is_mounted(args["path"]) is None:
        task.fail("Error remounting {}: it is not mounted".format(args["path"]))
    words = ["-o", "remount" + ("," + args["opts"] if args["opts"] else "")]
    if args["fstab"] is not None:
        words = ["-T", args["fstab"]] + words
    return [("mount", words + [args["path"]])]


def remove_folder(task):
    """state absent removes the mount point too, when nothing is in it."""
    try:
        os.rmdir(task.args["path"])
    except FileNotFoundError:
        pass
    except OSError as error:
        task.fail("Error rmdir {}: {}".format(task.args["path"], error.strerror))


def told(args, table):
    """ansible-core's keys."""
    opts = entry_of(dict(args, src="", fstype="")).opts
    result = {"name": args["path"], "fstab": table, "boot": "yes" if args["boot"] else "no"}
    for name in ("src", "fstype"):
        if args[name] is not None:
            result[name] = args[name]
    result.update(dump=args["dump"], passno=args["passno"], backup_file="")
    result["opts"] = "********" if args["opts_no_log"] and args["opts"] else opts
    return result


def write(task, path, text):
    """Replace the file; systemd reads it only when told, but mount(8) needs no telling."""
    wanted = files.Wanted(None if os.path.exists(path) else "0644")
    with atomic.Replacement(os.path.realpath(path), warn=task.warn) as new:
        new.write(text.encode("utf-8", "surrogateescape"))
        new.commit(wanted, in_place=True)
