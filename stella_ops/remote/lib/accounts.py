"""Users and groups of the host: looked up by name, in every source that it uses or in its own files alone."""

import collections
import grp
import os
import pwd

PASSWD = "/etc/passwd"
GROUP = "/etc/group"
SHADOW = "/etc/shadow"
LOGIN_DEFS = "/etc/login.defs"

# Fields of shadow(5) that are used; days are counted from 1970-01-01, None is an empty field.
Shadow = collections.namedtuple("Shadow", ["password", "least", "most", "warn", "inactive", "expires"])


def user(name, local=False):
    """``pwd.struct_passwd`` of a user, or None. ``local`` looks in /etc/passwd alone."""
    if not local:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            return None
    words = _last_line(PASSWD, name, 7)
    if words is None:
        return None
    return pwd.struct_passwd(words[:2] + [int(words[2]), int(words[3])] + words[4:7])


def group(name, local=False):
    """``grp.struct_group`` of a group's name, or of a gid as text or int; None when there is none."""
    if local:
        words = _last_line(GROUP, str(name), 4)
        if words is None:
            return None
        return grp.struct_group(words[:2] + [int(words[2]), [member for member in words[3].split(",") if member]])
    text = str(name)
    try:
        return grp.getgrnam(text)
    except KeyError:
        if not text.isdigit():
            return None
    try:
        return grp.getgrgid(int(text))
    except KeyError:
        return None


def group_of_number(gid, local=False):
    """The group that has a gid, or None."""
    if not local:
        try:
            return grp.getgrgid(gid)
        except KeyError:
            return None
    for words in _entries(GROUP, 4):
        if words[2] == str(gid):
            return group(words[0], local=True)
    return None


def memberships(name):
    """Names of the groups that list a user as a member."""
    return set(entry.gr_name for entry in grp.getgrall() if name in entry.gr_mem)


def shadow(name):
    """``Shadow`` of a user; None without root's rights, or where there is no such line."""
    words = _last_line(SHADOW, name, 8)
    if words is None:
        return None
    return Shadow(words[1], *[_number(words[place]) for place in (3, 4, 5, 6, 7)])


def home_mode():
    """The mode for a new home folder, by HOME_MODE or UMASK of login.defs(5)."""
    mode = 0o755
    for line in _lines(LOGIN_DEFS):
        words = line.split()
        if len(words) >= 2 and words[0] in ("HOME_MODE", "UMASK"):
            try:
                value = int(words[1], 8)
            except ValueError:
                continue
            if words[0] == "HOME_MODE":
                return value
            mode = 0o777 & ~value
    return mode


def _lines(path):
    try:
        with open(path, "rb") as source:
            return source.read().decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []


def _entries(path, count):
    for line in _lines(path):
        words = line.split(":")
        if len(words) >= count and not line.startswith("#"):
            yield words


def _last_line(path, name, count):
    """The fields of the last line for a name: what the tools that change such files take for the one."""
    if not os.path.exists(path):
        return None
    found = None
    for words in _entries(path, count):
        if words[0] == name:
            found = words
    return found


def _number(text):
    try:
        return int(text)
    except ValueError:
        return None
