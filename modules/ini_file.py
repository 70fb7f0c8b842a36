"""Keep an option, or a section, of an INI file."""

import re

from stella_ops.remote.lib import editing, files, rules
from stella_ops.remote.lib.files import FILE_ATTRIBUTES

ARGUMENTS = {
    "path": {"type": "path", "required": True, "aliases": ["dest"], "doc": "The file to change."},
    "section": {"type": "str", "doc": "The section; without one, options before the first section are meant."},
    "section_has_values": {
        "type": "list",
        "untold": True,
        "elements": "dict",
        "doc": "Of several sections of that name, the one that has these: option, and value or values.",
    },
    "option": {"type": "str", "doc": "The option; without one, the section itself is meant."},
    "value": {"type": "str", "untold": True, "doc": "What the option is set to."},
    "values": {"type": "list", "untold": True, "elements": "str", "doc": "What the option is set to, a line for each."},
    "state": {
        "type": "str",
        "default": "present",
        "choices": ["absent", "present"],
        "doc": "Whether it is to be there.",
    },
    "exclusive": {"type": "bool", "default": True, "doc": "The option has these values, and no others."},
    "no_extra_spaces": {"type": "bool", "default": False, "doc": "No spaces around the =."},
    "ignore_spaces": {"type": "bool", "default": False, "doc": "A line that differs in spaces alone is left."},
    "allow_no_value": {"type": "bool", "default": False, "doc": "The option may stand alone, without a value."},
    "modify_inactive_option": {
        "type": "bool",
        "default": True,
        "doc": "A line that comments the option out is replaced by the option.",
    },
    "create": {"type": "bool", "default": True, "doc": "Make the file when there is none."},
    "follow": {"type": "bool", "default": False, "doc": "Accepted: a link's file is what changes, always."},
    "backup": {"type": "bool", "default": False, "doc": "Keep a copy of the old file beside it."},
    **FILE_ATTRIBUTES,
}

_SECTION = re.compile(r"\s*\[(.*)\]\s*([#;].*)?$")
_COMMENT_OR_BLANK = re.compile(r"\s*([#;].*)?$")
_INACTIVE = r"\s*[#;]\s*"


def run(task):
    """Return community.general's keys of ``ini_file``: msg, path, backup_file, diff."""
    args = task.args
    rules.exclusive(task, "value", "values")
    if args["section_has_values"] and args["section"] is None:
        task.fail("section_has_values needs section")
    values = list(args["values"] or ([] if args["value"] is None else [args["value"]]))
    if args["state"] == "present" and args["option"] is not None and not values and not args["allow_no_value"]:
        task.fail("Parameter 'value(s)' must be defined if state=present and allow_no_value=False.")
    edit = editing.Edit(task, "Destination {} does not exist!")
    if edit.before is None and args["state"] == "absent":
        return {"changed": False, "msg": "OK", "path": edit.path}
    lines = (edit.before or b"").decode("utf-8", "surrogateescape").splitlines(True)
    msg = change(args, lines, values)
    after = "".join(lines).encode("utf-8", "surrogateescape")
    if after == (edit.before or b"") and edit.before is not None:
        msg = "OK"
    edit.write(after)
    changed, _, attributes = edit.attributes(after != edit.before, "")
    result = {"changed": changed, "msg": msg, "path": edit.path}
    if edit.backup_file is not None:
        result["backup_file"] = edit.backup_file
    if task.diff_mode:
        result["diff"] = [edit.content_diff(after), attributes]
    result.update(files.describe(edit.path))
    return result


def change(args, lines, values):
    """Change the lines; returns what was done in community.general's words."""
    place = find_section(args, lines)
    if place is None:
        return add_section(args, lines, values) if args["state"] == "present" else "OK"
    begin, end = place
    if args["option"] is None:
        if args["state"] == "present" or args["section"] is None:
            return "OK"
        del lines[begin - 1 : end]
        return "section removed"
    section = lines[begin:end]
    msg = remove(args, section, values) if args["state"] == "absent" else put(args, section, values)
    lines[begin:end] = section
    return msg


