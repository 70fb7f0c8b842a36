"""Filters, tests and lookups of ansible-core for plug-ins that import them, as ``ansible.plugins.filter.core``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stella_ops.templating import tables
from stella_ops.templating.plugins.ansible_loaders import lookup_class

_FILES = {
    "filter": ("core", "encryption", "mathstuff", "urls", "urlsplit"),
    "test": ("core", "files", "mathstuff", "uri"),
}
_BUILTIN = "ansible.builtin."
# Functions whose names are others than those of their filters.
_OTHERWISE = {
    "dict_to_list_of_dict_key_value_elements": "dict2items",
    "get_hash": "hash",
    "list_of_dict_key_value_elements_to_dict": "items2dict",
    "rand": "random",
    "randomize_list": "shuffle",
    "split_url": "urlsplit",
}


def contents() -> dict[str, dict[str, Any]]:
    """What is in the modules, by the name of each behind ``ansible.``."""
    from stella_ops.templating.lookups.registry import LOOKUPS

    made: dict[str, dict[str, Any]] = {"plugins.filter": {}, "plugins.test": {}}
    for kind, files in _FILES.items():
        told = _told(kind)
        made.update({f"plugins.{kind}.{name}": told for name in files})
    made.update({f"plugins.lookup.{name}": {"__getattr__": _lookup(name)} for name in LOOKUPS})
    return made


def _told(kind: str) -> dict[str, Any]:
    def own(self: Any) -> Mapping[str, Any]:
        whole = _table(kind).whole()
        return {name.removeprefix(_BUILTIN): each for name, each in whole.items() if name.startswith(_BUILTIN)}

    def function(name: str) -> Any:
        found = _table(kind).whole().get(_BUILTIN + _OTHERWISE.get(name, name))
        if found is None:
            raise AttributeError(f"ansible-core's {kind}s have no '{name}' that stella-ops answers for")
        return found

    holder = type(f"{kind.capitalize()}Module", (), {"__doc__": f"The {kind}s of ansible-core.", f"{kind}s": own})
    return {holder.__name__: holder, "__getattr__": function}


def _table(kind: str) -> Any:
    return tables.filters() if kind == "filter" else tables.tests()


def _lookup(name: str) -> Callable[[str], Any]:
    def find(attribute: str) -> Any:
        if attribute != "LookupModule":
            raise AttributeError(f"the lookup '{name}' has no '{attribute}' that stella-ops answers for")
        return lookup_class(_BUILTIN + name)

    return find
