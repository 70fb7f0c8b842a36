"""Keep a block of lines in a text file, between two marker lines by which it is found again."""

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
        "doc": "Whether the block is to be there.",
    },
    "block": {
        "type": "str",
        "untold": True,
        "default": "",
        "aliases": ["content"],
        "doc": "The lines between the markers; empty text removes the block with its markers.",
    },
    "marker": {
        "type": "str",
        "default": "# {mark} ANSIBLE MANAGED BLOCK",
        "doc": "The marker line; {mark} becomes marker_begin and marker_end.",
    },
    "marker_begin": {"type": "str", "default": "BEGIN", "doc": "What stands for {mark} in the first marker."},
    "marker_end": {"type": "str", "default": "END", "doc": "What stands for {mark} in the last marker."},
    "insertafter": {"type": "str", "doc": "A new block goes behind the last line that this finds, or EOF."},
    "insertbefore": {"type": "str", "doc": "A new block goes before the last line that this finds, or BOF."},
    "append_newline": {"type": "bool", "default": False, "doc": "An empty line follows the block, if any line does."},
    "prepend_newline": {
        "type": "bool",
        "default": False,
        "doc": "An empty line precedes the block, if any line does.",
    },
    "create": {"type": "bool", "default": False, "doc": "Make the file when there is none."},
    "backup": {"type": "bool", "default": False, "doc": "Keep a copy of the old file beside it."},
    "validate": {"type": "str", "doc": "A command that has to accept the new file; %s stands for its path."},
    **FILE_ATTRIBUTES,
}

NEWLINE = os.linesep.encode("ascii")


def run(task):
    """Return ansible-core's keys of ``blockinfile``: msg, diff, and backup_file when one was made."""
    args = task.args
    rules.exclusive(task, "insertbefore", "insertafter")
    edit = editing.Edit(task, "Path {} does not exist !")
    if edit.before is None and args["state"] == "absent":
        return {"changed": False, "msg": "File {} not present".format(edit.path)}
    for name, place in (("insertafter", "EOF"), ("insertbefore", "BOF")):
        if args[name] not in (None, place):
            editing.pattern(task, name)  # one that is none is refused where the block has its place already, too
    lines = (edit.before or b"").splitlines(True)
    block = block_lines(args)
    place = take_out(task, lines, edit.before)
    put(args, lines, place, block)
    after = b"".join(lines)
    if after == edit.before:
        msg, changed = "", False
    elif edit.before is None:
        msg, changed = "File created", True
    else:
        msg, changed = "Block inserted" if block else "Block removed", True
    edit.write(after)
    changed, msg, attributes = edit.attributes(changed, msg)
    result = {"changed": changed, "msg": msg}
    if edit.backup_file is not None:
        result["backup_file"] = edit.backup_file
    result["diff"] = [edit.content_diff(after), attributes]
    return result


def marker_lines(args):
    """The two marker lines with their ends."""
    return [
        args["marker"].replace("{mark}", args[name]).encode("utf-8", "surrogateescape") + NEWLINE
        for name in ("marker_begin", "marker_end")
    ]


def block_lines(args):
    """The block with its markers; empty when there is to be none."""
    text = args["block"].encode("utf-8", "surrogateescape")
    if args["state"] == "absent" or not text:
        return []
    begin, end = marker_lines(args)
    return [begin] + (text if text.endswith(NEWLINE) else text + NEWLINE).splitlines(True) + [end]


def take_out(task, lines, content):
    """Remove the old block from the lines; returns the place where the new one goes."""
    begin, end = marker_lines(task.args)
    first = last = None
    for number, line in enumerate(lines):
        if line == begin:
            first = number
        if line == end:
            last = number
    if first is None or last is None:
        return new_place(task, lines, content or b"")
    first, last = min(first, last), max(first, last)
    del lines[first : last + 1]
    return first


def new_place(task, lines, content):
    """Where a block goes that was not there before."""
    after, before = task.args["insertafter"], task.args["insertbefore"]
    if after is None and before is None:
        after = "EOF"
    name = "insertafter" if after is not None else "insertbefore"
    if task.args[name] in (None, "EOF") or (name == "insertbefore" and before == "BOF"):
        return len(lines) if name == "insertafter" else 0
    expression = editing.pattern(task, name)
    place = None
    if expression.flags & re.MULTILINE:
        found = expression.search(content)
        if found:
            place = content.count(b"\n", 0, found.end() if name == "insertafter" else found.start())
    else:
        for number, line in enumerate(lines):
            if expression.search(line):
                place = number
    if place is None:
        return len(lines)
    return place + 1 if name == "insertafter" else place


def put(args, lines, place, block):
    """Put the block at its place, with the empty lines around it that are asked for."""
    if place > 0 and not lines[place - 1].endswith(NEWLINE):
        lines[place - 1] += NEWLINE
    present = args["state"] == "present"
    if args["prepend_newline"] and present and place != 0 and lines[place - 1] != NEWLINE:
        lines.insert(place, NEWLINE)
        place += 1
    lines[place:place] = block
    behind = place + len(block)
    if args["append_newline"] and present and behind < len(lines) and lines[behind] != NEWLINE:
        lines.insert(behind, NEWLINE)
