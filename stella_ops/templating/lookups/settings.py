"""``lookup('config', NAME)``: settings of ansible-core."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stella_ops.ansible_settings.reading import read_ansible_settings
from stella_ops.ansible_settings.setting import Setting
from stella_ops.ansible_settings.values import by_name, value_of
from stella_ops.collections.notices import warn
from stella_ops.errors import TemplateError
from stella_ops.spelling import did_you_mean
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.lookups.inline import check_options
from stella_ops.templating.scope import NOT_THERE
from stella_ops.templating.undefined import kind_of


class _Option(NamedTuple):
    default: Any = None
    environment: str | None = None
    variable: str | None = None


# Variables that come before what is set.
_VARIABLES = {
    "DEFAULT_BECOME": "ansible_become",
    "DEFAULT_BECOME_METHOD": "ansible_become_method",
    "DEFAULT_BECOME_USER": "ansible_become_user",
    "DEFAULT_FORKS": "ansible_forks",
    "DEFAULT_HOST_LIST": "ansible_inventory_sources",
    "DEFAULT_MANAGED_STR": "ansible_managed",
    "DEFAULT_PRIVATE_KEY_FILE": "ansible_private_key_file",
    "DEFAULT_REMOTE_PORT": "ansible_port",
    "DEFAULT_REMOTE_USER": "ansible_user",
    "DEFAULT_TIMEOUT": "ansible_timeout",
    "DEFAULT_TRANSPORT": "ansible_connection",
    "DEFAULT_VERBOSITY": "ansible_verbosity",
    "HOST_KEY_CHECKING": "ansible_host_key_checking",
    "INTERPRETER_PYTHON": "ansible_python_interpreter",
}
_OPTIONS_OF_PLUGINS = {
    "remote_user": _Option(None, "ANSIBLE_REMOTE_USER", "ansible_user"),
    "port": _Option(None, "ANSIBLE_REMOTE_PORT", "ansible_port"),
    "host": _Option(None, None, "ansible_host"),
    "timeout": _Option(10, "ANSIBLE_TIMEOUT", "ansible_timeout"),
    "private_key_file": _Option(None, "ANSIBLE_PRIVATE_KEY_FILE", "ansible_private_key_file"),
    "remote_tmp": _Option("~/.ansible/tmp", "ANSIBLE_REMOTE_TMP", "ansible_remote_tmp"),
    "become_user": _Option("root", "ANSIBLE_BECOME_USER", "ansible_become_user"),
}
_WITH_SOURCE = ("lookup", "filter", "test", "module")  # others are not found by their files
_KNOWN = ("on_missing", "plugin_type", "plugin_name", "show_origin")


def config(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The value of settings: of a variable, else of the environment, else the default.

    Options: ``on_missing`` (error, warn, skip), ``show_origin``, ``plugin_type`` and ``plugin_name``.
    """
    check_options(options, _KNOWN, "config")
    kind, plugin = options.get("plugin_type"), options.get("plugin_name")
    if bool(kind) is not bool(plugin):
        raise TemplateError("Both plugin_type and plugin_name are required, cannot use one without the other.")
    missing = options.get("on_missing", "error")
    if missing not in ("error", "warn", "skip"):
        raise TemplateError(f"Invalid value '{missing}' for config 'on_missing' for 'config' lookup plugin.")
    if kind in _WITH_SOURCE:
        return _of_plugin(scope, str(kind), plain_text(plugin), terms, options)
    known: Mapping[str, _Option | Setting] = _OPTIONS_OF_PLUGINS if kind else by_name()
    found: list[Any] = []
    for term in terms:
        _check_name(term)
        name = plain_text(term)
        setting = known.get(name)
        if setting is None:
            whose = f" for '{plugin}' {kind} plugin" if kind else ""
            unknown = f"No config definition exists for '{name}'"
            if missing == "error":
                hint = did_you_mean(name, known) or "on_missing='skip' passes over it"
                raise TemplateError(f"{unknown}{whose}.", hint=hint)
            if missing == "warn":
                warn(f"Skipping {name}: {unknown}{whose}.")
            continue
        value, origin = _option(scope, setting) if isinstance(setting, _Option) else _setting(scope, setting)
        found.append([value, origin] if options.get("show_origin") else value)
    return found


def _check_name(term: Any) -> None:
    if not isinstance(term, str):
        of_kind = f"<class 'str'>, its a <class '{kind_of(term)}'>"
        raise TemplateError(f"Invalid setting identifier, {term} is not a {of_kind}.")


def _of_plugin(scope: Any, kind: str, plugin: str, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The options of a plug-in whose documentation can be read."""
    from stella_ops.templating.plugins.ansible_config import Config
    from stella_ops.templating.plugins.ansible_errors import AnsibleError, AnsibleUndefinedConfigEntry
    from stella_ops.templating.plugins.lookup_base import ScopeTemplar

    variables = ScopeTemplar(scope).available_variables
    found: list[Any] = []
    for term in terms:
        _check_name(term)
        try:
            value, origin = Config().get_config_value_and_origin(
                plain_text(term), None, kind, plugin, variables=variables
            )
        except AnsibleUndefinedConfigEntry as problem:
            if options.get("on_missing", "error") == "error":
                text = f"No config definition exists for '{term}' for '{plugin}' {kind} plugin."
                raise TemplateError(text, hint="on_missing='skip' passes over it") from problem
            continue
        except AnsibleError as problem:
            raise TemplateError(problem.message) from None
        found.append([value, origin] if options.get("show_origin") else value)
    return found


def _setting(scope: Any, setting: Setting) -> tuple[Any, str]:
    variable = _VARIABLES.get(setting.name)
    if variable is not None:
        value = scope.lookup(variable)
        if value is not NOT_THERE:
            return value, f"var: {variable}"
    found = value_of(setting, read_ansible_settings(os.environ, Path.cwd()), os.environ)
    return _plain(found.value), found.origin


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _option(scope: Any, option: _Option) -> tuple[Any, str]:
    if option.variable is not None:
        value = scope.lookup(option.variable)
        if value is not NOT_THERE:
            return value, f"var: {option.variable}"
    written = os.environ.get(option.environment) if option.environment else None
    if written is None:
        return option.default, "default"
    if isinstance(option.default, int) and written.strip().isdigit():
        return int(written), f"env: {option.environment}"
    return written, f"env: {option.environment}"


LOOKUPS = {"config": config}
