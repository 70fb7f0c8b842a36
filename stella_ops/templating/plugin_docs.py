"""What there is to say of the filters, tests and lookups that are built in, from their own sources."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

KINDS = ("filter", "test", "lookup")
_BUILTIN = "ansible.builtin."
_PASSED = ("environment", "context", "eval_ctx", "scope", "options")  # by who calls
_ARGUMENT = re.compile(r" {4}(\w+(?:, \w+)*): (.*)")


def built_in(kind: str) -> Mapping[str, Callable[..., Any]]:
    """The plug-ins of a kind, by name: those of ansible.builtin by their short ones, others by full ones, too."""
    if kind == "lookup":
        from stella_ops.templating.lookups.registry import LATER, LOOKUPS

        found = dict(LOOKUPS)
        for module in set(LATER.values()):
            found.update(import_module(f"stella_ops.templating.lookups.{module}").LOOKUPS)
        return found
    from stella_ops.templating import tables

    table = tables.filters() if kind == "filter" else tables.tests()
    return {name: each for name, each in table.whole().items() if not name.startswith((_BUILTIN, "ansible.legacy."))}


def find(kind: str, name: str) -> Callable[..., Any] | None:
    """A built-in plug-in by its short or full name."""
    known = built_in(kind)
    return known.get(name.removeprefix(_BUILTIN)) or (
        known.get(name.rpartition(".")[2]) if kind == "lookup" and name.startswith("community.general.") else None
    )


def about(function: Callable[..., Any]) -> tuple[str, tuple[str, ...], dict[str, dict[str, Any]], str]:
    """A plug-in's first sentence, further paragraphs, parameters as a module's options, and the file it is in."""
    plain: Any = inspect.unwrap(function)
    fixed: Mapping[str, Any] = {}
    if isinstance(plain, functools.partial):
        plain, fixed = plain.func, plain.keywords
    text = inspect.getdoc(plain) or "" if inspect.isfunction(plain) else ""
    text, _, arguments = text.partition("\n\nArgs:\n")
    short, _, rest = text.partition("\n\n")
    description = tuple(" ".join(part.split()) for part in rest.split("\n\n") if part.strip())
    told = _arguments(arguments.partition("\n\n")[0])
    try:
        file = inspect.getsourcefile(plain) or ""
        signature = inspect.signature(plain)
    except (TypeError, ValueError):
        return " ".join(short.split()), description, {}, ""
    options: dict[str, dict[str, Any]] = {}
    for each in signature.parameters.values():
        if each.kind is each.VAR_KEYWORD or each.name in (*_PASSED, *fixed):
            continue
        options[each.name] = {
            "type": "raw",
            "required": each.default is each.empty and each.kind is not each.VAR_POSITIONAL,
        }
        if each.name in told:
            options[each.name]["doc"] = told[each.name]
        if each.default is not each.empty:
            options[each.name]["default"] = each.default
    return " ".join(short.split()), description, options, str(Path(file)) if file else ""


def _arguments(text: str) -> dict[str, str]:
    """The texts about arguments in a docstring's part ``Args:``, by name."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        begins = _ARGUMENT.fullmatch(line)
        if begins:
            names = begins[1].split(", ")
            found.update(dict.fromkeys(names, begins[2]))
        else:
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return found
