"""Make sure that a line is in a text file, or that none like it is."""

import io
import os
import re

from stella_ops.remote.lib import editing, rules
from stella_ops.remote.lib.files import FILE_ATTRIBUTES

ARGUMENTS = {
    "path": {"type": "path", "required": True, "aliases": ["dest", "destfile", "name"], "doc": "The file to change."},
    "state": {
        "type": "str",
        "default": "present",
        "choices": ["absent", "present"],
        "doc": "Whether the line is to be there.",
    },
    "regexp": {
        "type": "str",
        "aliases": ["regex"],
        "doc": "The last line that this finds is replaced; with state=absent, all of them are removed.",
    },
    "search_string": {"type": "str", "doc": "As regexp, but a text that is found as it stands."},
    "line": {"type": "str", "untold": True, "aliases": ["value"], "doc": "The line."},
    "insertafter": {"type": "str", "doc": "A new line goes behind the last line that this expression finds, or EOF."},
    "insertbefore": {
        "type": "str",
        "doc": "A new line goes before the last line that this expression finds, or BOF.",
    },
    "backrefs": {
        "type": "bool",
        "default": False,
        "doc": "The line may refer to groups of regexp; where that finds nothing, nothing changes.",
    },
    "create": {"type": "bool", "default": False, "doc": "Make the file when there is none."},
    "firstmatch": {"type": "bool", "default": False, "doc": "The first line that is found counts, not the last."},
    "backup": {"type": "bool", "default": False, "doc": "Keep a copy of the old file beside it."},
    "validate": {"type": "str", "doc": "A command that has to accept the new file; %s stands for its path."},
    **FILE_ATTRIBUTES,
}

_EMPTY = (
    "The {} is an empty string, which will match every line in the file. This may have unintended consequences, "
    "such as replacing the last line in the file rather than appending."
)
_MEANT = " If this is desired, use '^' to match every line in the file and avoid this warning."
NEWLINE = os.linesep.encode("ascii")


def run(task):
    """Return ansible-core's keys of ``lineinfile``: msg, backup, diff; found when lines are removed."""
    args = task.args
    rules.exclusive(task, "insertbefore", "insertafter")
    rules.exclusive(task, "regexp", "search_string")
    if args["backrefs"] and args["search_string"] is not None:
        task.fail("parameters are mutually exclusive: backrefs|search_string")
    for name, words in (("regexp", "regular expression"), ("search_string", "search string")):
        if args[name] == "":
            task.warn(_EMPTY.format(words) + (_MEANT if name == "regexp" else ""))
    if args["state"] == "absent":
        return absent(task)
    if os.path.isdir(args["path"]):
        task.fail("Path {} is a directory !".format(args["path"]), rc=256)
    if args["backrefs"] and args["regexp"] is None:
        task.fail("regexp is required with backrefs=true")
    if args["line"] is None:
        task.fail("line is required with state=present")
    return present(task)


def present(task):
    """Replace the line that is found, or add one."""
    edit = editing.Edit(task, "Destination {} does not exist !")
    lines = split_lines(edit.before)
    msg = put(task, lines)
    return finish(task, edit, lines, msg, {})


def put(task, lines):
    """Change the list of lines; returns ansible-core's words for what was done, "" for nothing."""
    args = task.args
    line = args["line"].encode("utf-8", "surrogateescape")
    after, before = args["insertafter"], args["insertbefore"]
    if after is None and before is None:
        after = "EOF"
    place, match = find(task, lines)
    if place is not None:
        new = expand(task, match, line) if args["backrefs"] else line
        if not new.endswith(NEWLINE):
            new += NEWLINE
        if lines[place] == new:
            return ""
        lines[place] = new
        return "line replaced"
    insertion, exact = neighbour(task, lines, line, after, before)
    if exact is not None:
        if lines[exact] == line + NEWLINE:
            return ""
        lines[exact] = line + NEWLINE
        return "line replaced"
    if args["backrefs"]:
        return ""  # the line cannot be made without what it refers to
    if after == "BOF" or before == "BOF":
        lines.insert(0, line + NEWLINE)
        return "line added"
    if insertion is None:
        end_last_line(lines)
        lines.append(line + NEWLINE)
        return "line added"
    # With firstmatch, what follows has not been looked at: the line may stand there already.
    if after is not None and insertion < len(lines) and lines[insertion].rstrip(b"\r\n") == line:
        return ""
    if insertion == len(lines):
        end_last_line(lines)
    lines.insert(insertion, line + NEWLINE)
    return "line added"


def find(task, lines):
    """Where the line to be replaced is, and the match; (None, None) when nothing is found."""
    args = task.args
    expression = editing.pattern(task, "regexp")
    text = args["search_string"]
    wanted = None if text is None else text.encode("utf-8", "surrogateescape")
    place = match = None
    for number, line in enumerate(lines):
        if expression is not None:
            found = expression.search(line)
        else:
            found = wanted is not None and wanted in line
        if found:
            place, match = number, found
            if args["firstmatch"]:
                break
    return place, match


def neighbour(task, lines, line, after, before):
    """Where a new line goes (None: at the end), and where the very line is already (None: nowhere)."""
    name = "insertafter" if after is not None else "insertbefore"
    expression = None if task.args[name] in (None, "BOF", "EOF") else editing.pattern(task, name)
    insertion = exact = None
    for number, each in enumerate(lines):
        if each.rstrip(b"\r\n") == line:
            exact = number
        elif expression is not None and expression.search(each):
            insertion = number + 1 if after is not None else number
            if task.args["firstmatch"]:
                break
    return insertion, exact


def expand(task, match, line):
    """The line with what its groups stand for."""
    try:
        return match.expand(line)
    except (re.error, IndexError) as error:
        return task.fail("line refers to something that regexp does not have: {}".format(error))


def end_last_line(lines):
    """A file whose last line is not ended gets its end of line before another follows."""
    if lines and lines[-1][-1:] not in (b"\n", b"\r"):
        lines[-1] += NEWLINE


def absent(task):
    """Remove every line that is found."""
    args = task.args
    if args["regexp"] is None and args["search_string"] is None and args["line"] is None:
        task.fail("one of line, search_string, or regexp is required with state=absent")
    edit = editing.Edit(task, None)
    if edit.before is None:
        return {"changed": False, "msg": "file not present"}
    lines = split_lines(edit.before)
    kept = [line for line in lines if not is_unwanted(task, line)]
    found = len(lines) - len(kept)
    msg = "{} line(s) removed".format(found) if found else ""
    return finish(task, edit, kept, msg, {"found": found})


def is_unwanted(task, line):
    """Whether a line is one of those to be removed."""
    args = task.args
    if args["regexp"] is not None:
        return editing.pattern(task, "regexp").search(line) is not None
    if args["search_string"] is not None:
        return args["search_string"].encode("utf-8", "surrogateescape") in line
    return line.rstrip(b"\r\n") == args["line"].encode("utf-8", "surrogateescape")


def split_lines(data):
    """The lines of a file with their ends; only "\\n" ends one."""
    return io.BytesIO(data or b"").readlines()


def finish(task, edit, lines, msg, more):
    """Write the file, set its attributes, and make the result."""
    changed = bool(msg)
    after = b"".join(lines)
    edit.write(after if changed else edit.before)
    changed, msg, attributes = edit.attributes(changed, msg)
    result = {"changed": changed, "msg": msg, "backup": edit.backup_file or ""}
    result.update(more)
    # Without the texts it is told where no difference is asked for, too.
    content = edit.content_diff(after)
    result["diff"] = content if task.check_mode and edit.before is None else [content, attributes]
    return result
