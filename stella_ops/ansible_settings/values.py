"""What each setting of ansible-core is, and where that comes from: for people and programs that ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stella_ops.ansible_settings.defaults import DEFAULTS, default_of
from stella_ops.ansible_settings.others import OTHERS
from stella_ops.ansible_settings.reading import AnsibleSettings
from stella_ops.ansible_settings.setting import Setting
from stella_ops.ansible_settings.table import SETTINGS
from stella_ops.booleans import says_yes


class Value(NamedTuple):
    """A setting and what it is; ``origin`` is a file, ``env: NAME`` or ``default``."""

    setting: Setting
    value: Any
    origin: str


def by_name() -> dict[str, Setting]:
    """Every setting of ansible-core, those that have no meaning here included."""
    return {setting.name: setting for setting in sorted((*SETTINGS, *OTHERS), key=lambda each: each.name)}


def values(settings: AnsibleSettings, environ: Mapping[str, str]) -> Iterable[Value]:
    """All settings by name; of ``NOTHING_SET`` and an empty environment the defaults."""
    return (value_of(setting, settings, environ) for setting in by_name().values())


def value_of(setting: Setting, settings: AnsibleSettings, environ: Mapping[str, str]) -> Value:
    """What one setting is."""
    return _set(setting, settings, environ) or Value(setting, default_of(setting.name, environ), "default")


def _set(setting: Setting, settings: AnsibleSettings, environ: Mapping[str, str]) -> Value | None:
    variable = next((name for name in setting.env if environ.get(name)), None)
    if variable is not None:
        value = settings.environment.get(setting.name)
        return Value(
            setting, _as_default(setting, environ[variable], Path.cwd()) if value is None else value, f"env: {variable}"
        )
    if setting.name in settings.configured:
        return Value(setting, settings.configured[setting.name], str(settings.file))
    for place in setting.ini:
        section, key = place.split(".", 1)
        text = settings.sections.get(section, {}).get(key)
        if text is not None:
            home = Path.cwd() if settings.file is None else settings.file.parent
            return Value(setting, _as_default(setting, text, home), str(settings.file))
    return None


def _as_default(setting: Setting, text: str, home: Path) -> Any:
    """The value of a setting that is not read otherwise, by the type of its default.

    Args:
        home: the folder that folders of plug-ins are told from.
    """
    default = DEFAULTS.get(setting.name)
    if isinstance(default, bool):
        return says_yes(text)
    if isinstance(default, list) or setting.kind == "list":
        folders = setting.kind == "paths" or setting.name.endswith("_PLUGIN_PATH")
        parts = [part.strip() for part in text.split(":" if folders else ",") if part.strip()]
        return [str(home / Path(part).expanduser()) for part in parts] if folders else parts
    if isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError:
            return text
    return text
