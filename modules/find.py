"""Find files by name, age, size, mode, kind and content."""

import errno
import fnmatch
import os
import re
import stat
import time

from stella_ops.remote.lib import files, modes, stat_fields

ARGUMENTS = {
    "paths": {
        "type": "list",
        "elements": "path",
        "required": True,
        "aliases": ["name", "path"],
        "doc": "The folders to look in.",
    },
    "patterns": {
        "type": "list",
        "elements": "str",
        "default": [],
        "aliases": ["pattern"],
        "doc": "Names to find: globs, or with use_regex expressions. Any of them is enough.",
    },
    "excludes": {
        "type": "list",
        "elements": "str",
        "aliases": ["exclude"],
        "doc": "Names to leave out, written like patterns.",
    },
    "contains": {"type": "str", "doc": "An expression that a line has to begin with; see read_whole_file."},
    "read_whole_file": {
        "type": "bool",
        "default": False,
        "doc": "The expression of contains is looked for anywhere in the whole file.",
    },
    "encoding": {"type": "str", "doc": "How files are encoded, for contains."},
    "file_type": {
        "type": "str",
        "default": "file",
        "choices": ["any", "directory", "file", "link"],
        "doc": "What to find.",
    },
    "age": {"type": "str", "doc": "At least this old, such as 2d; with a minus, at most: units s, m, h, d, w."},
    "age_stamp": {
        "type": "str",
        "default": "mtime",
        "choices": ["atime", "ctime", "mtime"],
        "doc": "The time that age is about.",
    },
    "size": {"type": "str", "doc": "At least this large, such as 1m; with a minus, at most: units b, k, m, g, t."},
    "recurse": {"type": "bool", "default": False, "doc": "Look in folders below, too."},
    "depth": {"type": "int", "doc": "How many folders deep to look."},
    "hidden": {"type": "bool", "default": False, "doc": "Find names that begin with a dot, too."},
    "follow": {"type": "bool", "default": False, "doc": "Go into folders that are links."},
    "get_checksum": {"type": "bool", "default": False, "doc": "Tell the digest of each file."},
    "checksum_algorithm": {
        "type": "str",
        "default": "sha1",
        "choices": ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
        "aliases": ["checksum", "checksum_algo"],
        "doc": "Which digest.",
    },
    "use_regex": {"type": "bool", "default": False, "doc": "patterns and excludes are regular expressions."},
    "mode": {"type": "raw", "doc": "Permission bits to find, octal or symbolic."},
    "exact_mode": {"type": "bool", "default": True, "doc": "All bits are as mode says; else any of them is enough."},
    "limit": {"type": "int", "doc": "How many to find at most."},
}

_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZES = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_KINDS = {"directory": stat.S_ISDIR, "file": stat.S_ISREG, "link": stat.S_ISLNK}


def run(task):
    """Return ansible-core's keys of ``find``: files, matched, examined, skipped_paths, msg."""
    args = task.args
    if args["mode"] and not isinstance(args["mode"], str):
        kind = type(args["mode"]).__name__
        task.fail("argument 'mode' is not a string and conversion is not allowed, value is of type {}".format(kind))
    if args["limit"] is not None and args["limit"] <= 0:
        task.fail("limit cannot be {} (use None for unlimited)".format(args["limit"]))
    search = Search(task)
    for path in args["paths"]:
        if search.is_full():
            break
        search.look_in(path)
    msg = "All paths examined"
    if search.is_full():
        msg = "Limit of matches reached"
    if search.troubled:
        msg = "Not all paths examined, check warnings for details"
    return {
        "changed": False,
        "files": search.found,
        "matched": len(search.found),
        "examined": search.examined,
        "skipped_paths": search.skipped,
        "msg": msg,
    }


