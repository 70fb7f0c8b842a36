"""``stella-ops config``: what ``ansible.cfg`` and ``ANSIBLE_*`` say, in the forms of ansible-config."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stella_ops.cli.ansible_programs import AnsibleCommand
from stella_ops.cli.config_plugins import (
    assignments,
    ini_lines,
    kinds_of,
    places,
    plugins_of,
    values_of,
    variables,
)
from stella_ops.cli.versions import version_option
from stella_ops.plugin_docs.kinds import CONFIGURABLE

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings
    from stella_ops.ansible_settings.setting import Setting
    from stella_ops.ansible_settings.values import Value
    from stella_ops.cli.config_plugins import OptionValue

# Variables that programs around ansible-core read, and those that say where its files are.
_OF_TOOLS = ("ANSIBLE_TEST_", "ANSIBLE_LINT_")
_NO_SETTINGS = {"ANSIBLE_CONFIG", "ANSIBLE_DEV_HOME"}
_TYPES = {
    "text": "string",
    "flag": "boolean",
    "count": "integer",
    "number": "float",
    "list": "list",
    "path": "path",
    "paths": "pathspec",
    "pathlist": "pathlist",
}


_KINDS = ("all", "base", *CONFIGURABLE)
# These are of plug-ins in ansible-core: connections', callbacks'.
_OF_PLUGINS = frozenset(
    {
        "BECOME_PASS",
        "JSON_INDENT",
        "CALLBACK_FORMAT_PRETTY",
        "CALLBACK_RESULT_FORMAT",
        "CALLBACK_TREE_DIR",
        "CHECK_MODE_MARKERS",
    }
    | {"DISPLAY_FAILED_STDERR", "DISPLAY_OK_HOSTS", "REMOTE_TMP", "SCP_EXTRA_ARGS", "SCP_IF_SSH", "SFTP_EXTRA_ARGS"}
    | {"SHOW_PER_HOST_START", "SHOW_TASK_PATH_ON_FAILURE", "SSH_ARGS", "SSH_COMMON_ARGS", "SSH_CONTROL_PATH"}
    | {"SSH_CONTROL_PATH_DIR", "SSH_EXECUTABLE", "SSH_EXTRA_ARGS", "SSH_RETRIES", "SSH_USETTY"}
)


@click.group(
    epilog="""\b
Examples:
  stella-ops config dump --only-changed          what is set here, and where
  stella-ops config init --disabled > ansible.cfg
  stella-ops config view
  stella-ops config validate                     settings that nothing knows

\b
Exit status: 0 done, 1 there is no ansible.cfg to view, or validate found something, 4 it is wrong."""
)
@version_option("config")
@click.option("-v", "--verbose", count=True, hidden=True, expose_value=False)
def config() -> None:
    """Show the settings of ansible.cfg and ANSIBLE_* that have a meaning here; docs/ansible-settings.md tells each."""


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("-c", "--config", "file", metavar="FILE", help="This file in place of the one that is found."),
        click.argument("plugins", nargs=-1, metavar="[PLUGIN]..."),
        click.option(
            "-t", "--type", "kind", type=click.Choice(_KINDS), default="base", help="Settings, or options of plug-ins."
        ),
        click.option("-v", "--verbose", count=True, hidden=True),
    ):
        command = option(command)
    return command


@config.command(cls=AnsibleCommand)
@_common
@click.option("--only-changed", "--changed-only", is_flag=True, help="Only what is not as by default.")
@click.option("--format", "-f", "style", type=click.Choice(["display", "json", "yaml"]), default="display")
def dump(file: str | None, only_changed: bool, style: str, kind: str, plugins: tuple[str, ...], **_: Any) -> int:
    """Each setting, where it comes from, and its value; with -t options of plug-ins, all or those of some."""
    import os

    from stella_ops.cli.ansible_programs import called_as_ansible
    from stella_ops.cli.config_galaxy import server_values

    settings = _read(file)
    theirs = called_as_ansible()
    rows: list[tuple[str, str, Any]] = []
    if kind in ("all", "base"):
        known = [value for value in _values(settings) if not only_changed or value.origin != "default"]
        known = [value for value in known if not theirs or value.setting.name not in _OF_PLUGINS]
        rows = [(each.setting.name, each.origin, _plain(each.value)) for each in known]
        rows.append(("CONFIG_FILE", "", None if settings.file is None else str(settings.file)))
        rows.sort()
    of_plugins = {each: _dumped(each, plugins, settings, only_changed) for each in kinds_of(kind)}
    with_servers = theirs and kind in ("all", "base")
    servers = (
        server_values(settings, os.environ, only_changed=only_changed and style == "display") if with_servers else {}
    )
    if style == "display":
        lines = [f"{name}({origin}) = {value}" for name, origin, value in rows]
        below = bool(servers) or any(of_plugins.values())
        lines += ["", "GALAXY_SERVERS:", *([""] if below else [])] if with_servers else []
        for name, values in servers.items():
            lines += [
                "",
                name,
                "=" * len(name),
                *(f"{key}({origin}) = {value}" for key, value, origin in sorted(values)),
            ]
        for each, found in of_plugins.items():
            if kind == "all" and (found or not only_changed):
                lines += ["", f"{each.upper()}:", "=" * len(each)]
            for name, entries in found.items():
                lines += ["", f"{name}:", "_" * len(name)]
                lines += [f"{entry['name']}({entry['origin']}) = {entry['value']}" for entry in entries]
        click.echo("\n".join(lines))
        return 0
    told: list[Any] = [{"name": name, "origin": origin, "value": value} for name, origin, value in rows]
    if with_servers:
        told.append({"GALAXY_SERVERS": {name: [_server(each) for each in found] for name, found in servers.items()}})
    for each, found in of_plugins.items():
        shown = [{name: entries} for name, entries in found.items()]
        told += [{f"{each.upper()}_PLUGINS": shown}] if kind == "all" else shown
    _show(told, style)
    return 0


def _server(found: OptionValue) -> dict[str, Any]:
    return {"name": found.name, "origin": found.origin, "type": None, "value": found.value}


def _dumped(
    kind: str, names: tuple[str, ...], settings: AnsibleSettings, only_changed: bool
) -> dict[str, list[dict[str, Any]]]:
    """The values of plug-ins' options by the names of the plug-ins; only those that have any."""
    import os

    found = {}
    for plugin, options in plugins_of(kind, names, settings).items():
        entries = [
            {"name": each.name, "origin": each.origin, "value": _plain(each.value)}
            for each in values_of(options, settings, os.environ)
            if not only_changed or each.origin not in ("default", "REQUIRED")
        ]
        if entries:
            found[plugin] = entries
    return found


