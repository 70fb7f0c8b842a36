"""``lookup('config', NAME)``: settings of ansible-core that have a meaning here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from stella_ops.ansible_settings.reading import read_ansible_settings
from stella_ops.errors import TemplateError
from stella_ops.origins import did_you_mean
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.lookups.inline import check_options
from stella_ops.templating.scope import NOT_THERE


class _Setting(NamedTuple):
    default: Any = None
    environment: str | None = None
    variable: str | None = None


_ROLES = [str(Path("~/.ansible/roles").expanduser()), "/usr/share/ansible/roles", "/etc/ansible/roles"]
_COLLECTIONS = [str(Path("~/.ansible/collections").expanduser()), "/usr/share/ansible/collections"]
_SETTINGS = {
    "DEFAULT_BECOME": _Setting(False, "ANSIBLE_BECOME", "ansible_become"),
    "DEFAULT_BECOME_METHOD": _Setting("sudo", "ANSIBLE_BECOME_METHOD", "ansible_become_method"),
    "DEFAULT_BECOME_USER": _Setting("root", "ANSIBLE_BECOME_USER", "ansible_become_user"),
    "DEFAULT_FORKS": _Setting(50, "ANSIBLE_FORKS", "ansible_forks"),
    "DEFAULT_GATHERING": _Setting("implicit", "ANSIBLE_GATHERING"),
    "DEFAULT_HASH_BEHAVIOUR": _Setting("replace", "ANSIBLE_HASH_BEHAVIOUR"),
    "DEFAULT_HOST_LIST": _Setting([], "ANSIBLE_INVENTORY", "ansible_inventory_sources"),
    "DEFAULT_JINJA2_NATIVE": _Setting(True),
    "DEFAULT_LOCAL_TMP": _Setting("/tmp", "ANSIBLE_LOCAL_TEMP"),  # noqa: S108 - a default to show
    "DEFAULT_MANAGED_STR": _Setting("Ansible managed", None, "ansible_managed"),
    "DEFAULT_PRIVATE_KEY_FILE": _Setting(None, "ANSIBLE_PRIVATE_KEY_FILE", "ansible_private_key_file"),
    "DEFAULT_REMOTE_PORT": _Setting(None, "ANSIBLE_REMOTE_PORT", "ansible_port"),
    "DEFAULT_REMOTE_USER": _Setting(None, "ANSIBLE_REMOTE_USER", "ansible_user"),
    "DEFAULT_ROLES_PATH": _Setting(_ROLES, "ANSIBLE_ROLES_PATH"),
    "DEFAULT_STRATEGY": _Setting("linear", "ANSIBLE_STRATEGY"),
    "DEFAULT_TIMEOUT": _Setting(10, "ANSIBLE_TIMEOUT", "ansible_timeout"),
    "DEFAULT_TRANSPORT": _Setting("ssh", "ANSIBLE_TRANSPORT", "ansible_connection"),
    "DEFAULT_VERBOSITY": _Setting(0, "ANSIBLE_VERBOSITY", "ansible_verbosity"),
    "COLLECTIONS_PATHS": _Setting(_COLLECTIONS, "ANSIBLE_COLLECTIONS_PATH"),
    "COLLECTIONS_SCAN_SYS_PATH": _Setting(True, "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH"),
    "DEFAULT_MODULE_NAME": _Setting("command"),
    "DEFAULT_POLL_INTERVAL": _Setting(15, "ANSIBLE_POLL_INTERVAL"),
    "DEFAULT_STDOUT_CALLBACK": _Setting("default", "ANSIBLE_STDOUT_CALLBACK"),
    "DEPRECATION_WARNINGS": _Setting(True, "ANSIBLE_DEPRECATION_WARNINGS"),
    "DISPLAY_OK_HOSTS": _Setting(True, "ANSIBLE_DISPLAY_OK_HOSTS"),
    "DISPLAY_SKIPPED_HOSTS": _Setting(True, "ANSIBLE_DISPLAY_SKIPPED_HOSTS"),
    "HOST_KEY_CHECKING": _Setting(True, "ANSIBLE_HOST_KEY_CHECKING", "ansible_host_key_checking"),
    "INTERPRETER_PYTHON": _Setting("auto", "ANSIBLE_PYTHON_INTERPRETER", "ansible_python_interpreter"),
    "RETRY_FILES_ENABLED": _Setting(False, "ANSIBLE_RETRY_FILES_ENABLED"),
    "RETRY_FILES_SAVE_PATH": _Setting(None, "ANSIBLE_RETRY_FILES_SAVE_PATH"),
    **{
        f"COLOR_{name}": _Setting(colour, f"ANSIBLE_COLOR_{name}")
        for name, colour in (
            *(("OK", "green"), ("CHANGED", "yellow"), ("SKIP", "cyan"), ("ERROR", "red"), ("WARN", "bright purple")),
            *(("UNREACHABLE", "bright red"), ("VERBOSE", "blue"), ("DEBUG", "dark gray"), ("HIGHLIGHT", "white")),
        )
    },
}
_OPTIONS_OF_PLUGINS = {
    "remote_user": _Setting(None, "ANSIBLE_REMOTE_USER", "ansible_user"),
    "port": _Setting(22, "ANSIBLE_REMOTE_PORT", "ansible_port"),
    "host": _Setting(None, None, "ansible_host"),
    "timeout": _Setting(10, "ANSIBLE_TIMEOUT", "ansible_timeout"),
    "private_key_file": _Setting(None, "ANSIBLE_PRIVATE_KEY_FILE", "ansible_private_key_file"),
    "remote_tmp": _Setting("~/.ansible/tmp", "ANSIBLE_REMOTE_TMP", "ansible_remote_tmp"),
    "become_user": _Setting("root", "ANSIBLE_BECOME_USER", "ansible_become_user"),
}
_KNOWN = ("on_missing", "plugin_type", "plugin_name", "show_origin")


def config(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The value of settings: of a variable, else of the environment, else the default.

    Options: ``on_missing`` (error, warn, skip), ``show_origin``, ``plugin_type`` and ``plugin_name``.
    """
    check_options(options, _KNOWN, "config")
    kind, plugin = options.get("plugin_type"), options.get("plugin_name")
    if bool(kind) is not bool(plugin):
        raise TemplateError("lookup 'config': 'plugin_type' and 'plugin_name' go together")
    missing = options.get("on_missing", "error")
    if missing not in ("error", "warn", "skip"):
        raise TemplateError(f"lookup 'config': 'on_missing' is error, warn or skip, not '{missing}'")
    known = _OPTIONS_OF_PLUGINS if kind else _SETTINGS
    found: list[Any] = []
    for term in terms:
        name = plain_text(term)
        setting = known.get(name)
        if setting is None:
            if missing == "error":
                hint = did_you_mean(name, known) or "on_missing='skip' passes over it"
                raise TemplateError(f"lookup 'config': there is no setting '{name}' here", hint=hint)
            continue
        value, origin = _value(scope, setting, None if kind else name)
        found.append([value, origin] if options.get("show_origin") else value)
    return found


