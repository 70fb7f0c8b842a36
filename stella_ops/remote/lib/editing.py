"""What ``lineinfile``, ``blockinfile``, ``replace`` and ``ini_file`` share: a file read, changed, and put back.

Links are followed: it is the file that they lead to which changes. Its bytes are put back in one step.
"""

import os
import re

from stella_ops.remote.lib import atomic, difftext, files
from stella_ops.remote.lib.task import to_text

ATTRIBUTES_CHANGED = "ownership, perms or SE linux context changed"


class Edit(object):
    """The file of a task's ``path``.

    Args:
        missing: what to say when there is none and ``create`` is not given; "{}" stands for the path.

    Attributes:
        path: as the task names it.
        before: its bytes; None when there is no file.
    """

    def __init__(self, task, missing):
        self._task = task
        self.path = task.args["path"]
        self.backup_file = None
        if os.path.isdir(self.path):
            task.fail("Path {} is a directory !".format(self.path), rc=256)
        self.before = None
        try:
            with open(self.path, "rb") as source:
                self.before = source.read()
        except (FileNotFoundError, NotADirectoryError):
            if missing is not None and not task.args.get("create"):
                task.fail(missing.format(self.path), rc=257)
        except OSError as error:
            task.fail("Unable to read the contents of {}: {}".format(self.path, error.strerror))

    def write(self, after):
        """Put the new bytes in place, unless in check mode; a missing folder is made first."""
        task = self._task
        if task.check_mode or after == self.before:
            return
        if self.before is None:
            files.make_directories(os.path.dirname(os.path.abspath(self.path)))
        validate = task.args.get("validate")
        with atomic.Replacement(os.path.realpath(self.path), named=bool(validate), warn=task.warn) as new:
            new.write(after)
            if validate:
                from stella_ops.remote.lib import validation

                new.flush()
                validation.check(task, validate, new.temporary)
            if task.args["backup"] and self.before is not None:
                self.backup_file = atomic.backup(self.path)
            new.commit(in_place=task.args["unsafe_writes"])

    def attributes(self, changed, message):
        """Set owner, mode and the rest; returns (changed, message, diff of the attributes)."""
        before, after = {}, {}
        if not (self._task.check_mode and self.before is None):
            wanted = files.wanted(self._task)
            target = os.path.realpath(self.path)
            if files.set_attributes(target, wanted, self._task.check_mode, before, after):
                message += (" and " if changed else "") + ATTRIBUTES_CHANGED
                changed = True
        return changed, message, self.attribute_diff(before, after)

    def attribute_diff(self, before, after):
        """The second of a result's diffs."""
        title = "{} (file attributes)".format(self.path)
        diff = {"before_header": title, "after_header": title}
        if before != after:
            diff["before"], diff["after"] = before, after
        return diff

    def content_diff(self, after):
        """The first of a result's diffs."""
        title = "{} (content)".format(self.path)
        if not self._task.diff_mode:
            return {"before": "", "after": "", "before_header": title, "after_header": title}
        return difftext.of_content(self.before or b"", after, title, title)


def pattern(task, name, flags=0):
    """An argument as a compiled regular expression over bytes; None when it is not given."""
    text = task.args[name]
    return None if text is None else compiled(task, name, text.encode("utf-8", "surrogateescape"), flags)


def compiled(task, name, text, flags):
    """A regular expression over text or bytes, of the argument with that name; the task fails where it is none."""
    try:
        return re.compile(text, flags)
    except re.error as error:
        shown = text if isinstance(text, str) else to_text(text)
        hint = "{} is no regular expression: {}".format(name, shown)
        return task.fail("Task failed: Module failed: {}".format(error), hint)
