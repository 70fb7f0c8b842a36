"""Reads the keywords that plays and blocks hand down, and folds them into those of a task."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from stella_ops.collections import current
from stella_ops.errors import CollectionError, StellaError
from stella_ops.origins import Origin, key_origin, origin_of
from stella_ops.playbook.keywords import INHERITED, is_identifier, is_template, spoken
from stella_ops.playbook.model import Inherited
from stella_ops.playbook.module_names import read_collections
from stella_ops.playbook.problems import Problems

_NEAREST_WINS = INHERITED - {"when", "tags", "vars", "environment", "module_defaults", "collections"}


def fold(parent: Inherited, raw: Mapping[str, Any], problems: Problems) -> Inherited:
    """The keywords of a level on top of those of the levels around it."""
    folded = copy.copy(parent)
    for name in _NEAREST_WINS:
        if raw.get(name) is not None:
            setattr(folded, name, raw[name])
    folded.when = [*parent.when, *conditions(raw, "when", problems)]
    folded.vars = [*parent.vars, *([made] if (made := read_vars(raw, problems)) else [])]
    folded.tags = parent.tags | read_tags(raw, problems, folded)
    folded.environment = [*parent.environment, *_mappings(raw, "environment", "names to values", problems)]
    named = read_collections(raw, problems)
    folded.collections = parent.collections if named is None else named
    folded.module_defaults = [*parent.module_defaults, *_module_defaults(raw, problems)]
    return folded


def conditions(raw: Mapping[str, Any], name: str, problems: Problems) -> list[Any]:
    """The conditions under a keyword: one, or a list that must all hold."""
    written = raw.get(name)
    if written is None:
        return []
    found = [each for each in written if each is not None] if isinstance(written, list) else [written]
    for condition in found:
        if not isinstance(condition, str | bool | int) and not problems.values_later:
            hint = "quote it" if isinstance(condition, dict) else None
            problems.add(
                f"'{name}' must be a condition or a list of conditions, not {spoken(condition)}",
                where=origin_of(condition) or key_origin(raw, name),
                hint=hint,
            )
    return list(found)


def read_tags(raw: Mapping[str, Any], problems: Problems, inherited: Inherited | None = None) -> frozenset[str]:
    """The tags of a level: a list of whole names, or text with commas.

    Args:
        inherited: the level's keywords, and those of what is around it.
    """
    if "tags" not in raw:
        return frozenset()
    written = raw["tags"]
    found: set[str] = set()
    entries: list[Any] = []
    for tag in written if isinstance(written, list) else [written]:
        try:
            rendered = problems.render(tag, inherited) if is_template(tag) else tag
        except StellaError as problem:
            problems.add(
                problem.message,
                where=origin_of(tag) or key_origin(raw, "tags"),
                hint="tags must be known before the play runs",
                exit_code=1,
            )
            continue
        entries += rendered if isinstance(rendered, list) else [rendered]
    if not isinstance(written, str | list):
        where = origin_of(written) or key_origin(raw, "tags")
        hint = f"it is {spoken(written)}"
        problems.add("tags must be specified as a list", where=where, hint=hint, exit_code=1)
        return frozenset()
    for tag in entries:
        if isinstance(tag, str | int):
            # A comma in an element of a list is part of its name.
            parts = [str(tag)] if isinstance(written, list) else str(tag).split(",")
            found.update(part.strip() for part in parts if part.strip())
        else:
            where = origin_of(tag) or key_origin(raw, "tags")
            problems.add(f"Keyword 'tags' items must be text, not {spoken(tag)}", where=where, exit_code=1)
    return frozenset(found)


def read_vars(raw: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """The ``vars`` of a level."""
    written = raw.get("vars")
    if written is None:
        return {}
    where = origin_of(written) or key_origin(raw, "vars")
    if not isinstance(written, dict):
        what = "Play" if "hosts" in raw else "Block" if "block" in raw else "Task"
        said = f"Vars in a {what} must be specified as a dictionary."
        problems.add(said, where=where, hint=f"'vars' must be a mapping of names to values, not {spoken(written)}")
        return {}
    check_names(written, where, problems)
    return written


def check_names(variables: Mapping[Any, Any], default: Origin | None, problems: Problems) -> None:
    """Note every key that cannot be the name of a variable."""
    for name in variables:
        if not is_identifier(name):
            problems.add(
                f"Invalid variable name {str(name)!r}{'' if isinstance(name, str) else _type(name)}.",
                where=key_origin(variables, name, default),
                hint="a name has letters, digits and underscores, and does not start with a digit",
                exit_code=1,
            )


def _type(name: Any) -> str:
    return f" of type '{type(name).__name__}'"


def _module_defaults(raw: Mapping[str, Any], problems: Problems) -> list[Any]:
    found = _mappings(raw, "module_defaults", "modules to arguments", problems)
    for part in found:
        for name in part if isinstance(part, dict) else ():
            _check_group(str(name), key_origin(part, name), problems)
    return found


def _mappings(raw: Mapping[str, Any], keyword: str, what: str, problems: Problems) -> list[Any]:
    """What a keyword gives that takes one mapping or a list of them; each may be a template."""
    written = raw.get(keyword)
    if written is None:
        return []
    found = written if isinstance(written, list) else [written]
    if keyword == "environment" and problems.values_later:
        for part in found:
            if not isinstance(part, dict) and not is_template(part):
                current().say(f"could not parse environment value, skipping: {[part]}")
        found = [part for part in found if isinstance(part, dict) or is_template(part)]
    for part in found:
        if not isinstance(part, dict) and not is_template(part):
            problems.add(
                f"'{keyword}' must be a mapping of {what}, not {spoken(part)}",
                where=origin_of(part) or key_origin(raw, keyword),
            )
    return list(found)


def _check_group(name: str, where: Origin | None, problems: Problems) -> None:
    if not name.startswith("group/"):
        return
    from stella_ops import collections as installed
    from stella_ops.collections import groups

    try:
        groups.actions(installed.current(), name.removeprefix("group/"))
    except CollectionError as problem:
        problems.add(f"Error loading module_defaults: {problem.message}", where=where, hint=problem.hint)
