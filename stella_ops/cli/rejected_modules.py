"""``plugin_filters_cfg``: a file that names modules which nobody is to use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.cli.ansible_programs import called_as_ansible
from stella_ops.errors import SettingsError, StellaError

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings

_USUAL = Path("/etc/ansible/plugin_filters.yml")


def rejected_modules(settings: AnsibleSettings) -> frozenset[str]:
    """The names that the file lists; none where there is no file.

    Raises:
        SettingsError: the file is not there, or does not say what it should; under ansible-core's names that is a
            warning, as there. It lists ``stat``, which other modules need.
    """
    named = settings.choose("PLUGIN_FILTERS_CFG")
    path = Path(str(named)).expanduser() if named else _USUAL
    if not named and not path.is_file():
        return frozenset()
    try:
        found = _listed(path)
    except SettingsError as problem:
        if not called_as_ansible():
            raise
        from stella_ops.cli.tolerance import warn

        warn(f"{problem.message} Skipping.")
        return frozenset()
    if "stat" in found:
        raise SettingsError(
            f"The stat module was specified in the module reject list file, {path}, but Ansible will not function "
            "without the stat module.  Please remove stat from the reject list."
        )
    return found


def _listed(path: Path) -> frozenset[str]:
    from stella_ops.source_files import load_yaml_file

    file = f"The plugin filter file, {path}"
    if not path.is_file():
        raise SettingsError(f"{file} does not exist.", hint="plugin_filters_cfg names it")
    try:
        said: Any = load_yaml_file(path)
    except StellaError as problem:
        raise SettingsError(f"{file} was not parsable: {problem.message}.", where=problem.where) from None
    if not isinstance(said, Mapping) or "filter_version" not in said:
        raise SettingsError(f"{file} was invalid: it names no filter_version.")
    if str(said["filter_version"]).strip() != "1.0":
        raise SettingsError(f"{file} was a version not recognized by this version of Ansible.", hint="it must be 1.0")
    names = said.get("module_rejectlist")
    if not isinstance(names, list):
        raise SettingsError(f"{file} could not be used as module_rejectlist is not a list.")
    return frozenset(str(name).removeprefix("ansible.builtin.").removeprefix("ansible.legacy.") for name in names)
