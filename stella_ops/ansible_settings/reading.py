"""Finds and reads ``ansible.cfg`` and the ``ANSIBLE_*`` variables. Without either it costs next to nothing."""

from __future__ import annotations

import functools
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stella_ops.booleans import FALSE_WORDS, TRUE_WORDS
from stella_ops.errors import SettingsError

if TYPE_CHECKING:
    from configparser import ConfigParser

    from stella_ops.ansible_settings.table import Setting

FILE = "ansible.cfg"


class AnsibleSettings(NamedTuple):
    """What is set, by ansible-core's names of the settings.

    Attributes:
        environment: by variables of the environment.
        configured: by the file.
        sections: what the file says, as it stands there; plug-ins have their options in sections of their own.
        notes: what an operator should know: settings without a meaning, a file that is passed over.
    """

    file: Path | None = None
    environment: Mapping[str, Any] = {}
    configured: Mapping[str, Any] = {}
    notes: tuple[str, ...] = ()
    sections: Mapping[str, Mapping[str, str]] = {}

    def choose(self, name: str, given: Any = None, written: Any = None, default: Any = None) -> Any:
        """The value that counts, of those that are not None.

        Args:
            given: on the command line.
            written: in ``stella.toml``.
        """
        for value in (given, self.environment.get(name), written, self.configured.get(name)):
            if value is not None:
                return value
        return default


NOTHING_SET = AnsibleSettings()


def read_ansible_settings(environ: Mapping[str, str], folder: Path) -> AnsibleSettings:
    """Read what is set for a command that runs in a folder.

    Raises:
        SettingsError: a file that is no ini file, or a value that its setting cannot have.
    """
    notes: list[str] = []
    file = _find(environ, folder, notes)
    if file is None and not any(_is_set(*each) for each in environ.items()):
        return AnsibleSettings(notes=tuple(notes))
    seen = file.stat() if file is not None else None
    changed = None if seen is None else (seen.st_ino, seen.st_size, seen.st_mtime_ns)
    return _read(file, changed, frozenset(environ.items()), folder, tuple(notes))


def _is_set(name: str, value: str) -> bool:
    return name.startswith("ANSIBLE_") and bool(value)


@functools.lru_cache(maxsize=4)  # many ask in the course of a run
def _read(
    file: Path | None,
    changed: tuple[int, ...] | None,
    environ: frozenset[tuple[str, str]],
    folder: Path,
    notes: tuple[str, ...],
) -> AnsibleSettings:
    from stella_ops.ansible_settings.become import SETTINGS as BECOME
    from stella_ops.ansible_settings.table import QUIET, SETTINGS

    parser = _parse(file) if file is not None else None
    settings = (*SETTINGS, *BECOME)
    places = {place: setting for setting in settings for place in (*setting.ini, *setting.env)}
    named = {name: value for name, value in environ if _is_set(name, value)}
    environment: dict[str, Any] = {}
    configured: dict[str, Any] = {}
    idlers: list[str] = []
    for setting in settings:
        if not setting.used:
            continue
        variable = next((name for name in setting.env if name in named), None)
        if variable is not None:
            environment[setting.name] = _value(setting, named[variable], folder, variable)
        for place in setting.ini if parser is not None and file is not None else ():
            section, key = place.split(".", 1)
            text = parser.get(section, key, raw=True, fallback=None) if parser is not None else None
            if text is not None and file is not None:
                configured[setting.name] = _value(setting, text.strip(), file.parent, f"{file} [{section}] {key}")
                break
    for source, found in ((str(file), _written(parser)), ("the environment", sorted(named))):
        idle = [p for p in found if (p in places and not places[p].used) or (p not in places and "." in p)]
        # Sections that no setting of ansible-core's is in are those of plug-ins.
        known = {place.partition(".")[0] for place in places}
        idle = [p for p in idle if p not in QUIET and ("." not in p or p.partition(".")[0] in known)]
        if idle:
            idlers.append(f"settings of {source} that have no meaning here: {', '.join(idle)}")
    sections = {name: dict(parser[name]) for name in parser.sections()} if parser is not None else {}
    return AnsibleSettings(file, environment, configured, (*notes, *idlers), sections)


def _find(environ: Mapping[str, str], folder: Path, notes: list[str]) -> Path | None:
    named = environ.get("ANSIBLE_CONFIG")
    if named:
        path = folder / Path(named).expanduser()
        path = path / FILE if path.is_dir() else path
        if path.is_file() and os.access(path, os.R_OK):
            return path
    here = folder / FILE
    if here.is_file():
        if not folder.stat().st_mode & stat.S_IWOTH:
            return here
        notes.append(f"{folder} is a folder that everybody may write to: {FILE} in it is not read; see ANSIBLE_CONFIG")
    for path in (Path("~/.ansible.cfg").expanduser(), Path("/etc/ansible") / FILE):
        if path.is_file() and os.access(path, os.R_OK):
            return path
    return None


def _parse(file: Path) -> ConfigParser:
    import configparser

    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8-sig"), str(file))
    except configparser.Error as problem:
        raise SettingsError(
            f"Error reading config file ({file}): not an ini file: {' '.join(str(problem).split())}", where=file
        ) from None
    except UnicodeDecodeError:
        raise SettingsError("the file is not UTF-8 text", where=file) from None
    except OSError as problem:
        raise SettingsError(f"cannot read the file: {problem.strerror}", where=file) from None
    return parser


def _written(parser: ConfigParser | None) -> list[str]:
    from stella_ops.ansible_settings.table import QUIET_SECTIONS

    if parser is None:
        return []
    return [f"{s}.{key}" for s in parser.sections() if s not in QUIET_SECTIONS for key in parser[s]]


def _value(setting: Setting, text: str, folder: Path, where: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]

    def wrong(expected: str) -> SettingsError:
        file, bracket, _ = where.partition(" [")
        source = file if bracket else f"env: {where}"
        return SettingsError(
            f"Config '{setting.name}' from '{source}' has an invalid value: '{text}' is not {expected}", where=where
        )

    match setting.kind:
        case "flag":
            word = text.lower()
            if word and word not in TRUE_WORDS | FALSE_WORDS:
                raise wrong("yes or no")
            return word in TRUE_WORDS
        case "count":
            if not re.fullmatch(r"\d+", text):
                raise wrong("a whole number")
            return int(text)
        case "number":
            try:
                return float(text)
            except ValueError:
                raise wrong("a number") from None
        case "list":
            return [_bare(part.strip()) for part in text.split(",") if part.strip()]
        case "path":
            return _path(text, folder)
        case "paths":
            return [_path(part, folder) for part in text.split(":") if part]
        case "pathlist":
            return _sources(text, folder)
    if setting.choices and text not in setting.choices:
        raise wrong("one of " + ", ".join(setting.choices))
    return text or None


def _bare(word: str) -> str:
    """A word of a list without the quotes around it."""
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word


def _path(text: str, folder: Path) -> Path:
    expanded = os.path.expandvars(text.strip().replace("{{CWD}}", str(Path.cwd())))
    return folder / Path(expanded).expanduser()


def _sources(text: str, folder: Path) -> list[Path | str]:
    """Inventory sources: paths with commas between them, or host names."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if "," in text and not any((folder / Path(part).expanduser()).exists() for part in parts):
        return [text]
    return [_path(part, folder) for part in parts]
