"""What users' inventory and vars plug-ins find in themselves: ``ansible.plugins.inventory`` and ``.vars``."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stella_ops.errors import ParseError, StellaError
from stella_ops.origins import SourceText
from stella_ops.source_files import load_yaml_file
from stella_ops.templating.plugins.ansible_display import Display
from stella_ops.templating.plugins.ansible_errors import AnsibleError, AnsibleParserError, AnsibleTemplateError
from stella_ops.templating.plugins.data_loader import Loader
from stella_ops.templating.plugins.inventory_views import InventoryData
from stella_ops.templating.plugins.lookup_base import UNTRUSTED, AnsiblePlugin, ScopeTemplar
from stella_ops.templating.plugins.source_cache import SourceCache, source_cache

__all__ = ["AnsibleError", "AnsibleParserError"]  # which plug-ins import from here, too

_NOT_IN_VARIABLES = re.compile(r"^[\d\W]|\W")


class FolderLoader(Loader):
    """Finds and reads files as seen from one folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None)
        self._folder = folder

    def get_basedir(self) -> str:
        """The folder."""
        return str(self._folder)

    def path_dwim(self, given: str) -> str:
        """A path as seen from it."""
        return os.path.normpath(self._folder / Path(os.fsdecode(given)).expanduser())

    def find_vars_files(self, path: str, name: str, extensions: Any = None, allow_dir: bool = True) -> list[str]:
        """The files of variables of a name in a folder, as ``group_vars`` has them."""
        for extension in ("", *(extensions or (".yml", ".yaml", ".json"))):
            place = Path(os.fsdecode(path)) / f"{name}{extension}"
            if place.is_dir() and allow_dir and not extension:
                return [str(each) for each in sorted(place.rglob("*")) if each.is_file()]
            if place.is_file():
                return [str(place)]
        return []

    def load_from_file(self, path: str, **options: Any) -> Any:
        """The value of a YAML or JSON file; with ``trusted_as_template`` its texts may be templates."""
        if options.get("trusted_as_template"):
            return load_yaml_file(self.path_dwim(path))
        return super().load_from_file(path)


def group_name(name: str, replacer: str = "_", force: bool = False, silent: bool = False) -> str:
    """A group's name without what cannot be in a variable's, where that is asked for."""
    return _NOT_IN_VARIABLES.sub(replacer, name) if force else name


def to_safe_group_name(name: str) -> str:
    """The same, which plug-ins ask for always."""
    return group_name(name, force=True)


class _Reads(AnsiblePlugin):
    """What all that read inventory sources have."""

    TYPE = "generator"
    NAME = ""

    def __init__(self) -> None:
        super().__init__()
        self.display = Display()
        self.loader: Any = None
        self.inventory: Any = None
        self._vars: Mapping[str, Any] = {}
        # Names that lead to it: its own, and those that redirects started from.
        self._redirected_names: list[str] = []
        self._cache = SourceCache()

    _sanitize_group_name = staticmethod(to_safe_group_name)

    @functools.cached_property
    def templar(self) -> ScopeTemplar:
        """Renders what the operator wrote."""
        return ScopeTemplar(None)

    def parse(self, inventory: InventoryData, loader: Any, path: str, cache: bool = True) -> None:
        """Take note of what is read; plug-ins do the rest."""
        self.loader, self.inventory = loader, inventory
        self._vars = inventory.services.extra_vars

    def verify_file(self, path: str) -> bool:
        """Whether a source is a file that can be read."""
        return os.access(path, os.R_OK)

    def _read_config_data(self, path: str) -> Mapping[str, Any]:
        try:
            config = load_yaml_file(path)
        except ParseError as problem:
            raise AnsibleParserError(str(problem)) from None
        if not config:
            raise AnsibleParserError(f"{path} is empty")
        if not isinstance(config, Mapping):
            raise AnsibleParserError(f"inventory source has invalid structure, it should be a dictionary: {path}")
        named = str(config.get("plugin", "none found")).removeprefix("ansible.legacy.")
        if named not in (self.NAME, self._load_name, *self._redirected_names):
            raise AnsibleParserError(f"Incorrect plugin name in file: {named}")
        self.set_options(direct=config, var_options=self._vars)
        if self._options.get("cache"):
            self._cache = source_cache(self._options, self.display.warning)
        return config

    def _consume_options(self, data: dict[str, Any]) -> None:
        for name in self._options:
            if name in data:
                self._options[name] = data.pop(name)

    def _populate_host_vars(
        self, hosts: Iterable[str], variables: Mapping[str, Any], group: str | None = None, port: Any = None
    ) -> None:
        if not isinstance(variables, Mapping):
            raise AnsibleParserError(f"Invalid data from file, expected dictionary and got:\n\n{variables}")
        for host in hosts:
            self.inventory.add_host(host, group=group, port=port)
            for name, value in variables.items():
                self.inventory.set_variable(host, name, value)

    def _expand_hostpattern(self, hostpattern: str) -> tuple[list[str], int | None]:
        try:
            found: tuple[list[str], int | None] = self.inventory.services.expand(hostpattern)
        except StellaError as problem:
            raise AnsibleParserError(str(problem)) from None
        return found


