"""The servers that ``ansible.cfg`` names for ``ansible-galaxy``, as ``ansible-config`` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stella_ops.cli.config_plugins import Options, OptionValue, values_of

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings

_TYPES = {"validate_certs": "bool", "api_version": "int", "timeout": "int"}
_KEYS = (
    *("url", "username", "password", "token", "auth_url", "api_version", "validate_certs", "client_id"),
    *("client_secret", "timeout"),
)


def servers(settings: AnsibleSettings, environ: Mapping[str, str]) -> dict[str, Options]:
    """What may be set of each server that the setting ``server_list`` names."""
    from stella_ops.ansible_settings.values import by_name, value_of

    named = value_of(by_name()["GALAXY_SERVER_LIST"], settings, environ).value or ()
    names = [part.strip() for part in (named.split(",") if isinstance(named, str) else named)]
    timeout = value_of(by_name()["GALAXY_SERVER_TIMEOUT"], settings, environ).value
    return {name: {key: _option(name, key, timeout) for key in _KEYS} for name in names if name}


def _option(server: str, key: str, timeout: Any) -> Mapping[str, Any]:
    return {
        "description": f"The {key} of the server {server}.",
        "env": [{"name": f"ANSIBLE_GALAXY_SERVER_{server.upper()}_{key.upper()}"}],
        "ini": [{"section": f"galaxy_server.{server}", "key": key}],
        "type": _TYPES.get(key, "str"),
        "required": key == "url",
        **({"default": timeout} if key == "timeout" else {}),
    }


def server_values(
    settings: AnsibleSettings, environ: Mapping[str, str], *, only_changed: bool
) -> dict[str, list[OptionValue]]:
    """What is set of each server, in the order of ansible-core's JSON."""
    found = {}
    for name, options in servers(settings, environ).items():
        values = sorted(values_of(options, settings, environ), key=lambda each: _KEYS.index(each.name))
        found[name] = [each for each in values if not only_changed or each.origin not in ("default", "REQUIRED")]
    return found
