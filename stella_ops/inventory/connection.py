"""The variables that say how to reach a host, under one name each.

People write ``ansible_host``, the older ``ansible_ssh_host``, or ``stella_host``: all three mean ``host``.
Here the names are resolved; values stay as written and are rendered by whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Short name: the names that people write behind "stella_" or "ansible_", the strongest first. The order is
# that of the variables in Ansible's ssh connection and become plugins, where the older name, being the
# more specific one, wins.
_NAMES: dict[str, tuple[str, ...]] = {
    "connection": ("connection",),
    "host": ("ssh_host", "host"),
    "port": ("ssh_port", "port"),
    "user": ("ssh_user", "user"),
    "password": ("ssh_password", "ssh_pass", "password"),
    "timeout": ("ssh_timeout", "timeout"),
    "ssh_private_key_file": ("ssh_private_key_file", "private_key_file"),
    "ssh_private_key_passphrase": ("ssh_private_key_passphrase", "private_key_passphrase"),
    "ssh_host_key_checking": ("ssh_host_key_checking", "host_key_checking"),
    "host_keys": ("host_keys",),
    "ssh_host_ca": ("ssh_host_ca",),
    "ssh_args": ("ssh_args",),
    "ssh_common_args": ("ssh_common_args",),
    "ssh_extra_args": ("ssh_extra_args",),
    "ssh_retries": ("ssh_retries",),
    "python_interpreter": ("python_interpreter",),
    "shell_type": ("shell_type",),
    "shell_executable": ("shell_executable",),
    "remote_tmp": ("remote_tmp",),
    "become": ("become",),
    "become_user": ("become_user",),
    "become_method": ("become_method",),
    "become_password": ("become_pass", "become_password"),
    "become_exe": ("become_exe",),
    "become_flags": ("become_flags",),
    # Ways to become another user have names of their own for the same.
    **{
        name: (name,)
        for method in ("sudo", "su", "doas", "dzdo", "ksu", "pfexec")
        for name in (f"{method}_user", f"{method}_pass", f"{method}_exe", f"{method}_flags")
    },
    **{f"{method}_prompt_l10n": (f"{method}_prompt_l10n",) for method in ("su", "doas", "ksu")},
}

#: Every variable that can say how a host is reached, as it is written.
CONNECTION_VARIABLES = frozenset(
    f"{prefix}_{name}" for prefix in ("stella", "ansible") for names in _NAMES.values() for name in names
)


def connection_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The connection settings among a host's variables.

    Args:
        variables: all variables of one host.

    Returns:
        Values as written, by short name (``host``, ``port``, ``become_password`` …). A name is absent when no
        variable sets it, or sets it to null. ``stella_`` names win over ``ansible_`` ones.
    """
    found: dict[str, Any] = {}
    for short, names in _NAMES.items():
        for prefix in ("stella_", "ansible_"):
            values = (variables.get(prefix + name) for name in names)
            value = next((value for value in values if value is not None), None)
            if value is not None:
                found[short] = value
                break
    return found
