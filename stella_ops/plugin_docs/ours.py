"""What ansible.builtin has here: modules, filters, tests and lookups of our own, told of in ansible-doc's form."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stella_ops.actions.registry import action_file, action_names
from stella_ops.content import builtin_folder, module_names, module_path
from stella_ops.module_docs import ModuleDoc, read_doc
from stella_ops.playbook.module_names import COLLECTED
from stella_ops.plugin_docs.builtin_docs import builtin_options, builtin_plugins
from stella_ops.templating import plugin_docs

_BUILTIN = "ansible.builtin"
_GIVEN = {"filter": "_input", "test": "_input", "lookup": "_terms"}
_SAME = {"module": {"yum": "dnf"}}
# Of the lookups these are community.general's; of the modules, those that no other has.
_ELSEWHERE = {"lookup": {"cartesian": "community.general", "flattened": "community.general"}}


def names(kind: str) -> list[str]:
    """The short names of what of a kind is ansible.builtin's."""
    return sorted(name for name, home in _homes(kind).items() if home == _BUILTIN and name not in _SAME.get(kind, ()))


def others(kind: str) -> list[str]:
    """The full names of what is built in and is a collection's there; of what is ours alone the short ones."""
    found = {f"{home}.{name}" if home else name for name, home in _homes(kind).items() if home != _BUILTIN}
    return sorted(found)


def has(kind: str, name: str) -> bool:
    """Whether there is something of a short name."""
    return name in _homes(kind)


def full_name(kind: str, name: str) -> str:
    """What ansible-core calls something of a short name; the short one where it has no such thing."""
    short = _SAME.get(kind, {}).get(name, name)
    home = _homes(kind)[short]
    return f"{home}.{short}" if home else short


def path(kind: str, name: str) -> Path | None:
    """The file that has it; None where none has."""
    short = _SAME.get(kind, {}).get(name, name)
    if kind in plugin_docs.KINDS:
        function = plugin_docs.find(kind, short)
        file = plugin_docs.about(function)[3] if function is not None else ""
        return Path(file) if file else None
    if short in builtin_plugins(kind):
        return builtin_plugins(kind)[short][0]
    return module_path(short) or action_file(short)


def told(kind: str, name: str) -> dict[str, Any]:
    """What there is to say of it: ``doc``, ``examples``, ``return`` and ``metadata``."""
    short = _SAME.get(kind, {}).get(name, name)
    if kind not in plugin_docs.KINDS and short in builtin_plugins(kind):
        said = copy.deepcopy(builtin_plugins(kind)[short][1])
        return {"doc": said, "examples": None, "return": None, "metadata": None}
    about = summary_doc(kind, short)
    doc: dict[str, Any] = {
        "module" if kind == "module" else "name": short,
        "short_description": about.short.rstrip("."),
        "description": [about.short or "It says nothing of itself.", *about.description],
        "author": ["stella-ops"],
        "options": _options(kind, about),
    }
    examples = _example(short, doc) if kind == "module" else None
    return {"doc": doc, "examples": examples, "return": None, "metadata": None}


def short_description(kind: str, name: str) -> str:
    """The line of a list about it."""
    short = _SAME.get(kind, {}).get(name, name)
    if kind not in plugin_docs.KINDS and short in builtin_plugins(kind):
        return str(builtin_plugins(kind)[short][1]["short_description"])
    return summary_doc(kind, short).short.rstrip(".") or "UNDOCUMENTED"


def summary_doc(kind: str, short: str) -> ModuleDoc:
    """A module, filter, test or lookup as its own source tells of it."""
    if kind == "module":
        return read_doc(short, module_path(short) or action_file(short))
    function = plugin_docs.find(kind, short)
    assert function is not None
    brief, description, options, file = plugin_docs.about(function)
    return ModuleDoc(short, file, brief, description, options)


def _is_told(kind: str, option: str) -> bool:
    return kind != "module" or not option.startswith("_") or option == "_raw_params"


def _options(kind: str, about: ModuleDoc) -> dict[str, Any]:
    """The options, with ansible-core's name for what a filter, test or lookup is used on."""
    if about.name in builtin_options(kind):
        return copy.deepcopy(builtin_options(kind)[about.name])
    made = {key: _option(option) for key, option in about.options.items() if _is_told(kind, key)}
    if kind in _GIVEN and made:
        first = next(iter(made))
        if kind != "lookup" or first == "terms":
            made = {_GIVEN[kind]: made.pop(first), **made}
    return made


def _example(short: str, doc: Mapping[str, Any]) -> str:
    """A task with what is required."""
    needed = [f"    {name}: ..." for name, option in doc["options"].items() if option.get("required")]
    head = [f"- name: {doc['short_description'] or short}", f"  {_BUILTIN}.{short}:"]
    return "\n".join([*head, *needed, ""])


def _option(option: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in option.items() if key != "doc" and not (key == "default" and value is None)}
    said = option.get("description") or option.get("doc")
    made["description"] = said if isinstance(said, list) else [str(said or "")]
    made["required"] = bool(made.get("required", False))
    made["type"] = option.get("type") or "str"
    if isinstance(made.get("default"), tuple | set | frozenset):
        made["default"] = list(made["default"])
    elif not isinstance(made.get("default"), str | int | float | bool | list | dict | None):
        made["default"] = str(made["default"])
    if not made["required"]:
        del made["required"]
    inner = option.get("options")
    if isinstance(inner, Mapping):
        del made["options"]
        made["suboptions"] = {name: _option(each) for name, each in inner.items()}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in made.items()}


@functools.cache
def _homes(kind: str) -> Mapping[str, str]:
    """The collections that short names are of; empty for what is ours alone."""
    if kind in plugin_docs.KINDS:
        known = plugin_docs.built_in(kind)
        of_collections = {name.rpartition(".")[2]: name.rpartition(".")[0] for name in known if "." in name}
        plain = {name: _BUILTIN for name in known if name.isidentifier()}
        return {**plain, **of_collections, **_ELSEWHERE.get(kind, {})}
    found = dict.fromkeys(builtin_plugins(kind), _BUILTIN)
    if kind == "module":
        for name in (*action_names(), *module_names()):
            mine = name.startswith("agent_") or name == "doctor"
            found[name] = "" if mine else _BUILTIN
        for home, those in COLLECTED.items():
            found.update(dict.fromkeys(those, home))
    return found


def is_ours(path_: Path | None) -> bool:
    """Whether a module's file is one of those that ship with stella-ops."""
    return path_ is not None and path_.parent in (builtin_folder("modules"), Path(action_file("debug")).parent)
