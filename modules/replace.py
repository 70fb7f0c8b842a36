"""Replace all that a regular expression finds in a file."""

import re

from stella_ops.remote.lib import difftext, editing
from stella_ops.remote.lib.files import FILE_ATTRIBUTES

ARGUMENTS = {
    "path": {"type": "path", "required": True, "aliases": ["dest", "destfile", "name"], "doc": "The file to change."},
    "regexp": {
        "type": "str",
        "required": True,
        "doc": "What is replaced; ^ and $ mean the ends of lines, and a dot does not mean an end of line.",
    },
    "replace": {
        "type": "str",
        "untold": True,
        "default": "",
        "doc": "What it becomes; may refer to groups of the expression.",
    },
    "after": {"type": "str", "doc": "Only what follows a match of this is changed; a dot means ends of lines, too."},
    "before": {"type": "str", "doc": "Only what precedes a match of this is changed."},
    "encoding": {"type": "str", "default": "utf-8", "doc": "How the file's text is encoded."},
    "backup": {"type": "bool", "default": False, "doc": "Keep a copy of the old file beside it."},
    "validate": {"type": "str", "doc": "A command that has to accept the new file; %s stands for its path."},
    **FILE_ATTRIBUTES,
}


def run(task):
    """Return ansible-core's keys of ``replace``: msg ("N replacements made"), rc, diff, backup_file."""
    args = task.args
    edit = editing.Edit(task, "Path {} does not exist !")
    # Bytes that are no text in the encoding survive.
    errors = "surrogateescape" if args["encoding"].lower().replace("-", "") in ("utf8", "ascii") else "strict"
    try:
        content = edit.before.decode(args["encoding"], errors)
    except (LookupError, UnicodeError) as error:
        task.fail("Task failed: Module failed: {}".format(error), "that is what reading {} said".format(edit.path))
    begin, end = 0, len(content)
    if args["after"] or args["before"]:
        text = section_pattern(args)
        found = editing.compiled(task, "after or before", text, re.DOTALL).search(content)
        if found is None:
            msg = "Pattern for before/after params did not match the given file: {}".format(text)
            return {"changed": False, "rc": 0, "msg": msg}
        begin, end = found.span("subsection")
    try:
        regexp = editing.compiled(task, "regexp", args["regexp"], re.MULTILINE)
        new, count = regexp.subn(args["replace"], content[begin:end])
    except (re.error, IndexError) as error:
        task.fail("Unable to process replace due to error: {}".format(error))
    new = content[:begin] + new + content[end:]
    changed = new != content
    after = edit.before
    if changed:
        try:
            after = new.encode(args["encoding"], errors)
        except UnicodeError as error:
            task.fail("the new text cannot be written as {}: {}".format(args["encoding"], error))
    msg = "{} replacements made".format(count) if changed else ""
    edit.write(after)
    result = {"rc": 0}
    if edit.backup_file is not None:
        result["backup_file"] = edit.backup_file
    if changed and task.diff_mode:
        result["diff"] = difftext.of_content(edit.before, after, edit.path, edit.path)
    result["changed"], result["msg"], _ = edit.attributes(changed, msg)
    return result


def section_pattern(args):
    """The expression for the part of the file that may change."""
    inside = "(?P<subsection>.*?)" if args["after"] and args["before"] else "(?P<subsection>.*)"
    return "{}{}{}".format(args["after"] or "", inside, args["before"] or "")