@config.command("list", cls=AnsibleCommand)
@_common
@click.option("--format", "-f", "style", type=click.Choice(["json", "yaml"]), default="yaml")
def list_settings(file: str | None, style: str, kind: str, plugins: tuple[str, ...], **_: Any) -> int:
    """Each setting, what it does, and where it may be written; with -t options of plug-ins."""
    told: dict[str, Any] = (
        {}
        if kind not in ("all", "base")
        else {
            value.setting.name: {
                "default": _plain(value.value),
                "description": [_does(value.setting)],
                "env": [{"name": name} for name in value.setting.env],
                "ini": [dict(zip(("section", "key"), place.split(".", 1), strict=True)) for place in value.setting.ini],
                "type": _TYPES[value.setting.kind],
                **({"choices": list(value.setting.choices)} if value.setting.choices else {}),
            }
            for value in _values(None)
        }
    )
    if kind != "base":
        settings = _read(file)
        told["PLUGINS"] = {
            each.upper() if kind == "all" else each: dict(plugins_of(each, plugins, settings))
            for each in kinds_of(kind)
        }
    _show(told, style)
    return 0


@config.command(cls=AnsibleCommand)
@_common
@click.option("--disabled", is_flag=True, help="With every line commented out.")
@click.option("--format", "-f", "style", type=click.Choice(["ini", "env", "vars"]), default="ini")
def init(file: str | None, disabled: bool, style: str, kind: str, plugins: tuple[str, ...], **_: Any) -> int:
    """An ansible.cfg with all settings as they are by default; with -t options of plug-ins."""
    settings = _read(file) if kind != "base" else None
    of_plugins = [] if settings is None else [plugins_of(each, plugins, settings) for each in kinds_of(kind)]
    base = list(_values(None)) if kind in ("all", "base") else []
    if style != "ini":
        for each in base if style == "env" else ():
            for name in each.setting.env[:1]:
                click.echo(f"# ({_TYPES[each.setting.kind]}) {_does(each.setting)}")
                click.echo(f"{'#' if disabled else ''}{name}={_written(each.value)}\n")
        for options in (options for found in of_plugins for options in found.values()):
            for line in assignments(options, style, disabled=disabled):
                click.echo(line)
        return 0
    sections: dict[str, list[str]] = {}
    written: set[tuple[str, str]] = set()

    def add(section: str, key: str, explained: list[str], default: Any) -> None:
        if (section, key) not in written:
            written.add((section, key))
            line = f"{';' if disabled else ''}{key}={default}"
            sections.setdefault(section, []).extend([*explained, line, ""])

    for each in base:
        for place in each.setting.ini[:1]:
            section, key = place.split(".", 1)
            add(section, key, [f"# ({_TYPES[each.setting.kind]}) {_does(each.setting)}"], _written(each.value))
    for options in (options for found in of_plugins for options in found.values()):
        for section, key, explained, default in ini_lines(options):
            add(section, key, explained, default)
    for section, lines in sections.items():
        click.echo("\n".join([f"[{section}]", *lines]))
    return 0


