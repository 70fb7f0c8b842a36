"""``ansible.plugins.loader`` as plug-ins ask for it: where modules and plug-ins are, and the plug-ins themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from stella_ops import content
from stella_ops.collections import current
from stella_ops.collections.moved import moved_to
from stella_ops.collections.resolving import follow
from stella_ops.errors import CollectionError
from stella_ops.templating.plugins.ansible_errors import AnsiblePluginRemovedError
from stella_ops.templating.plugins.both_errors import LookupFailed, told_to_plugin
from stella_ops.templating.plugins.folders import KINDS, folders, module_folders
from stella_ops.templating.plugins.loading import class_of
from stella_ops.templating.plugins.lookup_base import LookupBase, ScopeTemplar
from stella_ops.templating.scope import Scope

_ACTIONS = Path(content.__file__).parent / "actions"
_BUILTIN = ("ansible.builtin.", "ansible.legacy.")


class _FoundLookup(LookupBase):
    """A lookup of whoever's, as another plug-in runs it."""

    def __init__(
        self, plugin: Callable[[Any, list[Any], dict[str, Any]], list[Any]], loader: Any, templar: Any
    ) -> None:
        super().__init__(loader, templar)
        self._plugin = plugin

    def run(self, terms: Any, variables: Any = None, **options: Any) -> list[Any]:
        templar = self._templar or ScopeTemplar(None)
        scope = Scope(templar.available_variables if variables is None else variables, templar._search_path)
        with told_to_plugin(LookupFailed):
            return list(self._plugin(scope, terms if isinstance(terms, list) else [terms], options))


class PluginLoader:
    """Tells where plug-ins are, and makes lookups, filters and tests.

    Args:
        kind: as their folder in collections is called.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def find_plugin(self, name: str, mod_type: str = "", **options: Any) -> str | None:
        """The file of a plug-in; None where there is none."""
        found: str | None = self.find_plugin_with_context(name).plugin_resolved_path
        return found

    def find_plugin_with_context(self, name: str, **options: Any) -> Any:
        """The same, with what else is known of it."""
        try:
            found = follow(current(), self._kind, name)
        except CollectionError as problem:
            raise AnsiblePluginRemovedError(problem.message) from None
        path, full = None, name
        if found is not None and found.collection is not None:
            path, full = found.collection.plugin(self._kind, found.reference), found.name
        elif found is not None or "." not in name:
            path = self._here(name if found is None else found.reference.inside, alone=name.startswith(_BUILTIN[0]))
        if path is None and "." not in name and (moved := moved_to(self._kind, name)) is not None:
            return self.find_plugin_with_context(moved)
        return SimpleNamespace(
            resolved=path is not None,
            plugin_resolved_path=None if path is None else str(path),
            plugin_resolved_name=full if path is not None else None,
            resolved_fqcn=full if path is not None else None,
            redirect_list=[name, *([full] if full != name else [])],
        )

    def has_plugin(self, name: str, **options: Any) -> bool:
        return self.find_plugin(name) is not None

    __contains__ = has_plugin

    def get(self, name: str, *given: Any, class_only: bool = False, **options: Any) -> Any:
        """A plug-in: one of a lookup's class, or that class; of filters and tests what holds the function.

        None where there is none of that name, and for other kinds.
        """
        if self._kind in ("filter", "test"):
            function = _function(self._kind, name)
            return None if function is None else SimpleNamespace(j2_function=function, ansible_name=name)
        made = lookup_class(name) if self._kind == "lookup" else None
        return made if made is None or class_only else _made(name, *given, **options)

    def get_with_context(self, name: str, *given: Any, **options: Any) -> Any:
        """The same, with what else is known of it."""
        return SimpleNamespace(
            object=self.get(name, *given, **options), plugin_load_context=self.find_plugin_with_context(name)
        )

    def _here(self, name: str, *, alone: bool) -> Path | None:
        """The file of one that is built in, or, unless those are meant alone, of the user's own."""
        if self._kind == "modules":
            return content.module_path(name, () if alone else module_folders())
        if self._kind == "action":
            path = _ACTIONS / f"{name}.py"
            return path if name.isidentifier() and path.is_file() else None
        if self._kind not in KINDS or not name.isidentifier():
            return None
        own = () if alone else folders(self._kind)
        found = next((path for folder in own if (path := folder / f"{name}.py").is_file()), None)
        return found or _source(self._kind, name)


def _source(kind: str, name: str) -> Path | None:
    from stella_ops.templating import plugin_docs

    function = plugin_docs.find(kind, name)
    path = plugin_docs.about(function)[3] if function is not None else ""
    return Path(path) if path else None


def _function(kind: str, name: str) -> Any:
    from stella_ops.templating import tables
    from stella_ops.templating.plugins import collected

    table = tables.filters() if kind == "filter" else tables.tests()
    found = collected.plugin(kind, name) if name.count(".") >= 2 and not name.startswith(_BUILTIN) else None
    return found if callable(found) else table.whole().get(found or name)


def lookup_class(name: str) -> Any:
    """The class of a lookup: a user's own, else one that runs what is built in; None where there is none."""
    from stella_ops.templating.lookups.registry import find_lookup

    found = find_lookup(name)
    if found is None:
        return None
    plugin = found

    class LookupModule(_FoundLookup):
        """One that is built in."""

        def __init__(self, loader: Any = None, templar: Any = None, **options: Any) -> None:
            super().__init__(plugin, loader, templar)

    return class_of(found) or LookupModule


def _made(name: str, loader: Any = None, templar: Any = None, **options: Any) -> Any:
    from stella_ops.templating.lookups.registry import find_lookup

    found = find_lookup(name)
    return None if found is None else _FoundLookup(found, loader, templar)
