"""Set or remove a kernel parameter in a sysctl.conf(5), and in the running kernel (ansible.posix.sysctl)."""

import os
import re

from stella_ops.remote.lib import atomic, files, programs, rules

ARGUMENTS = {
    "name": {"type": "str", "required": True, "aliases": ["key"], "doc": "the parameter, as net.ipv4.ip_forward"},
    "value": {"type": "str", "aliases": ["val"], "doc": "its value"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "ignoreerrors": {"type": "bool", "default": False, "doc": "go on where the kernel does not know it"},
    "reload": {"type": "bool", "default": True, "doc": "read the file again when it has changed"},
    "sysctl_file": {"type": "path", "default": "/etc/sysctl.conf"},
    "sysctl_set": {"type": "bool", "default": False, "doc": "see that the running kernel has the value"},
}


def run(task):
    """Return name, value and sysctl_file with ``changed``."""
    args = task.args
    name, value = args["name"].strip(), args["value"]
    present = args["state"] == "present"
    rules.needed(task, "state", "present", "value")
    if not name:
        task.fail("name cannot be blank")
    if present and not value.strip():
        task.fail("value cannot be blank")
    if re.search(r"[\s=]", name) or "\n" in (value or ""):
        task.fail("neither the name nor the value can hold a line break, nor the name a blank or '='")
    value = None if value is None else plain(value)
    before = files.read_text(task, args["sysctl_file"], "Failed to open {}: {}")
    after = edited(before, name, value if present else None)
    changed_file = after != before
    sysctl = programs.need(task, "sysctl", "install the package 'procps' (Debian) or 'procps-ng' (Red Hat)")
    changed_kernel = bool(args["sysctl_set"] and present and current(task, sysctl, name) != value)
    if changed_file and not task.check_mode:
        write(task, args["sysctl_file"], after)
    if changed_kernel and not task.check_mode:
        apply(task, sysctl, ["-w", "{}={}".format(name, value)], "setting {} failed".format(name))
    if changed_file and args["reload"] and not task.check_mode:
        apply(task, sysctl, ["-p", args["sysctl_file"]], "Failed to reload sysctl")
    result = {"changed": changed_file or changed_kernel, "name": name, "value": value, "state": args["state"]}
    result["sysctl_file"] = args["sysctl_file"]
    if task.diff_mode and changed_file:
        header = args["sysctl_file"]
        result["diff"] = {"before": before, "after": after, "before_header": header, "after_header": header}
    return result


def plain(value):
    """A value as it is compared: the words for yes and no are 1 and 0, blanks are one blank."""
    words = {"true": "1", "yes": "1", "on": "1", "false": "0", "no": "0", "off": "0"}
    text = " ".join(value.split())
    return words.get(text.lower(), text)


def setting(line):
    """(name, value) of a line, or None for one that sets nothing."""
    text = line.strip()
    if not text or text[0] in "#;" or "=" not in text:
        return None
    name, _, value = text.partition("=")
    return name.strip(), " ".join(value.split())


def edited(text, name, value):
    """The file with the parameter set once, where it stood first, or without it (value None)."""
    kept = []
    done = value is None
    for line in text.splitlines():
        found = setting(line)
        if found is None or same_name(found[0], name) is False:
            kept.append(line)
        elif not done:
            kept.append(line if found[1] == value else "{}={}".format(name, value))
            done = True
    if not done:
        kept.append("{}={}".format(name, value))
    fresh = "\n".join(kept)
    fresh = fresh + "\n" if kept else ""
    return text if fresh.rstrip("\n") == text.rstrip("\n") else fresh


def same_name(one, other):
    """Slashes and dots part a name alike, and a "-" before it only says that errors are ignored: sysctl.d(5)."""
    first, second = (each.lstrip("-") for each in (one, other))
    return first == second or path_of(first) == path_of(second)


def path_of(name):
    """A parameter's file below /proc/sys; which of "." and "/" comes first parts the words: sysctl.d(5)."""
    dot, slash = name.find("."), name.find("/")
    if slash >= 0 and (dot < 0 or slash < dot):
        return name
    return name.translate({ord("."): "/", ord("/"): "."})


def current(task, sysctl, name):
    """The kernel's value, blanks made one; None when it does not know the parameter."""
    said = programs.call(task, [sysctl, "-n", "-e", name])
    return None if said.rc != 0 else " ".join(said.stdout.split())


def apply(task, sysctl, words, trouble):
    """Run sysctl(8). It tells of a value that the kernel refuses on stderr alone in some versions."""
    said = programs.call(task, [sysctl] + (["-e"] if task.args["ignoreerrors"] else []) + words)
    refused = "Invalid argument" in said.stderr or "Read-only file system" in said.stderr
    if (said.rc != 0 or refused) and not task.args["ignoreerrors"]:
        task.fail("{}: {}".format(trouble, (said.stderr or said.stdout).strip()), rc=said.rc)


def write(task, path, text):
    """Replace the file, or what it links to."""
    with atomic.Replacement(os.path.realpath(path), warn=task.warn) as new:
        new.write(text.encode("utf-8", "surrogateescape"))
        new.commit(files.Wanted(None if os.path.exists(path) else "0644"))
