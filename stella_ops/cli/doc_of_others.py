"""``ansible-doc --json`` of modules that were written for ansible-core: all that their documentation says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stella_ops.module_docs import ModuleDoc

_VERSIONED = ("version_added", "version_added_collection")


def as_ansible_doc(told: ModuleDoc) -> dict[str, Any]:
    """A module's documentation as ansible-doc has it."""
    namespace, _, short = told.name.rpartition(".")
    about = {key: value for key, value in told.written.items() if key != "extends_documentation_fragment"}
    doc = {
        **about,
        "module": about.get("module", short),
        "options": {str(name): _option(option, namespace, "suboptions") for name, option in about["options"].items()},
        "collection": namespace,
        "filename": told.path,
        "has_action": False,
        "plugin_name": told.name,
    }
    if doc.get(_VERSIONED[0]) is not None:
        doc.setdefault(_VERSIONED[1], namespace)
    if isinstance(doc.get("attributes"), Mapping):
        doc["attributes"] = {name: _option(value, namespace, "") for name, value in doc["attributes"].items()}
    if isinstance(doc.get("deprecated"), Mapping):
        doc["deprecated"] = {"removed_from_collection": namespace, **doc["deprecated"]}
    returns = {str(name): _option(value, namespace, "contains") for name, value in told.returns.items()}
    return {
        "doc": doc,
        "examples": told.examples or None,
        "metadata": told.metadata,
        "return": returns or None,
    }


def _option(option: Any, namespace: str, inner: str) -> Any:
    """What is said of an option or a returned value, with those inside of it."""
    if not isinstance(option, Mapping):
        return option
    made = dict(option)
    if made.get(_VERSIONED[0]) is not None:
        made.setdefault(_VERSIONED[1], namespace)
    if isinstance(made.get(inner), Mapping):
        made[inner] = {str(name): _option(value, namespace, inner) for name, value in made[inner].items()}
    return made
