"""Make, change or remove a user account.

The password is a hash, as ``password_hash`` makes it; it reaches the host's tools on their standard input.
"""

import os
import socket
import time

from stella_ops.remote.lib import accounts, homes, programs

ARGUMENTS = {
    "name": {"type": "str", "required": True, "aliases": ["user"], "doc": "login name"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "uid": {"type": "int", "doc": "its number; the host chooses one when it is left out"},
    "non_unique": {"type": "bool", "default": False, "doc": "allow a uid that another user has"},
    "group": {"type": "str", "doc": "primary group, by name or number"},
    "groups": {"type": "list", "elements": "str", "doc": "further groups; an empty list leaves none"},
    "append": {"type": "bool", "default": False, "doc": "add groups to those it has, instead of replacing them"},
    "comment": {"type": "str", "doc": "the full name (GECOS)"},
    "home": {"type": "path", "doc": "home folder"},
    "shell": {"type": "path", "doc": "login shell"},
    "password": {"type": "str", "no_log": True, "doc": "hash of the password, as crypt(5) knows them"},
    "update_password": {
        "type": "str",
        "default": "always",
        "choices": ["always", "on_create"],
        "doc": "whether the password of a user that exists is changed",
    },
    "password_lock": {"type": "bool", "doc": "lock or unlock the password"},
    "password_expire_max": {"type": "int", "doc": "days after which it must be changed"},
    "password_expire_min": {"type": "int", "doc": "days between two changes"},
    "password_expire_warn": {"type": "int", "doc": "days before the end at which to warn"},
    "password_expire_account_disable": {"type": "int", "doc": "days after the end until the account is disabled"},
    "expires": {"type": "float", "doc": "end of the account, seconds since 1970; a negative number removes it"},
    "create_home": {"type": "bool", "default": True, "aliases": ["createhome"], "doc": "make the home folder"},
    "move_home": {"type": "bool", "default": False, "doc": "move the old home's content to a new home"},
    "skeleton": {"type": "str", "doc": "folder whose content a new home begins with (/etc/skel)"},
    "umask": {"type": "str", "doc": "umask for a new home"},
    "system": {"type": "bool", "default": False, "doc": "take the number from the range for system users"},
    "uid_min": {"type": "int", "doc": "lowest number to choose from"},
    "uid_max": {"type": "int", "doc": "highest number to choose from"},
    "seuser": {"type": "str", "doc": "SELinux user of a new account"},
    "local": {"type": "bool", "doc": "look for it in /etc/passwd alone, not in a directory service"},
    "force": {"type": "bool", "default": False, "doc": "remove it while it is logged in; overwrite an SSH key"},
    "remove": {"type": "bool", "default": False, "doc": "remove home and mail with the account"},
    "generate_ssh_key": {"type": "bool", "doc": "make an SSH key when there is none"},
    "ssh_key_bits": {"type": "int", "default": 0, "doc": "its size; 0 for the default of ssh-keygen"},
    "ssh_key_type": {"type": "str", "default": "rsa"},
    "ssh_key_file": {"type": "path", "doc": "its file, from the home folder on (.ssh/id_TYPE)"},
    "ssh_key_comment": {"type": "str"},
    "ssh_key_passphrase": {"type": "str", "no_log": True},
    "hidden": {"type": "bool", "doc": "macOS alone; has no meaning here"},
    "login_class": {"type": "str", "doc": "BSD alone; has no meaning here"},
    "profile": {"type": "str", "doc": "Solaris alone; has no meaning here"},
    "authorization": {"type": "str", "doc": "Solaris alone; has no meaning here"},
    "role": {"type": "str", "doc": "Solaris alone; has no meaning here"},
}
SHADOW = "install the package 'passwd' (Debian) or 'shadow-utils' (Red Hat), 'shadow' (Alpine)"
DAY = 86400
ELSEWHERE = ("hidden", "login_class", "profile", "authorization", "role")


def run(task):
    """Return name, state, uid, group, groups, comment, home, shell … of the account, as ansible-core does."""
    args = task.args
    check_arguments(task)
    if args["state"] == "absent":
        return be_absent(task)
    found = look(args)
    result = {"name": args["name"], "state": "present", "changed": False}
    if found is None:
        if task.check_mode:
            return {"changed": True}
        create(task, result)
    else:
        modify(task, found, result)
    if args["password"] is not None:
        result["password"] = "NOT_LOGGING_PASSWORD"
    found = look(args)
    if found is None:
        task.fail("failed to look up user name: {}".format(args["name"]), **result)
    result.update(uid=found.pw_uid, group=found.pw_gid, comment=found.pw_gecos, home=found.pw_dir, shell=found.pw_shell)
    if args["groups"] is not None:
        result["groups"] = ",".join(args["groups"])
    home = args["home"] or found.pw_dir
    if args["create_home"] and not os.path.exists(home):
        if not task.check_mode:
            homes.make(task, home, found, args["skeleton"])
        result["changed"] = True
    if args["generate_ssh_key"]:
        homes.ssh_key(task, found, result)
    if set_ages(task):
        result["changed"] = True
    return result


def look(args):
    """The account as it is, or None."""
    return accounts.user(args["name"], bool(args["local"]))


def check_arguments(task):
    """Refuse what cannot be, and say what is ignored."""
    args = task.args
    if not args["name"] or ":" in args["name"] or "\n" in args["name"]:
        task.fail("'{}' cannot be a user's name".format(args["name"]))
    for name in ("umask", "uid_min", "uid_max"):
        if args["local"] and args[name] is not None:
            task.fail("'{}' can not be used with 'local'".format(name))
    for name in ELSEWHERE:
        if args[name] is not None:
            task.warn("'{}' means nothing on Linux and is ignored".format(name))
    if args["append"] and args["groups"] is None:
        task.warn("'append' is set, but no 'groups' are specified. Use 'groups' for appending new groups.")
    if args["groups"] is not None:
        args["groups"] = [name.strip() for name in args["groups"] if name.strip()]
    if args["ssh_key_comment"] is None:
        args["ssh_key_comment"] = "ansible-generated on {}".format(socket.gethostname())
    if args["password"] is not None:
        if "\n" in args["password"] or ":" in args["password"]:
            task.fail("the password is no hash: a ':' or a line break cannot be in one")
        if not homes.is_hash(args["password"]):
            task.warn(
                "The input password appears not to have been hashed. "
                "The 'password' argument must be encrypted for this module to work properly."
            )


def be_absent(task):
    """Remove the account."""
    args = task.args
    result = {"name": args["name"], "state": "absent", "changed": False}
    if look(args) is None:
        return result
    result["changed"] = True
    if task.check_mode:
        return result
    words = [programs.need(task, "userdel", SHADOW)]
    words += (["-f"] if args["force"] else []) + (["-r"] if args["remove"] else [])
    keep_said(result, programs.change_account(task, words + [args["name"]], status=True, name=args["name"]))
    result.update(force=args["force"], remove=args["remove"])
    return result


def create(task, result):
    """useradd(8); the password follows by chpasswd(8), whose standard input nobody else sees."""
    args = task.args
    words = [programs.need(task, "useradd", SHADOW)]
    if args["uid"] is not None:
        words += ["-u", args["uid"]] + (["-o"] if args["non_unique"] else [])
    if args["seuser"] is not None:
        words += ["-Z", args["seuser"]]
    if args["group"] is not None:
        words += ["-g", the_group(task, args["group"]).gr_gid]
    elif accounts.group(args["name"]) is not None:
        words.append("-N")  # else useradd would try to make one of that name
    if args["groups"]:
        words += ["-G", ",".join(sorted(the_group(task, name).gr_name for name in args["groups"]))]
    for flag, name in (("-c", "comment"), ("-d", "home"), ("-s", "shell")):
        if args[name] is not None:
            words += [flag, args[name]]
    if args["expires"] is not None:
        words += ["-e", day_text(args["expires"])]
    if args["password_expire_account_disable"] is not None:
        words += ["-f", args["password_expire_account_disable"]]
    words += home_words(args)
    if args["system"]:
        words.append("-r")
    for name in ("uid_min", "uid_max"):
        if args[name] is not None:
            words += ["-K", "{}={}".format(name.upper(), args[name])]
    if args["home"] and args["create_home"]:
        homes.make_parents(task, args["home"])
    keep_said(result, programs.change_account(task, words + [args["name"]], status=True, name=args["name"]))
    if args["password"] is not None:
        set_password(task)
    result.update(changed=True, system=args["system"], create_home=args["create_home"])


def home_words(args):
    """Words for useradd about the home folder."""
    if not args["create_home"]:
        return ["-M"]
    words = ["-m"]
    if args["skeleton"] is not None:
        words += ["-k", args["skeleton"]]
    if args["umask"] is not None:
        words += ["-K", "UMASK=" + args["umask"]]
    return words


def modify(task, found, result):
    """usermod(8) with what differs."""
    args = task.args
    result.update(append=args["append"], move_home=args["move_home"])
    words = []
    if args["uid"] is not None and args["uid"] != found.pw_uid:
        words += ["-u", args["uid"]] + (["-o"] if args["non_unique"] else [])
    if args["group"] is not None:
        gid = the_group(task, args["group"]).gr_gid
        words += ["-g", gid] if gid != found.pw_gid else []
    words += group_words(task)
    if args["comment"] is not None and args["comment"] != found.pw_gecos:
        words += ["-c", args["comment"]]
    if args["home"] is not None and args["home"] != found.pw_dir:
        words += ["-d", args["home"]] + (["-m"] if args["move_home"] else [])
    if args["shell"] is not None and args["shell"] != found.pw_shell:
        words += ["-s", args["shell"]]
    shadow = accounts.shadow(args["name"])
    words += expiry_words(args, shadow)
    password = shadow.password if shadow is not None else found.pw_passwd
    new_password = (
        args["password"] is not None
        and args["update_password"] == "always"
        and password.lstrip("!") != args["password"].lstrip("!")
    )
    if not new_password:
        if args["password_lock"] and not password.startswith("!"):
            words.append("-L")
        elif args["password_lock"] is False and password.startswith("!"):
            words.append("-U")
    if words and not task.check_mode:
        line = [programs.need(task, "usermod", SHADOW)] + words + [args["name"]]
        keep_said(result, programs.change_account(task, line, status=True, name=args["name"]))
    if new_password and not task.check_mode:
        set_password(task)
    result["changed"] = bool(words) or new_password


def group_words(task):
    """Words for usermod about further groups; none when they are as wanted."""
    args = task.args
    if args["groups"] is None:
        return []
    wanted = set(the_group(task, name).gr_name for name in args["groups"])
    current = accounts.memberships(args["name"])
    if args["append"]:
        return ["-a", "-G", ",".join(sorted(wanted))] if wanted - current else []
    return ["-G", ",".join(sorted(wanted))] if wanted != current else []


def expiry_words(args, shadow):
    """Words for usermod about the account's end; they are compared by days, which is what shadow(5) keeps."""
    words = []
    if args["expires"] is not None:
        current = shadow.expires if shadow is not None and shadow.expires is not None else -1
        wanted = -1 if args["expires"] < 0 else int(args["expires"] // DAY)
        if wanted != current:
            words += ["-e", day_text(args["expires"])]
    inactive = args["password_expire_account_disable"]
    if inactive is not None:
        current = shadow.inactive if shadow is not None and shadow.inactive is not None else -1
        if inactive != current:
            words += ["-f", inactive]
    return words


def set_password(task):
    """chpasswd(8) with the hash; with ``password_lock`` the account is locked in the same step."""
    args = task.args
    hashed = ("!" if args["password_lock"] else "") + args["password"]
    line = "{}:{}\n".format(args["name"], hashed)
    programs.do(task, [programs.need(task, "chpasswd", SHADOW), "-e"], stdin=line, name=args["name"])


def set_ages(task):
    """chage(1) with what differs; True when something does."""
    args = task.args
    shadow = accounts.shadow(args["name"])
    words = []
    for flag, name, field in (
        ("-m", "password_expire_min", "least"),
        ("-M", "password_expire_max", "most"),
        ("-W", "password_expire_warn", "warn"),
    ):
        if args[name] is not None and (shadow is None or getattr(shadow, field) != args[name]):
            words += [flag, args[name]]
    if words and not task.check_mode:
        programs.do(task, [programs.need(task, "chage", SHADOW)] + words + [args["name"]], name=args["name"])
    return bool(words)


def the_group(task, name):
    """A group that must exist."""
    found = accounts.group(name)
    if found is None:
        task.fail("Group {} does not exist".format(name))
    return found


def day_text(seconds):
    """A day as useradd and usermod take it; empty for never."""
    return "" if seconds < 0 else time.strftime("%Y-%m-%d", time.gmtime(seconds))


def keep_said(result, said):
    """What a tool printed, in the result."""
    for name in ("stdout", "stderr"):
        if getattr(said, name):
            result[name] = getattr(said, name)
