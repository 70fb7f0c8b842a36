"""Users' inventory and vars plug-ins: where they are looked for, and how they are run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from stella_ops.ansible_settings.plugin_folders import plugin_folders
from stella_ops.errors import InventoryError, StellaError
from stella_ops.origins import Origin

if TYPE_CHECKING:
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


class InventoryPlugins:
    """Reads sources by users' plug-ins; see ``stella_ops.inventory.loader.SourcePlugins``.

    Args:
        files: the plug-ins by name.
        enabled: the names that are tried on every source.
        extra_vars: of the command line.
    """

    def __init__(
        self,
        files: Mapping[str, Path],
        enabled: Sequence[str],
        extra_vars: Mapping[str, Any],
        expressions: Expressions,
    ) -> None:
        self._files = files
        self._enabled = [name for name in enabled if name in files]
        self.extra_vars = extra_vars
        self._expressions = expressions

    def read(self, source: str, inventory: Inventory, name: str | None = None) -> bool:
        """Read a source by the plug-in of a name, or by the first that is enabled and takes it; whether one did.

        Raises:
            InventoryError: a plug-in that fails.
        """
        failures: list[InventoryError] = []
        for each in self._enabled if name is None else [name] if name in self._files else []:
            try:
                if self._read(each, source, inventory):
                    return True
            except InventoryError as problem:
                failures.append(problem)
        if failures:
            raise failures[0]
        return False

    def _read(self, name: str, source: str, inventory: Inventory) -> bool:
        from stella_ops.templating.plugins.imports import answered
        from stella_ops.templating.plugins.inventory_base import FolderLoader
        from stella_ops.templating.plugins.inventory_views import InventoryData

        with answered():
            try:
                plugin = _made("inventory", name, self._files[name], "InventoryModule")
                if not plugin.verify_file(source):
                    return False
                view = InventoryData(inventory, source, _Services(self, inventory, source))
                plugin.parse(view, FolderLoader(Path.cwd()), source, cache=False)
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

    def construct(self, host: str, said: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        from stella_ops.inventory.plugin_source import construct_host

        construct_host(said, self._source, self._inventory, host, variables, self._expressions)


class VarsPlugins:
    """Asks users' vars plug-ins for variables.

    Args:
        files: the plug-ins by name.
        enabled: the names of those that run only when they are enabled, and are.
    """

    def __init__(self, files: Mapping[str, Path], enabled: Sequence[str]) -> None:
        self._files = files
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
        for name, path in self._files.items():
            try:
                plugin = _made("vars", name, path, "VarsModule")
            except StellaError:
                raise
            except Exception as problem:
                said = f"{type(problem).__name__}: {problem}"
                raise InventoryError(f"the vars plug-in cannot be loaded: {said}", where=path) from problem
            needs = getattr(plugin, "REQUIRES_ENABLED", getattr(plugin, "REQUIRES_WHITELIST", False))
            if not needs or name in self._enabled:
                yield plugin


def _made(kind: str, name: str, path: Path, class_name: str) -> Any:
    from stella_ops.templating.plugins.loading import load_failures, load_module
    from stella_ops.templating.plugins.lookup_base import declare

    module: ModuleType | None = load_module(kind, path)
    made = getattr(module, class_name, None)
    if made is None:
        why = load_failures(kind) or f"it has no class {class_name}"
        raise InventoryError(f"the {kind} plug-in cannot be used: {why}", where=path)
    plugin = made()
    plugin._original_path = str(path)
    declare(plugin, name, getattr(module, "DOCUMENTATION", None))
    return plugin
