"""Where apt gets packages from: the one-line sources of sources.list(5), read and changed without losing comments."""

import glob
import os
import re

from stella_ops.remote.lib import debian
from stella_ops.remote.lib.task import ModuleFailure

TYPES = ("deb", "deb-src")


class Line(object):
    """One line of a file.

    Attributes:
        valid: whether it is a source, commented out or not.
        enabled: whether apt uses it.
        source: its words, single spaces between.
        comment: what stands behind a "#".
    """

    def __init__(self, text):
        text = text.strip()
        self.enabled = not text.startswith("#")
        text = text if self.enabled else text[1:]
        text, _, comment = text.partition("#") if text.find("#") > 0 else (text, "", "")
        self.comment = comment.strip()
        words = text.split()
        self.valid = bool(words) and words[0] in TYPES
        self.source = " ".join(words) if self.valid else text.strip()

    def text(self):
        """The line as it is written to a file, with its end."""
        written = ("" if self.enabled else "# ") + self.source
        return written + (" # " + self.comment if self.comment else "") + "\n"


def parse(text):
    """The words of a source that a task names. Raises ModuleFailure when it is none."""
    line = Line(text)
    if not line.valid or not line.enabled:
        raise ModuleFailure(
            "Invalid repository string: {}".format(text.strip()),
            hint="expected: deb [options] URI SUITE COMPONENT…, see sources.list(5)",
        )
    return line.source


class Sources(object):
    """All one-line sources of a host: ``files`` maps paths to their lines."""

    def __init__(self):
        found = debian.configuration("Dir::Etc::sourcelist/f", "Dir::Etc::sourceparts/d")
        self.main = found.get("Dir::Etc::sourcelist/f") or "/etc/apt/sources.list"
        self.folder = found.get("Dir::Etc::sourceparts/d") or "/etc/apt/sources.list.d/"
        self.files = {}
        for path in [self.main] + sorted(glob.glob(os.path.join(self.folder, "*.list"))):
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="surrogateescape") as source:
                    self.files[path] = [Line(text) for text in source]

    def texts(self):
        """What each file holds, or is to hold; files without a line are not there."""
        return {path: "".join(line.text() for line in lines) for path, lines in self.files.items() if lines}

    def add(self, source, path):
        """Have a source: enabled where it stands commented out, else at the end of ``path``."""
        same = [line for lines in self.files.values() for line in lines if line.valid and line.source == source]
        for line in same:
            line.enabled = True
        if not same:
            self.files.setdefault(path, []).append(Line(source))

    def remove(self, source):
        """Have no enabled line of a source."""
        for path, lines in self.files.items():
            self.files[path] = [line for line in lines if not (line.valid and line.enabled and line.source == source)]

    def has(self, source):
        """Whether apt uses a source."""
        return any(
            line.valid and line.enabled and line.source == source for lines in self.files.values() for line in lines
        )

    def place(self, filename, source):
        """The path of the file for a new source; without a name it is made of the source's address."""
        name = "{}.list".format(filename or suggested(source))
        return name if "/" in name else os.path.join(self.folder, name)


def suggested(source):
    """A file's name for a source, made of its address: no protocol, no login, letters and digits alone."""
    text = re.sub(r"\w+://", "", re.sub(r"\[[^\]]+\]", "", source))
    words = [word for word in text.split() if word not in TYPES]
    address = words[0].split("@", 1)[-1] if words else ""
    return "_".join(re.sub("[^a-zA-Z0-9]", " ", address).split())
