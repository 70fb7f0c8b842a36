"""Loops: ``loop``, ``loop_control``, and the older ``with_*``, which become a ``loop`` over a lookup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stella_ops import collections as installed
from stella_ops.collections.moved import moved_to
from stella_ops.collections.resolving import explain, has_plugin
from stella_ops.origins import Origin, SourceText, key_origin, origin_of
from stella_ops.playbook.inheritance import conditions
from stella_ops.playbook.keywords import (
    LOOP_CONTROL,
    check_values,
    is_identifier,
    is_template,
    report_unknown,
    spoken,
)
from stella_ops.playbook.problems import Problems
from stella_ops.playbook.user_plugins import is_users
from stella_ops.spelling import did_you_mean

WITH_LOOKUPS = frozenset(
    {"items", "list", "dict", "sequence", "indexed_items", "flattened", "nested", "cartesian", "together"}
    | {"subelements", "random_choice", "fileglob", "first_found", "lines", "file", "template", "env", "vars"}
    | {"config", "csvfile", "ini", "inventory_hostnames", "password", "pipe", "unvault", "url", "varnames"}
)
TERMS = "_with_terms"  # the variable of the task that holds what was written under with_*
_SPREAD = f"({TERMS} if {TERMS} is iterable and {TERMS} is not string and {TERMS} is not mapping else [{TERMS}])"


@dataclass(slots=True)
class Loop:
    """What a task loops over.

    Attributes:
        items: as ``Task.loop``.
        variables: what the task needs in its ``vars`` for that.
    """

    items: Any = None
    variables: dict[str, Any] | None = None
    loop_var: str = "item"
    index_var: str | None = None
    label: Any = None
    pause: Any = None
    extended: Any = None
    extended_allitems: Any = None
    break_when: list[Any] = field(default_factory=list)


def with_keywords(raw: Mapping[str, Any]) -> list[str]:
    """The ``with_*`` keys of a task."""
    return [name for name in raw if isinstance(name, str) and name.startswith("with_")]


def read_loop(raw: Mapping[str, Any], problems: Problems, *, action: str = "", expected_to_fail: bool = False) -> Loop:
    """The loop of a task, with its control.

    Args:
        action: what the task does, as written: it says where ``with_first_found`` looks for files.
        expected_to_fail: the playbook deals with the failure of a loop that is none.
    """
    loop = Loop()
    older = with_keywords(raw)
    if "loop" in raw and older:
        text = f"duplicate loop in task: a task has one loop, 'loop' or '{older[0]}', not both"
        problems.add(text, where=key_origin(raw, older[0]), exit_code=1)
    elif len(older) > 1:
        text = f"duplicate loop in task: a task has one loop, not '{older[0]}' and '{older[1]}'"
        problems.add(text, where=key_origin(raw, older[1]), exit_code=1)
    elif older:
        _translate(raw, older[0], action, loop, problems)
    elif raw.get("loop") is not None:
        loop.items = raw["loop"]
        if not expected_to_fail:
            _check_items(raw, problems)
    _read_control(raw, loop, problems)
    return loop


def _check_items(raw: Mapping[str, Any], problems: Problems) -> None:
    items = raw["loop"]
    if isinstance(items, list) or is_template(items):
        return
    hint = None
    if isinstance(items, dict):
        hint = 'loop over a mapping with "{{ name | dict2items }}"'
    elif isinstance(items, str) and is_identifier(str(items)):
        hint = f'to loop over the variable write "{{{{ {items} }}}}"'
    where = origin_of(items) or key_origin(raw, "loop")
    problems.add(f"'loop' must be a list or a template, not {spoken(items)}", where=where, hint=hint)


def _translate(raw: Mapping[str, Any], keyword: str, action: str, loop: Loop, problems: Problems) -> None:
    where = key_origin(raw, keyword)
    full = lookup = keyword.removeprefix("with_")
    named = full if "." in full or full in WITH_LOOKUPS else moved_to("lookup", full)
    collected = named is not None and has_plugin(installed.current(), "lookup", named)
    for prefix in ("ansible.builtin.", "ansible.legacy.", *(() if collected else ("community.general.",))):
        lookup = lookup.removeprefix(prefix)
    terms = raw[keyword]
    if lookup not in WITH_LOOKUPS and not collected and not is_users("lookup", lookup, where):
        hint = did_you_mean(lookup, WITH_LOOKUPS)
        hint = explain(installed.current(), "lookup", full) or (hint and hint.replace("'", "'with_", 1))
        said = f"unknown loop '{keyword}': '{keyword}' is not a valid attribute for a Task"
        problems.add(said, where=where, hint=hint)
    elif terms is None:
        problems.add(f"you must specify a value when using {keyword}", where=where, exit_code=1)
    elif lookup in ("items", "list") and isinstance(terms, list) and not any(map(_is_nested, terms)):
        loop.items = terms
    else:
        origin = origin_of(terms) or where or Origin("")
        loop.variables = {TERMS: terms}
        folder = next((name for name in ("template", "var") if name in action), "file") + "s"
        looped = f", _with='{folder}'" if lookup == "first_found" else ""
        loop.items = SourceText(f"{{{{ query('{lookup}', *{_SPREAD}{looped}) }}}}", origin)


def _is_nested(term: Any) -> bool:
    return isinstance(term, list | dict) or is_template(term)


def _read_control(raw: Mapping[str, Any], loop: Loop, problems: Problems) -> None:
    control = raw.get("loop_control")
    if control is None:
        return
    where = key_origin(raw, "loop_control")
    if not isinstance(control, dict):
        problems.add(
            "the `loop_control` value must be specified as a dictionary and cannot be a variable itself "
            "(though it can contain variables)",
            where=where,
            hint=f"not {spoken(control)}",
        )
        return
    if loop.items is None and "loop" not in raw and not with_keywords(raw):
        problems.add("'loop_control' without a loop", where=where)
    check_values(control, problems)
    for name, value in control.items():
        if name not in LOOP_CONTROL:
            report_unknown(control, name, "loop_control", problems)
        elif name in ("loop_var", "index_var") and not (
            not value or is_template(value) or is_identifier(value) or problems.values_later
        ):
            problems.add(
                f"'{name}' must be the name of a variable, not {spoken(value)}",
                where=key_origin(control, name),
            )
    loop.loop_var, loop.index_var = _text(control.get("loop_var")) or "item", _text(control.get("index_var"))
    loop.label, loop.pause = control.get("label"), control.get("pause")
    loop.extended, loop.extended_allitems = control.get("extended"), control.get("extended_allitems")
    loop.break_when = conditions(control, "break_when", problems)


def _text(name: Any) -> str | None:
    return None if not name else name if isinstance(name, str) else str(name)
