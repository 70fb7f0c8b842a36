"""Make, change or remove a group."""

from stella_ops.remote.lib import accounts, programs

ARGUMENTS = {
    "name": {"type": "str", "required": True, "doc": "name of the group"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "gid": {"type": "int", "doc": "its number; the host chooses one when it is left out"},
    "system": {"type": "bool", "default": False, "doc": "take the number from the range for system groups"},
    "force": {"type": "bool", "default": False, "doc": "remove it even when it is a user's primary group"},
    "local": {"type": "bool", "default": False, "doc": "look for it in /etc/group alone, not in a directory service"},
    "non_unique": {"type": "bool", "default": False, "doc": "allow a gid that another group has"},
    "gid_min": {"type": "int", "doc": "lowest number to choose from, in place of that of login.defs"},
    "gid_max": {"type": "int", "doc": "highest number to choose from, in place of that of login.defs"},
}
SHADOW = "install the package 'passwd' (Debian) or 'shadow-utils' (Red Hat), 'shadow' (Alpine)"


def run(task):
    """Return name, state, and gid and system of a group that exists."""
    args = task.args
    check_arguments(task)
    name = args["name"]
    found = accounts.group(name, True) if args["local"] else by_name(name)
    words = None
    if args["state"] == "absent" and found is not None:
        words = ["groupdel"] + (["-f"] if args["force"] else []) + [name]
    elif args["state"] == "present" and found is None:
        words = ["groupadd"] + new_group(args) + [name]
    elif args["state"] == "present" and args["gid"] is not None and args["gid"] != found.gr_gid:
        words = ["groupmod", "-g", args["gid"]] + (["-o"] if args["non_unique"] else []) + [name]
    result = {"changed": words is not None, "name": name, "state": args["state"]}
    if words is not None and args["state"] == "present" and args["local"]:
        refuse_taken(task)
    if words is not None and not task.check_mode:
        said = programs.change_account(task, [programs.need(task, words[0], SHADOW)] + words[1:], name=name)
        for key in ("stdout", "stderr"):
            if getattr(said, key):
                result[key] = getattr(said, key)
        found = accounts.group(name, True) if args["local"] else by_name(name)
    if task.check_mode and args["state"] == "present" and found is None:
        return {"changed": True}
    if args["state"] == "present" and found is not None:
        result["system"] = args["system"]
        result["gid"] = found.gr_gid
    if task.diff_mode and words is not None:
        here = {"state": "present"}
        result["diff"] = {"before": {"state": "absent"}, "after": here}
        if words[0] == "groupdel":
            result["diff"] = {"before": here, "after": {"state": "absent"}}
        elif words[0] == "groupmod":
            result["diff"] = {"before": {"name": name}, "after": {"name": name, "gid": args["gid"]}}
    return result


def check_arguments(task):
    """Refuse what contradicts itself."""
    args = task.args
    if args["non_unique"] and args["gid"] is None:
        task.fail("non_unique is True but all of the following are missing: gid")
    if args["force"] and args["local"]:
        task.fail("force is not a valid option for local, force=True and local=True are mutually exclusive")
    for name in ("gid_min", "gid_max"):
        if args["local"] and args[name] is not None:
            task.fail("'{}' can not be used with 'local'".format(name))


def by_name(name):
    """The group of exactly this name: a name of digits is not taken for a number."""
    found = accounts.group(name)
    return found if found is not None and found.gr_name == name else None


def refuse_taken(task):
    """A local group may not take a number that the host's own files give to another."""
    gid = task.args["gid"]
    if gid is None or task.args["non_unique"]:
        return
    other = accounts.group_of_number(gid, True)
    if other is not None and other.gr_name != task.args["name"]:
        task.fail("GID '{}' already exists with group '{}'".format(gid, other.gr_name), name=task.args["name"])


def new_group(args):
    """Words for groupadd(8)."""
    words = []
    if args["gid"] is not None:
        words += ["-g", args["gid"]] + (["-o"] if args["non_unique"] else [])
    if args["system"]:
        words.append("-r")
    for name in ("gid_min", "gid_max"):
        if args[name] is not None:
            words += ["-K", "{}={}".format(name.upper(), args[name])]
    return words
