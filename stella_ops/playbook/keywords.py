"""The words of the playbook language: which keyword may stand where, and what its value may be."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any

from stella_ops.origins import SourceVault, key_origin, origin_of
from stella_ops.playbook.model import Inherited
from stella_ops.playbook.problems import Problems
from stella_ops.spelling import did_you_mean

CONTEXT = frozenset({"role", "folder", "params"})  # of ``Inherited``, and no keywords
INHERITED = frozenset(field.name for field in fields(Inherited)) - CONTEXT
SECTIONS = ("pre_tasks", "tasks", "post_tasks")
BLOCK_PARTS = ("block", "rescue", "always")

PLAY = (INHERITED - {"when", "delegate_to", "delegate_facts"}) | {
    *("name", "hosts", "vars_files", "gather_facts", "gather_subset", "serial", "max_fail_percentage"),
    *("max_fail", "max_unreachable"),
    *("strategy", "force_handlers", "handlers", "roles", "vars_prompt", "order", "gather_timeout", "fact_path"),
    *SECTIONS,
}
BLOCK = INHERITED | {"name", "notify", *BLOCK_PARTS}
TASK = INHERITED | {
    *("name", "action", "local_action", "args", "loop", "loop_control", "register", "notify"),
    *("changed_when", "failed_when", "until", "retries", "delay", "async", "poll"),
}
HANDLER = TASK | {"listen"}
LOOP_CONTROL = frozenset({"loop_var", "index_var", "label", "pause", "extended", "extended_allitems", "break_when"})
PLAYBOOK_INCLUDE = frozenset({"name", "vars", "when", "tags", "become", "environment", "no_log", "ignore_errors"})
# Of an entry of ``roles``; all else in it is a parameter of the role.
ROLE = (INHERITED - {"timeout"}) | {"role", "name", "timeout"}

# Keywords of ansible-core that have no effect here; silence would run something else than was written.
_NOT_YET_ANYWHERE: set[str] = set()
_NOT_YET: dict[str, set[str]] = {"play": {"validate_argspec"}, "block": set(), "task": set(), "handler": set()}
_RENAMED = {
    "sudo": "become",
    "sudo_user": "become_user",
    "su": "become",
    "user": "remote_user",
    "always_run": "check_mode: false",
    "accelerate": "nothing: connections are kept open",
}
KNOWN: dict[str, Collection[str]] = {
    "role": ROLE,
    "play": PLAY,
    "block": BLOCK,
    "task": TASK,
    "handler": HANDLER,
    "loop_control": LOOP_CONTROL,
    "playbook_include": PLAYBOOK_INCLUDE,
}
# What Jinja2 reads as something else, though Python would take it for a name.
_NO_NAMES = frozenset({"True", "true", "False", "false", "None", "none", "not"})
_WORDS = re.compile(r"true|false|yes|no|on|off|y|n|t|f|0|1", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(\.\d+)?")


# What an include may say of itself: what else is said is for the tasks included, and stands in ``apply``.
INCLUDE = frozenset(
    {"name", "args", "action", "local_action", "collections", "debugger", "ignore_errors", "loop", "loop_control"}
    | {"no_log", "register", "run_once", "tags", "timeout", "vars", "when"}
)


def is_template(value: Any) -> bool:
    """Whether a value is a text that is known only once it is rendered: a template, or an encrypted one."""
    return isinstance(value, SourceVault) or (isinstance(value, str) and ("{{" in value or "{%" in value))


def is_identifier(name: Any) -> bool:
    """Whether a variable may have this name."""
    return isinstance(name, str) and name.isidentifier() and name.isascii() and name not in _NO_NAMES


def not_supported_yet(level: str, name: str) -> bool:
    """Whether a keyword is one of ansible-core's that has no effect here yet."""
    return name not in KNOWN[level] and (name in _NOT_YET.get(level, ()) or name in _NOT_YET_ANYWHERE)


def report_unknown(
    raw: Any, name: Any, level: str, problems: Problems, also: Iterable[str] = (), *, module: Any = None
) -> None:
    """Note that a key is no keyword of this level.

    Args:
        module: the one that a task names, beside which the key might be another.
    """
    where = key_origin(raw, name)
    spoken = level.replace("_", " ")
    if not_supported_yet(level, str(name)):
        said = f"'{name}' is not a valid attribute for a {_class(level)}: it is not supported yet"
        problems.add(said, where=where, rule="not-supported")
    elif name in _RENAMED:
        problems.add(
            f"unknown keyword '{name}' in a {spoken}",
            where=where,
            hint=f"use {_RENAMED[str(name)]}",
            rule="unknown-keyword",
        )
    else:
        hint = did_you_mean(str(name), [*KNOWN[level], *also])
        if module is None:
            there = f"'{name}' is not a valid attribute for a {_class(level)}"
        else:
            there = f"conflicting action statements: {module}, {name}"
            if name == "listen":
                there = f"'{name}' is not a valid attribute for a {_class(level)}"
        said = f"unknown keyword '{name}' in a {spoken}: {there}"
        problems.add(said, where=where, hint=hint, rule="unknown-keyword")


def _class(level: str) -> str:
    """A level as ansible-core calls it in its errors."""
    return "".join(map(str.capitalize, level.split("_")))