def find_section(args, lines):
    """Where the lines of the section are, without its headline: (begin, end); None when there is none."""
    heads = [(number, found.group(1)) for number, found in enumerate(map(_SECTION.match, lines)) if found]
    ends = [number for number, _ in heads] + [len(lines)]
    if args["section"] is None:
        return 0, ends[0]
    for place, (number, name) in enumerate(heads):
        begin, end = number + 1, ends[place + 1]
        if name == args["section"] and has_values(args, lines[begin:end]):
            return begin, end
    return None


def has_values(args, section):
    """Whether a section is the one that ``section_has_values`` tells apart."""
    for each in args["section_has_values"] or []:
        wanted = each.get("values") or ([each["value"]] if each.get("value") is not None else [])
        found = [value for name, value in map(pair, section) if name == each.get("option")]
        if not found or any(str(value) not in found for value in wanted):
            return False
    return True


def pair(line):
    """Option and value of a line; (None, None) for a comment or an empty one."""
    if _COMMENT_OR_BLANK.match(line):
        return None, None
    name, sign, value = line.partition("=")
    return name.strip(), value.strip() if sign else None


def add_section(args, lines, values):
    """Put a new section at the end."""
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    lines.append("[{}]\n".format(args["section"]))
    for each in args["section_has_values"] or []:
        if each.get("option") == args["option"]:
            continue
        known = each.get("values") or [each.get("value")]
        lines.extend(written(args, each.get("option"), value) for value in known)
    if args["option"] is None:
        return "only section added"
    lines.extend(written(args, args["option"], value) for value in values or [None])
    return "section and option added"


def written(args, option, value):
    """The line of an option."""
    if value is None:
        return "{}\n".format(option)
    return ("{}={}\n" if args["no_extra_spaces"] else "{} = {}\n").format(option, value)


def is_option(args, line, inactive):
    """Whether a line sets the option, or with ``inactive`` has it in a comment."""
    before = _INACTIVE if inactive else r"\s*"
    return re.match(before + re.escape(args["option"]) + r"\s*(=|$)", line) is not None


def value_of(line):
    """The value in a line of the option, also of an inactive one; None when it stands alone."""
    _, sign, value = line.partition("=")
    return value.strip() if sign else None


def remove(args, section, values):
    """Remove the option, or without ``exclusive`` only some of its values."""
    kept = []
    for line in section:
        if is_option(args, line, False) and (args["exclusive"] or not values or value_of(line) in values):
            continue
        kept.append(line)
    msg = "option removed" if len(kept) != len(section) else "OK"
    section[:] = kept
    return msg


def put(args, section, values):
    """Have the option with its values."""
    wanted = list(values) or [None]
    active = [number for number, line in enumerate(section) if is_option(args, line, False)]
    msg = "OK"
    # What is there already stays where it is.
    free = []
    for number in active:
        value = value_of(section[number])
        if value in wanted:
            wanted.remove(value)
            line = written(args, args["option"], value)
            if section[number] != line and not args["ignore_spaces"]:
                section[number] = line
                msg = "option changed"
        else:
            free.append(number)
    if not args["exclusive"]:
        free = []
    if args["modify_inactive_option"] and wanted and not free:
        free = [number for number, line in enumerate(section) if is_option(args, line, True)][: len(wanted)]
    gone = []
    for number in free:
        if wanted:
            section[number] = written(args, args["option"], wanted.pop(0))
        else:
            gone.append(number)
        msg = "option changed"
    for number in reversed(gone):
        del section[number]
    if wanted:
        place = len(section)
        while place and _COMMENT_OR_BLANK.match(section[place - 1]):
            place -= 1
        if place and not section[place - 1].endswith("\n"):
            section[place - 1] += "\n"
        section[place:place] = [written(args, args["option"], value) for value in wanted]
        msg = "option added"
    return msg