@config.command(cls=AnsibleCommand)
@_common
def view(file: str | None, **_: Any) -> int:
    """The ansible.cfg that counts, as it is."""
    from stella_ops.errors import SettingsError

    found = _read(file).file
    if found is None:
        click.echo("[ERROR]: Invalid or no config file was supplied", err=True)
        return 1
    try:
        click.echo(found.read_text(encoding="utf-8", errors="replace"), nl=False)
    except OSError as problem:
        raise SettingsError(f"cannot read the file: {problem.strerror}", where=found) from None
    return 0


@config.command(cls=AnsibleCommand)
@_common
@click.option("--format", "-f", "style", type=click.Choice(["ini", "env"]), default="ini", help="What to look at.")
def validate(file: str | None, style: str, kind: str, plugins: tuple[str, ...], **_: Any) -> int:
    """Look for settings that nothing knows: in ansible.cfg, or with ``-f env`` among ANSIBLE_* of the environment."""
    import os

    from stella_ops.cli.config_galaxy import servers

    settings = _read(file)
    options = [each for of in kinds_of(kind) for each in plugins_of(of, plugins, settings).values()]
    if kind in ("all", "base"):
        options += servers(settings, os.environ).values()
    if style == "ini":
        unknown = _unknown_words(settings, kind, {place for each in options for place in places(each)})
    else:
        unknown = _unknown_variables(kind, {name for each in options for name in variables(each)})
    for text in unknown:
        click.echo(f"[ERROR]: {text}", err=True)
    if unknown:
        return 1
    click.echo("All configurations seem valid!")
    return 0


def _known(kind: str) -> list[Setting]:
    """The settings that are known where some are looked at: ansible-config tells those of plug-ins apart."""
    from stella_ops.ansible_settings.values import by_name
    from stella_ops.cli.ansible_programs import called_as_ansible

    if kind not in ("all", "base"):
        return []
    return [each for each in by_name().values() if not called_as_ansible() or each.name not in _OF_PLUGINS]


def _unknown_words(settings: AnsibleSettings, kind: str, of_plugins: set[tuple[str, str]]) -> list[str]:
    found = settings.file
    known = {tuple(place.split(".", 1)) for setting in _known(kind) for place in setting.ini} | of_plugins
    told = []
    if not known:
        return []
    for section, keys in settings.sections.items():
        if section not in {name for name, _ in known}:
            told.append(f"Found unknown section '{section}' in '{found}.")
            continue
        strangers = [key for key in keys if (section, key) not in known]
        told += [f"Found unknown key '{key}' in section '{section}' in '{found}." for key in strangers]
    return told


def _unknown_variables(kind: str, of_plugins: set[str]) -> list[str]:
    import os

    known = {name for setting in _known(kind) for name in setting.env} | _NO_SETTINGS | of_plugins
    mine = [name for name in os.environ if name.startswith("ANSIBLE_") and not name.startswith(_OF_TOOLS)]
    return [f"Found unknown environment variable '{name}'." for name in mine if name not in known]


def _read(file: str | None) -> AnsibleSettings:
    import os

    from stella_ops.ansible_settings.reading import read_ansible_settings
    from stella_ops.cli.ansible_programs import called_as_ansible
    from stella_ops.errors import SettingsError, UsageError

    try:
        if file is not None and not Path(file).is_file():
            path = Path(file).absolute()
            raise UsageError(f"The provided configuration file is missing or not accessible: {path}")
        environ = os.environ if file is None else {**os.environ, "ANSIBLE_CONFIG": str(Path(file).absolute())}
        return read_ansible_settings(environ, Path.cwd())
    except (SettingsError, UsageError) as problem:
        if called_as_ansible():
            problem.exit_code = 5
        raise


def _values(settings: AnsibleSettings | None) -> Iterable[Value]:
    """The settings by name: those that have a meaning, and for ansible-config all; None asks for their defaults."""
    import os

    from stella_ops.ansible_settings.reading import NOTHING_SET
    from stella_ops.ansible_settings.values import values
    from stella_ops.cli.ansible_programs import called_as_ansible
    from stella_ops.cli.tolerance import STRICT

    for each in values(settings or NOTHING_SET, os.environ if settings else {}):
        if called_as_ansible():
            yield each
        elif each.setting.used:
            strict = each.origin == "default" and each.setting.name in STRICT
            yield each._replace(value=STRICT[each.setting.name]) if strict else each


def _does(setting: Setting) -> str:
    return setting.does or "It has no meaning here."


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _written(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _show(told: Any, style: str) -> None:
    if style == "json":
        click.echo(json.dumps(told, indent=4, sort_keys=True))
        return
    import yaml

    click.echo(yaml.safe_dump(told, default_flow_style=False, allow_unicode=True), nl=False)
