"""fstab(5): its lines, changed one at a time, and what is mounted by /proc/self/mountinfo."""

import collections

Entry = collections.namedtuple("Entry", ["src", "path", "fstype", "opts", "dump", "passno"])
Mount = collections.namedtuple("Mount", ["path", "fstype", "src", "opts", "root"])


def escape(text):
    """A field as fstab has it: blanks as octal numbers."""
    for letter in ("\\", " ", "\t", "\n", "#"):
        if letter == "\\":
            continue  # what is written as \040 already stays so
        text = text.replace(letter, "\\{:03o}".format(ord(letter)))
    return text


def unescape(text):
    """The other way round."""
    for letter in (" ", "\t", "\n", "#", "\\"):
        text = text.replace("\\{:03o}".format(ord(letter)), letter)
    return text


def parse(line):
    """An ``Entry``, or None for a comment, a blank, or a line that is none."""
    words = line.split()
    if len(words) < 3 or words[0].startswith("#"):
        return None
    words = (words + ["defaults", "0", "0"][len(words) - 3 :])[:6]
    return Entry(*([unescape(words[0]), unescape(words[1])] + words[2:]))


def write(entry):
    """An entry as a line."""
    words = [escape(entry.src), escape(entry.path), entry.fstype, entry.opts, entry.dump, entry.passno]
    return " ".join(words)


def _is_for(entry, path, src, fstype):
    if entry is None:
        return False
    if fstype == "swap" or entry.fstype == "swap":
        # Swap areas have no path of their own: they all say "none".
        return entry.fstype == "swap" and entry.path == path and src is not None and entry.src == src
    return entry.path == path


def with_entry(text, entry):
    """The file with an entry, in the place of the one for the same path; others stay as they are written."""
    lines = text.splitlines()
    done = False
    for place, line in enumerate(lines):
        found = parse(line)
        if not _is_for(found, entry.path, entry.src, entry.fstype):
            continue
        if not done and found != entry:
            lines[place] = write(entry)
        done = True
    if not done:
        lines.append(write(entry))
    return "".join(line + "\n" for line in lines)


def without(text, path, src=None):
    """The file without the entries for a path; for swap, where the path says nothing, those of a source."""
    lines = [line for line in text.splitlines() if not _gone(parse(line), path, src)]
    return "".join(line + "\n" for line in lines)


def _gone(entry, path, src):
    if entry is None or entry.path != path:
        return False
    return src is None or entry.src == src or path not in ("none", "swap")


def mounted(path="/proc/self/mountinfo"):
    """What is mounted now, the last on top: proc(5)."""
    found = []
    with open(path, "rb") as source:
        for line in source.read().decode("utf-8", "surrogateescape").splitlines():
            words = line.split()
            end = words.index("-")
            options = words[5] + "," + words[end + 3] if len(words) > end + 3 else words[5]
            path, source_name, root = unescape(words[4]), unescape(words[end + 2]), unescape(words[3])
            found.append(Mount(path, words[end + 1], source_name, options.split(","), root))
    return found
