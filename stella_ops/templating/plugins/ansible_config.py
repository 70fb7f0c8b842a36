"""``ansible.constants`` as plug-ins ask for it: settings by their names, and options of other plug-ins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stella_ops.ansible_settings.reading import read_ansible_settings
from stella_ops.ansible_settings.values import by_name, value_of
from stella_ops.templating.plugins import ansible_text
from stella_ops.templating.plugins.ansible_errors import AnsibleError, AnsibleUndefinedConfigEntry
from stella_ops.templating.plugins.ansible_loaders import PluginLoader
from stella_ops.templating.plugins.plugin_options import Chosen, chosen, declared_in

_FIXED = {
    "DEFAULT_PASSWORD_CHARS": ansible_text.PASSWORD_CHARS,
    "DEFAULT_LOCAL_TMP": "/tmp",  # noqa: S108
    "BOOL_TRUE": ansible_text.BOOLEANS_TRUE,
    "LOCALHOST": ("127.0.0.1", "localhost", "::1"),
}


class Config:
    """What settings of ansible-core, and options of plug-ins, are."""

    def get_configuration_definitions(
        self, plugin_type: str | None = None, name: str | None = None, ignore_private: bool = False
    ) -> dict[str, Any]:
        """What there is to set: of a plug-in's options what its documentation says of each."""
        known = _options(plugin_type, name) if plugin_type and name else dict(by_name())
        return {key: said for key, said in known.items() if not (ignore_private and key.startswith("_"))}

    def get_config_value_and_origin(
        self,
        config: str,
        cfile: Any = None,
        plugin_type: str | None = None,
        plugin_name: str | None = None,
        keys: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        direct: Mapping[str, Any] | None = None,
    ) -> tuple[Any, str]:
        """What one is, and where that comes from.

        Raises:
            AnsibleError: there is none of that name.
        """
        if direct and config in direct:
            return direct[config], "Direct"
        if plugin_type and plugin_name:
            said = _options(plugin_type, plugin_name).get(config)
            found = None if said is None else chosen(said, variables)
        else:
            found = _setting(config)
        if found is None:
            raise AnsibleUndefinedConfigEntry(f"No config definition exists for {config!r}.")
        if found.origin.startswith("ini: "):
            return found.value, str(read_ansible_settings(os.environ, Path.cwd()).file)
        return found.value, found.origin

    def get_config_value(self, config: str, cfile: Any = None, *named: Any, **options: Any) -> Any:
        """The first of both."""
        return self.get_config_value_and_origin(config, cfile, *named, **options)[0]

    def get_plugin_options(
        self, plugin_type: str, name: str, keys: Any = None, variables: Any = None, direct: Any = None
    ) -> dict[str, Any]:
        """All options of a plug-in."""
        return {
            option: self.get_config_value(option, None, plugin_type, name, keys, variables, direct)
            for option in _options(plugin_type, name)
        }


def _setting(name: str) -> Chosen | None:
    setting = by_name().get(name)
    if setting is None:
        return None
    found = value_of(setting, read_ansible_settings(os.environ, Path.cwd()), os.environ)
    return Chosen(_plain(found.value), found.origin)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _options(kind: str, name: str) -> dict[str, Any]:
    path = PluginLoader("modules" if kind == "module" else kind).find_plugin(name)
    if path is None:
        raise AnsibleError(f'Unable to load {kind} plugin "{name}"')
    return declared_in(Path(path))


def constants() -> dict[str, Any]:
    """The names of the module; its ``__getattr__`` finds settings."""

    def setting(name: str) -> Any:
        found = None if name.startswith("__") else _setting(name)
        if found is None:
            raise AttributeError(f"module 'ansible.constants' has no attribute '{name}'")
        return found.value

    return {**_FIXED, "config": Config(), "__getattr__": setting}
