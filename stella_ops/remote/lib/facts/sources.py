"""Reading the small files of /proc, /sys and /etc that facts come from."""

import os


def text(path, default=""):
    """A file's text without surrounding white space; ``default`` when it cannot be read."""
    try:
        with open(path, "rb") as source:
            return source.read().decode("utf-8", "replace").strip().strip("\0")
    except OSError:
        return default


def lines(path):
    """A file's lines; none when it cannot be read."""
    return text(path).splitlines()


def number(path):
    """A file's one whole number, or None."""
    found = text(path)
    try:
        return int(found)
    except ValueError:
        return None


def names(folder):
    """A folder's entries in order; none when it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def assignments(path):
    """``NAME=value`` lines with shell quoting (os-release(5)) as a dict."""
    found = {}
    for line in lines(path):
        name, sign, value = line.strip().partition("=")
        if sign and not name.startswith("#"):
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            for escaped in '"$`\\':
                value = value.replace("\\" + escaped, escaped)
            found[name.strip()] = value
    return found