def check_include(raw: Any, action: str, level: str, problems: Problems) -> None:
    """Note the keywords that ``include_tasks`` and ``include_role`` cannot have."""
    what = "an IncludeRole" if action == "include_role" else "a TaskInclude"
    for name in raw:
        if name in HANDLER and name not in INCLUDE and not (name == "listen" and level == "handler"):
            problems.add(
                f"'{name}' is not a valid attribute for {what}",
                where=key_origin(raw, name),
                hint=f"'apply: {{{name}: ...}}' gives it to the tasks that are included" if name in INHERITED else None,
            )


_BOOLEANS = frozenset(
    {"become", "ignore_errors", "ignore_unreachable", "any_errors_fatal", "check_mode", "diff", "no_log"}
    | {"run_once", "gather_facts", "force_handlers", "delegate_facts", "extended", "extended_allitems"}
)
_NUMBERS = frozenset(
    {"port", "timeout", "retries", "delay", "pause", "max_fail_percentage", "throttle", "async", "poll"}
    | {"gather_timeout", "max_fail", "max_unreachable"}
)
# What a play needs before it has tasks; as ansible-core calls their types.
_OF_PLAYS = {
    "gather_facts": "bool",
    "force_handlers": "bool",
    "max_fail_percentage": "percent",
    "gather_timeout": "int",
    "max_fail": "int",
    "max_unreachable": "int",
}
_TEXTS = frozenset(
    {"become_user", "become_method", "become_flags", "become_exe", "connection", "remote_user", "delegate_to"}
    | {"strategy", "order", "fact_path"}
)


def _check_texts(raw: Any, problems: Problems) -> None:
    """Note every keyword of a mapping that is to be text and is not; of words such as yes the text is taken."""
    for name in _TEXTS.intersection(raw):
        value = raw[name]
        if value is not None and not isinstance(value, str | int | float | SourceVault):
            said = f"The field '{name}' is supposed to be a string type, however the incoming data structure is"
            place = origin_of(value) or key_origin(raw, name)
            problems.add(f"{said} {spoken(value)}: '{name}' must be text, not {spoken(value)}", where=place)


def check_values(raw: Any, problems: Problems, texts: Problems | None = None) -> None:
    """Note every keyword of a mapping whose value is of the wrong kind; templates may become anything.

    Args:
        texts: takes what is wrong with those that are text.
    """
    _check_texts(raw, problems if texts is None else texts)
    for name, value in raw.items():
        if name == "debugger" and value not in (None, "never"):
            problems.add(
                f"'debugger: {spoken(value).strip(chr(39))}' is not supported",
                where=key_origin(raw, name),
                hint="leave it out; -vvv shows all of a failure, and --start-at-task goes on from a task",
                rule="not-supported",
            )
        if value is None or is_template(value) or (name in ("pause", "gather_facts") and _is_module(name, raw, value)):
            continue
        where = origin_of(value) or key_origin(raw, name)
        if name in _BOOLEANS:
            good = isinstance(value, bool) or bool(_WORDS.fullmatch(str(value)))
            wanted = "true or false"
        elif name in _NUMBERS:
            good = not isinstance(value, bool) and bool(_NUMBER.fullmatch(str(value)))
            wanted = "a number"
        else:
            continue
        if good or (problems.values_later and name not in _OF_PLAYS):
            continue
        if name in _OF_PLAYS:
            problems.add(not_converted(name, value, _OF_PLAYS[name]), where=where, hint=f"it must be {wanted}")
        else:
            problems.add(f"'{name}' must be {wanted}, not {spoken(value)}", where=where)


def check_items(raw: Any, name: str, problems: Problems) -> None:
    """Note what a keyword that is a list of texts holds besides."""
    written = raw.get(name)
    for item in written if isinstance(written, list) else [] if written is None else [written]:
        if not isinstance(item, str | SourceVault):
            said = f"{in_keyword(name)}: Keyword {name!r} items must be of type 'str', not '{type_name(item)}'."
            problems.add(said, where=origin_of(item) or key_origin(raw, name))


def type_name(value: Any) -> str:
    """The type of a value, by Python's own name."""
    return next(kind.__name__ for kind in type(value).__mro__ if kind.__module__ == "builtins")


def in_keyword(name: str) -> str:
    """What stands before the error of a keyword."""
    return f"Error processing keyword '{name}'"


def not_converted(name: str, value: Any, kind: str) -> str:
    """The error of a keyword whose value is of another type, in ansible-core's words.

    Args:
        kind: the type that is wanted, as ansible-core calls it.
    """
    return f"{in_keyword(name)}: The value {value!r} could not be converted to '{kind}'."


def _is_module(name: str, raw: Any, value: Any) -> bool:
    """Whether a name is that of a module: ``pause`` is a keyword of loop_control, ``gather_facts`` of plays."""
    if name == "gather_facts":
        return "hosts" not in raw
    return not LOOP_CONTROL.issuperset(raw) or isinstance(value, dict) or "=" in str(value)


def spoken(value: Any) -> str:
    """A value for an error message: short, and as the author would call it."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = str(value)
    return f"'{text if len(text) <= 40 else text[:37] + '...'}'"