class Search(object):
    """One search; ``found`` holds what ansible-core tells of each file."""

    def __init__(self, task):
        self.task = task
        self.args = task.args
        self.now = time.time()
        self.age = number(task, "age", _AGES)
        self.size = number(task, "size", _SIZES)
        self.patterns = self.args["patterns"] or ([".*"] if self.args["use_regex"] else ["*"])
        self.excludes = self.args["excludes"] or []
        self.contains = self.args["contains"]
        self.found = []
        self.examined = 0
        self.skipped = {}
        self.troubled = False

    def is_full(self):
        """Whether as many files are found as are wanted."""
        return len(self.found) == self.args["limit"]

    def look_in(self, top):
        """Find what is below one folder."""
        if not os.path.isdir(top):
            self.skip(top, "'{}' is not a directory".format(top))
            return
        try:
            self.walk(top)
        except (OSError, ValueError, LookupError, re.error) as error:
            self.skip(top, str(error))

    def skip(self, path, why):
        """A path that could not be looked at makes a warning."""
        self.skipped[path] = why
        self.troubled = True
        self.task.warn("Skipped '{}' path due to this access issue: {}\n".format(path, why))

    def cannot_list(self, error):
        """What os.walk calls for a folder that cannot be read."""
        if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOENT):
            raise error
        self.skipped[error.filename] = str(error)

    def walk(self, top):
        """The outer folders come before the inner ones."""
        above = (top.rstrip("/") + "/").count("/")
        for folder, directories, others in os.walk(
            top, onerror=self.cannot_list, followlinks=self.args["follow"], topdown=True
        ):
            self.examined += len(directories) + len(others)
            for name in others + directories:
                path = os.path.normpath(os.path.join(folder, name))
                if self.args["depth"] and path.count("/") - above + 1 > self.args["depth"]:
                    del directories[:]
                    continue
                self.consider(path, name)
                if self.is_full():
                    return
            if not self.args["recurse"]:
                return

    def consider(self, path, name):
        """Keep a file when it is one of those that are wanted."""
        if name.startswith(".") and not self.args["hidden"]:
            return
        try:
            found = os.lstat(path)
        except OSError as error:
            self.skip(path, str(error))
            return
        if not self.fits(path, name, found):
            return
        told = {"path": path}
        told.update(describe(found))
        if self.args["get_checksum"] and stat.S_ISREG(found.st_mode):
            told["checksum"] = files.digest(path, self.args["checksum_algorithm"])[0]
        self.found.append(told)

    def fits(self, path, name, found):
        """Whether a file is one of those that are wanted."""
        kind = self.args["file_type"]
        if kind != "any" and not _KINDS[kind](found.st_mode):
            return False
        if not self.has_name(name, self.patterns) or self.has_name(name, self.excludes):
            return False
        if not beyond(self.now - getattr(found, "st_" + self.args["age_stamp"]), self.age):
            return False
        if stat.S_ISREG(found.st_mode) and not beyond(found.st_size, self.size):
            return False
        if kind == "file" and self.contains is not None and not self.holds(path):
            return False
        return self.has_mode(found)

    def has_name(self, name, patterns):
        """Whether a name is meant by one of some patterns; those behind it are not read."""
        regular = self.args["use_regex"]
        return any(re.match(each if regular else fnmatch.translate(each), name) for each in patterns)

    def holds(self, path):
        """Whether a file's text has what is looked for; one that cannot be read has not."""
        try:
            with open(path, encoding=self.args["encoding"]) as source:
                if self.args["read_whole_file"]:
                    return re.search(self.contains, source.read()) is not None
                return any(re.match(self.contains, line) for line in source)
        except UnicodeDecodeError:
            told = self.args["encoding"] or "that of the host's locale"
            raise ValueError(
                "Failed to read the file {} due to an encoding error. current encoding: {}".format(path, told)
            )
        except OSError:
            return False

    def has_mode(self, found):
        """Whether a file has the permission bits."""
        if not self.args["mode"]:
            return True
        try:
            bits = modes.resolve(self.args["mode"], 0, False)
        except modes.ModeError:
            raise ValueError("bad symbolic permission for mode: {}".format(self.args["mode"]))
        now = stat.S_IMODE(found.st_mode)
        return now == bits if self.args["exact_mode"] else bool(now & bits)


def number(task, name, units):
    """An argument such as "-2d" as a number; None when it is not given."""
    text = task.args[name]
    if text is None:
        return None
    found = re.match(r"(-?\d+)([{}])?$".format("".join(units)), text.lower())
    if not found:
        task.fail("failed to process {}".format(name), **{name: text})
    return int(found.group(1)) * units.get(found.group(2), 1)


def beyond(value, limit):
    """Whether a value is at least the limit, or at most the limit's amount when that is negative."""
    if limit is None:
        return True
    return value >= limit if limit >= 0 else value <= -limit


def describe(found):
    """What ``stat`` tells of a file, under its names there."""
    told = stat_fields.tell(found)
    told["pw_name"] = known(files.user_name(found.st_uid))
    told["gr_name"] = known(files.group_name(found.st_gid))
    return told


def known(name):
    """A user's or group's name; empty for a bare number."""
    return "" if name.isdigit() else name