def default_of(name: str) -> Any:
    """What a setting is where nothing sets it; None for one whose default is no single value."""
    setting = _SETTINGS.get(name)
    return None if setting is None else setting.default


def _value(scope: Any, setting: _Setting, name: str | None) -> tuple[Any, str]:
    if setting.variable is not None:
        value = scope.lookup(setting.variable)
        if value is not NOT_THERE:
            return value, f"var: {setting.variable}"
    written = os.environ.get(setting.environment) if setting.environment else None
    if written is None:
        configured = None if name is None else _configured(name)
        return configured or (setting.default, "default")
    if isinstance(setting.default, bool):
        return written.strip().lower() in ("yes", "on", "1", "true", "t", "y"), f"env: {setting.environment}"
    if isinstance(setting.default, int) and written.strip().isdigit():
        return int(written), f"env: {setting.environment}"
    if isinstance(setting.default, list):
        separator = "," if setting.environment == "ANSIBLE_INVENTORY" else ":"
        return [part.strip() for part in written.split(separator) if part.strip()], f"env: {setting.environment}"
    return written, f"env: {setting.environment}"


def _configured(name: str) -> tuple[Any, str] | None:
    """What ``ansible.cfg`` says, and its path."""
    settings = read_ansible_settings(os.environ, Path.cwd())
    if name not in settings.configured:
        return None
    value = settings.configured[name]
    return [str(item) for item in value] if isinstance(value, list) else value, str(settings.file)


LOOKUPS = {"config": config}
