"""Manage a job, or a variable, of a user's crontab or of a file in /etc/cron.d.

A job is known by the comment line ``#Ansible: NAME`` before it, as ansible-core writes it.
"""

import os
import pwd
import re

from stella_ops.remote.lib import atomic, crontab, files, programs

ARGUMENTS = {
    "name": {"type": "str", "required": True, "doc": "what the job is known by; with env, the variable's name"},
    "job": {"type": "str", "untold": True, "aliases": ["value"], "doc": "the command; with env, the variable's value"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "user": {"type": "str", "doc": "whose crontab; in a cron_file, who runs the job"},
    "cron_file": {"type": "path", "doc": "a file, from /etc/cron.d on, instead of a user's crontab"},
    "backup": {"type": "bool", "default": False, "doc": "keep what was there before, and say where"},
    "minute": {"type": "str", "default": "*"},
    "hour": {"type": "str", "default": "*"},
    "day": {"type": "str", "default": "*", "aliases": ["dom"], "doc": "day of the month"},
    "month": {"type": "str", "default": "*"},
    "weekday": {"type": "str", "default": "*", "aliases": ["dow"], "doc": "0 to 6 from Sunday on, or a name"},
    "special_time": {
        "type": "str",
        "choices": ["reboot", "yearly", "annually", "monthly", "weekly", "daily", "hourly"],
        "doc": "a nickname instead of the five times",
    },
    "disabled": {"type": "bool", "default": False, "doc": "keep the job as a comment"},
    "env": {"type": "bool", "default": False, "doc": "manage a variable, not a job"},
    "insertafter": {"type": "str", "doc": "variable after which a new one is put"},
    "insertbefore": {"type": "str", "doc": "variable before which a new one is put"},
}


def run(task):
    """Return jobs and envs: the names that the table has; cron_file and backup_file where they apply."""
    args = task.args
    check_arguments(task)
    place = crontab_of(task)
    before = place.read()
    table = crontab.Table(before)
    removed = change(task, table)
    after = table.render()
    gone = removed and args["cron_file"] is not None and not after.strip()
    changed = table.changed or bool(before and not before.endswith(("\n", "\r")))
    result = {"jobs": table.jobs(), "envs": table.variables(), "changed": changed}
    if gone:
        result = {"changed": changed, "state": args["state"]}
    if args["cron_file"] is not None:
        result["cron_file"] = args["cron_file"]
    if changed and not task.check_mode:
        if args["backup"]:
            result["backup_file"] = place.backup(before)
        place.remove() if gone else place.write(after)
    if changed and task.diff_mode:
        result["diff"] = {
            "before": before,
            "after": "" if gone else after,
            "before_header": place.title,
            "after_header": "/dev/null" if gone else place.title,
        }
    return result


def check_arguments(task):
    """Refuse what contradicts itself, in ansible-core's words."""
    args = task.args
    if args["insertafter"] and args["insertbefore"]:
        task.fail("parameters are mutually exclusive: insertafter|insertbefore")
    if args["cron_file"] is not None:
        if args["cron_file"] == "/etc/crontab":
            task.fail("Will not manage /etc/crontab via cron_file, see documentation.")
        name = os.path.basename(args["cron_file"])
        if not re.match(r"^[A-Za-z0-9_-]+$", name):
            task.warn(
                'Filename portion of cron_file ("{}") should consist solely of upper- and lower-case letters, '
                "digits, underscores, and hyphens".format(name)
            )
    if args["special_time"] and any(args[name] != "*" for name in crontab.TIMES):
        task.fail("You cannot combine special_time with any of the time or day/date parameters.")
    if "\n" in args["name"]:
        task.fail("a name of several lines cannot be found again")
    if args["state"] == "present":
        if args["cron_file"] is not None and not args["user"]:
            task.fail("To use cron_file=... parameter you must specify user=... as well")
        if args["job"] is None:
            task.fail("You must specify 'job' to install a new cron job or variable")
        if (args["insertafter"] or args["insertbefore"]) and not args["env"]:
            task.fail("Insertafter and insertbefore parameters are valid only with env=yes")
        if not args["env"] and re.search(r"[\r\n]", args["job"].strip("\r\n")):
            task.warn("Job should not contain line breaks")
    if args["env"] and " " in args["name"]:
        task.fail("Invalid name for environment variable")


def change(task, table):
    """Bring the table to what is wanted; True when something was to be removed from it and was."""
    args = task.args
    present = args["state"] == "present"
    if args["env"]:
        if not present:
            return table.remove_variable(args["name"])
        line = '{}="{}"'.format(args["name"], args["job"])
        other = args["insertafter"] or args["insertbefore"]
        if not table.set_variable(args["name"], line, other, after=bool(args["insertafter"])):
            task.fail("Variable named '{}' not found.".format(other))
        return False
    if not present:
        return table.remove_job(args["name"])
    table.set_job(args["name"], crontab.line_of(args))
    return False


def crontab_of(task):
    """Where the table is kept."""
    args = task.args
    if args["cron_file"] is not None:
        return CronFile(task, os.path.join("/etc/cron.d", args["cron_file"]))
    return UserCrontab(task, args["user"])


class CronFile(object):
    """A file that cron reads by itself."""

    def __init__(self, task, path):
        self.task, self.path, self.title = task, path, path

    def read(self):
        """Its text; "" when there is none."""
        try:
            with open(self.path, "rb") as source:
                return source.read().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return ""
        except OSError as error:
            return self.task.fail("Unable to read crontab {}: {}".format(self.path, error.strerror))

    def write(self, text):
        """Replace it; a new one is 0644, since cron leaves files alone that others may write to."""
        mode = None if os.path.exists(self.path) else "0644"
        with atomic.Replacement(os.path.realpath(self.path), warn=self.task.warn) as new:
            new.write(text.encode("utf-8", "surrogateescape"))
            new.commit(files.Wanted(mode))

    def remove(self):
        """Take it away."""
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
        except OSError as error:
            self.task.fail("cannot remove {}: {}".format(self.path, error.strerror))

    def backup(self, text):
        """Keep the old text; its path."""
        return keep(text)


class UserCrontab(object):
    """The table of one user, through crontab(1)."""

    def __init__(self, task, user):
        self.task = task
        self.words = [programs.need(task, "crontab", "install the package 'cron' (Debian) or 'cronie' (Red Hat)")]
        self.title = "crontab"
        if user:
            self.title = 'crontab for user "{}"'.format(user)
            if user != pwd.getpwuid(os.getuid()).pw_name:
                self.words += ["-u", user]

    def read(self):
        """Its text without the lines that old versions of cron put before it; "" when there is none."""
        said = programs.call(self.task, self.words + ["-l"])
        if said.rc not in (0, 1) or (said.rc == 1 and "no crontab" not in said.stderr and said.stderr.strip()):
            self.task.fail("Unable to read crontab", rc=said.rc, stderr=said.stderr)
        return crontab.without_header(said.stdout) if said.rc == 0 else ""

    def write(self, text):
        """Replace it. The text goes over standard input: no file in between, and none to be left behind."""
        said = programs.call(self.task, self.words + ["-"], stdin=text)
        if said.rc != 0:
            self.task.fail(
                "Failed to install new cronfile: {}".format(said.stderr.strip()),
                stderr=said.stderr,
                stdout=said.stdout,
                rc=said.rc,
            )

    def backup(self, text):
        """Keep the old text; its path."""
        return keep(text)


def keep(text):
    """A new file that only its owner can read; its path."""
    import tempfile

    fd, path = tempfile.mkstemp(prefix="crontab")
    with os.fdopen(fd, "wb") as target:
        target.write(text.encode("utf-8", "surrogateescape"))
    return path