class BaseInventoryPlugin(_Reads):
    """The base of plug-ins that read inventory sources."""


class BaseFileInventoryPlugin(_Reads):
    """The base of those that read files."""

    TYPE = "storage"


class Constructable(_Reads):
    """Variables and groups by expressions."""

    def _compose(self, template: Any, variables: Mapping[str, Any], disable_lookups: Any = None) -> Any:
        if not isinstance(template, SourceText):
            raise AnsibleTemplateError(UNTRUSTED)
        if self._options.get("use_extra_vars"):
            variables = {**variables, **self._vars}
        self.templar.available_variables = variables
        return self.inventory.services.compose(template, variables)

    def _set_composite_vars(
        self, compose: Mapping[str, Any] | None, variables: Mapping[str, Any], host: str, strict: bool = False
    ) -> None:
        self._construct(host, {"compose": compose, "strict": strict}, variables)

    def _add_host_to_composed_groups(
        self,
        groups: Mapping[str, Any] | None,
        variables: Mapping[str, Any],
        host: str,
        strict: bool = False,
        fetch_hostvars: bool = True,
    ) -> None:
        self._construct(host, {"groups": groups, "strict": strict}, variables)

    def _add_host_to_keyed_groups(
        self,
        keys: list[Any] | None,
        variables: Mapping[str, Any],
        host: str,
        strict: bool = False,
        fetch_hostvars: bool = True,
    ) -> None:
        self._construct(host, {"keyed_groups": keys, "strict": strict}, variables)

    def _construct(self, host: str, said: dict[str, Any], variables: Mapping[str, Any]) -> None:
        if "leading_separator" in self._options:
            said["leading_separator"] = self._options["leading_separator"]
        if self._options.get("use_extra_vars"):
            variables = {**variables, **self._vars}
        self.templar.available_variables = variables
        self.inventory.services.construct(host, said, variables, self._sanitize_group_name)


class Cacheable:
    """Keeps what a plug-in has asked for, where a source's options say so."""

    _cache: SourceCache
    _load_name: str

    @property
    def cache(self) -> SourceCache:
        """What is kept."""
        return self._cache

    @cache.setter
    def cache(self, kept: SourceCache) -> None:
        self._cache = kept

    def load_cache_plugin(self) -> None:
        """Take the cache that the options name."""
        self._cache = source_cache(self._options, Display().warning)  # type: ignore[attr-defined]

    def set_cache_plugin(self) -> None:
        """Keep all that is known."""
        self._cache.set_cache()

    def update_cache_if_changed(self) -> None:
        """Keep what was changed."""
        self._cache.update_cache_if_changed()

    def get_cache_key(self, path: str) -> str:
        """A key for what comes of a source."""
        return f"{self._load_name}_{self._get_cache_prefix(path)}"

    def _get_cache_prefix(self, path: str) -> str:
        return f"k{hashlib.sha256(f'{self._load_name}{path}'.encode()).hexdigest()[:6]}"

    def clear_cache(self) -> None:
        """Forget all."""
        self._cache.clear()


class BaseVarsPlugin(AnsiblePlugin):
    """The base of plug-ins that give hosts and groups variables."""

    is_stateless = False

    def __init__(self) -> None:
        super().__init__()
        self._display = Display()

    def get_vars(self, loader: Any, path: str, entities: Any) -> Any:
        """Take note of the folder; plug-ins do the rest."""
        self._basedir = path
        return {}


def detect_range(line: str | None = None) -> bool:
    """Whether a text has a range of hosts."""
    return bool(line) and "[" in str(line)
