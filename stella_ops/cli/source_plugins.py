"""Inventory and vars plug-ins of users and of collections: where they are looked for, and how they are run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from stella_ops.ansible_settings.plugin_folders import plugin_folders
from stella_ops.cli.ansible_programs import called_as_ansible
from stella_ops.collections.reference import BUILTIN, parse
from stella_ops.errors import CollectionError, InventoryError, StellaError
from stella_ops.origins import Origin

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings
    from stella_ops.inventory.model import Group, Host, Inventory
    from stella_ops.inventory.plugin_source import Expressions


def plugin_files(kind: str, beside: Sequence[Path]) -> dict[str, Path]:
    """The plug-ins of a kind by their names, which are their files'; those that are named first come first.

    Args:
        kind: inventory or vars.
        beside: folders of playbooks; those that settings name come behind them.
    """
    found: dict[str, Path] = {}
    for place in (*(folder / f"{kind}_plugins" for folder in beside), *plugin_folders(kind)):
        if place.is_dir():
            for path in sorted(place.glob("*.py")):
                if path.stem != "__init__":
                    found.setdefault(path.stem, path)
    return found


class _Found(NamedTuple):
    """A plug-in: its full name, its file, and its module, which is None where the file fails."""

    name: str
    path: Path
    module: ModuleType | None


class Plugins:
    """The plug-ins of a kind, by name.

    Args:
        kind: inventory or vars.
        beside: folders of playbooks.
        use_collections: takes the collections into use that are there; called before one of them is looked for.
    """

    def __init__(self, kind: str, beside: Sequence[Path], use_collections: Callable[[], object]) -> None:
        self.kind = kind
        self.files = plugin_files(kind, beside)
        self._use_collections = use_collections

    def make(self, name: str) -> Any:
        """A plug-in that knows its options; None where there is none of the name.

        Raises:
            InventoryError: it cannot be loaded.
        """
        found = self._find(name)
        if found is None:
            return None
        from stella_ops.templating.plugins.loading import load_failures
        from stella_ops.templating.plugins.lookup_base import declare

        made = getattr(found.module, f"{self.kind.title()}Module", None)
        if made is None:
            why = load_failures(self.kind) or f"it has no class {self.kind.title()}Module"
            raise InventoryError(f"the {self.kind} plug-in cannot be used: {why}", where=found.path)
        plugin = made()
        plugin._original_path = str(found.path)
        plugin._redirected_names = [name, found.name]
        declare(plugin, found.name, getattr(found.module, "DOCUMENTATION", None))
        return plugin

    def why_not(self, name: str) -> str | None:
        """Why there is none of a full name; None for a short one."""
        from stella_ops.collections import current
        from stella_ops.collections.resolving import explain

        return explain(current(), self.kind, name)

    def _find(self, name: str) -> _Found | None:
        if name in self.files:
            from stella_ops.templating.plugins.loading import load_module

            return _Found(name, self.files[name], load_module(self.kind, self.files[name]))
        from stella_ops.collections.moved import moved_to
        from stella_ops.templating.plugins.collected import source_plugin

        full = name if is_of_collection(name) else moved_to(self.kind, name)
        if full is None:
            return None
        self._use_collections()
        try:
            found = source_plugin(self.kind, full)
        except CollectionError as problem:
            raise InventoryError(problem.message, where=problem.where, hint=problem.hint) from None
        return None if found is None else _Found(*found)


def is_of_collection(name: str) -> bool:
    """Whether a name is the full one of a plug-in that is not ansible-core's own."""
    reference = parse(name)
    return reference is not None and reference.collection not in BUILTIN


class InventoryPlugins:
    """Reads sources by others' plug-ins; see ``stella_ops.inventory.loader.SourcePlugins``.

    Args:
        enabled: the names that are tried on every source.
        extra_vars: of the command line.
        cache: whether plug-ins may take what they kept before (``cache`` of their sources).
    """

    def __init__(
        self,
        plugins: Plugins,
        enabled: Sequence[str],
        extra_vars: Mapping[str, Any],
        expressions: Expressions,
        *,
        cache: bool = True,
    ) -> None:
        self._plugins = plugins
        self._enabled = [name for name in enabled if name in plugins.files or is_of_collection(name)]
        self.extra_vars = extra_vars
        self._expressions = expressions
        self._cache = cache

    def read(self, source: str, inventory: Inventory, name: str | None = None) -> bool:
        """Read a source by the plug-in of a name, or by the first that is enabled and takes it; whether one did.

        Raises:
            InventoryError: a plug-in that fails.
        """
        if name is not None:
            return self._read(name, source, inventory, named=True)
        failures: list[InventoryError] = []
        for each in self._enabled:
            try:
                if self._read(each, source, inventory):
                    return True
            except InventoryError as problem:
                failures.append(problem)
        if failures:
            raise failures[0]
        return False

    def _read(self, name: str, source: str, inventory: Inventory, *, named: bool = False) -> bool:
        from stella_ops.templating.plugins.imports import answered
        from stella_ops.templating.plugins.inventory_base import FolderLoader
        from stella_ops.templating.plugins.inventory_views import InventoryData

        with answered(), _quiet_threads():
            try:
                plugin = self._plugins.make(name)
                if plugin is None:
                    why = self._plugins.why_not(name)
                    if why is not None:
                        raise InventoryError(f"there is no inventory plug-in '{name}'", hint=why)
                    return False
                if not plugin.verify_file(source):
                    if named:
                        raise InventoryError(
                            f"the inventory plug-in '{name}' does not take this source",
                            hint="many take only files whose names end as their documentation says",
                        )
                    return False
                view = InventoryData(inventory, source, _Services(self, inventory, source))
                plugin.parse(view, FolderLoader(Path.cwd()), source, cache=self._cache)
                if hasattr(plugin, "update_cache_if_changed"):
                    plugin.update_cache_if_changed()
            except StellaError as problem:
                raise InventoryError(problem.message, where=problem.where or source, hint=problem.hint) from None
            except Exception as problem:
                said = str(problem) or type(problem).__name__
                raise InventoryError(f"the inventory plug-in '{name}' fails: {said}", where=source) from problem
        return True

    def services(self) -> tuple[Mapping[str, Any], Expressions]:
        """The extra variables, and what evaluates expressions."""
        return self.extra_vars, self._expressions


@contextmanager
def _quiet_threads() -> Iterator[None]:
    """Threads of plug-ins that fail print no traceback: what they raise is told by whoever waits for them."""
    before, threading.excepthook = threading.excepthook, lambda _: None
    try:
        yield
    finally:
        threading.excepthook = before


class _Services:
    """See ``stella_ops.templating.plugins.inventory_views.Services``."""

    def __init__(self, plugins: InventoryPlugins, inventory: Inventory, source: str) -> None:
        self.extra_vars, self._expressions = plugins.services()
        self._inventory = inventory
        self._source = source

    def expand(self, pattern: str) -> tuple[list[str], int | None]:
        from stella_ops.inventory.ranges import expand_host_pattern

        return expand_host_pattern(pattern, Origin(self._source))

    def compose(self, template: Any, variables: Mapping[str, Any]) -> Any:
        return self._expressions.value(template, variables)

    def construct(
        self, host: str, said: Mapping[str, Any], variables: Mapping[str, Any], name_of: Callable[[str], str]
    ) -> None:
        from stella_ops.inventory.plugin_source import construct_host

        construct_host(said, self._source, self._inventory, host, variables, self._expressions, name_of)


class VarsPlugins:
    """Asks others' vars plug-ins for variables.

    Args:
        enabled: the names of those that run only when they are enabled, and are; those of collections always need it.
    """

    def __init__(self, plugins: Plugins, enabled: Sequence[str]) -> None:
        self._known = plugins
        self._enabled = enabled
        self._plugins: list[Any] | None = None

    def __call__(self, folder: Path, of: Sequence[Host | Group]) -> dict[str, Any]:
        """The variables that hosts or groups have by way of a folder.

        Raises:
            InventoryError: a plug-in that fails.
        """
        from stella_ops.templating.plugins.imports import answered
        from stella_ops.templating.plugins.inventory_base import FolderLoader
        from stella_ops.templating.plugins.inventory_views import Group as GroupView
        from stella_ops.templating.plugins.inventory_views import Host as HostView

        found: dict[str, Any] = {}
        folder = folder.absolute()
        entities = [GroupView(each) if hasattr(each, "children") else HostView(each) for each in of]
        with answered():
            if self._plugins is None:
                self._plugins = list(self._make())
            for plugin in self._plugins:
                try:
                    if hasattr(plugin, "get_vars"):
                        found.update(plugin.get_vars(FolderLoader(folder), str(folder), entities) or {})
                        continue
                    for entity in entities:
                        asked = "get_group_vars" if isinstance(entity, GroupView) else "get_host_vars"
                        found.update(getattr(plugin, asked)(entity.name) or {})
                except Exception as problem:
                    said = str(problem) or type(problem).__name__
                    raise InventoryError(f"the vars plug-in '{plugin._load_name}' fails: {said}") from problem
        return found

    def _make(self) -> Iterator[Any]:
        for name in (*self._known.files, *filter(is_of_collection, self._enabled)):
            try:
                plugin = self._known.make(name)
            except StellaError:
                raise
            except Exception as problem:
                said = f"{type(problem).__name__}: {problem}"
                where = self._known.files.get(name)
                raise InventoryError(f"the vars plug-in '{name}' cannot be loaded: {said}", where=where) from problem
            if plugin is None:
                self._miss(name)
                continue
            needs = getattr(plugin, "REQUIRES_ENABLED", getattr(plugin, "REQUIRES_WHITELIST", False))
            if not needs or name in self._enabled:
                yield plugin

    def _miss(self, name: str) -> None:
        """Tell that one that is enabled is not there; ansible-core does without."""
        said, why = f"there is no vars plug-in '{name}'", self._known.why_not(name)
        if not called_as_ansible():
            raise InventoryError(said, hint=why)
        from stella_ops.cli.tolerance import warn

        warn(f"{said}: {why}")


def others_plugins(
    settings: AnsibleSettings,
    beside: Sequence[Path],
    extra_vars: Mapping[str, Any],
    expressions: Expressions,
    *,
    cache: bool,
) -> tuple[InventoryPlugins, VarsPlugins | None]:
    """What reads sources and gives variables by others' plug-ins, as settings say; the latter None where none is known.

    Args:
        beside: folders of playbooks.
        cache: see ``InventoryPlugins``.
    """
    from stella_ops.cli.collections import use_collections

    def use() -> None:
        use_collections(settings, [*beside, Path.cwd()])

    sources, variables = (Plugins(kind, beside, use) for kind in ("inventory", "vars"))
    tried = settings.choose("INVENTORY_ENABLED", default=())
    reading = InventoryPlugins(sources, tried, extra_vars, expressions, cache=cache)
    enabled = settings.choose("VARIABLE_PLUGINS_ENABLED", default=())
    wanted = variables.files or any(map(is_of_collection, enabled))
    return reading, VarsPlugins(variables, enabled) if wanted else None
