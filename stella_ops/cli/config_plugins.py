"""Options of plug-ins, as ``ansible-config -t`` shows them: what there is to set, and what each is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from stella_ops.booleans import says_yes
from stella_ops.plugin_docs.kinds import CONFIGURABLE

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings

Options = Mapping[str, Mapping[str, Any]]


class OptionValue(NamedTuple):
    """An option and what it is; ``origin`` is a file, ``env: NAME``, ``default`` or ``REQUIRED``."""

    name: str
    value: Any
    origin: str


def kinds_of(kind: str) -> tuple[str, ...]:
    """The kinds of plug-ins that a type of settings asks for."""
    return CONFIGURABLE if kind == "all" else () if kind == "base" else (kind,)


def plugins_of(kind: str, names: Sequence[str], settings: AnsibleSettings) -> dict[str, Options]:
    """The options of plug-ins by their names: of some, or of all that are built in and configured.

    What cannot be read is passed over; what is not there is told.
    """
    from stella_ops.ansible_settings.plugin_folders import documented_folders
    from stella_ops.cli.doc_plugins import catalogue
    from stella_ops.errors import StellaError
    from stella_ops.plugin_docs.documents import document
    from stella_ops.plugin_docs.reading import Unreadable

    known = catalogue(settings, None, ())
    fragments = documented_folders("doc_fragment", settings)
    found: dict[str, Options] = {}
    for name in names or known.listed(kind, ("ansible.builtin", "ansible.legacy")):
        try:
            located = known.find(kind, name)
            if located is None:
                click.echo(f"[WARNING]: Skipping {name} as we could not find matching plugin", err=True)
                continue
            options = document(known, located, name, fragments)["doc"].get("options") or {}
        except (StellaError, Unreadable):
            continue
        found[name if names else located.short] = {
            key: {part: text for part, text in said.items() if (part, text) != ("version_added_collection", "")}
            for key, said in (options if isinstance(options, Mapping) else {}).items()
        }
    return dict(sorted(found.items()))


def values_of(options: Options, settings: AnsibleSettings, environ: Mapping[str, str]) -> Iterator[OptionValue]:
    """What options are, by their names."""
    from stella_ops.templating.plugins.both_errors import OptionWrong
    from stella_ops.templating.plugins.option_types import typed

    for name, said in sorted(options.items()):
        value, origin = _chosen(said, settings, environ)
        if value is None and origin == "default" and said.get("required"):
            origin = "REQUIRED"
        try:
            value = typed(value, said.get("type"))
        except OptionWrong as problem:
            click.echo(f"[WARNING]: {name}: {problem}", err=True)
        yield OptionValue(name, value, origin)


def _chosen(said: Mapping[str, Any], settings: AnsibleSettings, environ: Mapping[str, str]) -> tuple[Any, str]:
    """The last of the variables and the last of the places in ``ansible.cfg`` that are set count."""
    for entry in reversed(said.get("env") or []):
        if entry.get("name") in environ:
            return environ[entry["name"]], f"env: {entry['name']}"
    for entry in reversed(said.get("ini") or []):
        text = settings.sections.get(str(entry.get("section")), {}).get(str(entry.get("key")))
        if text is not None:
            return text, str(settings.file)
    return said.get("default"), "default"


def places(options: Options) -> Iterator[tuple[str, str]]:
    """Sections and keys of ``ansible.cfg`` that options are read from."""
    for said in options.values():
        for entry in said.get("ini") or ():
            yield str(entry.get("section")), str(entry.get("key"))


def variables(options: Options) -> Iterator[str]:
    """Variables of the environment that options are read from."""
    for said in options.values():
        yield from (str(entry.get("name")) for entry in said.get("env") or ())


def ini_lines(options: Options) -> Iterator[tuple[str, str, list[str], Any]]:
    """For each option that ``ansible.cfg`` may set: section, key, lines of explanation, and the default."""
    for _, said in sorted(options.items()):
        if said.get("ini"):
            place = said["ini"][-1]
            text = "\n# ".join(_texts(said.get("description")))
            yield str(place["section"]), str(place["key"]), [f"# ({said.get('type', 'string')}) {text}"], _plain(said)


def assignments(options: Options, style: str, *, disabled: bool) -> Iterator[str]:
    """Lines that set options by variables of the environment (``env``), or of the inventory (``vars``)."""
    for name, said in options.items():
        entries = said.get(style) or ()
        if not entries:
            continue
        text = "\n#".join(_texts(said.get("description")))
        yield f"# {name}({said.get('type', 'string')}): {text}"
        yield f"{'#' if disabled else ''}{entries[-1]['name']}{_written(said, style)}"
        yield ""


def _plain(said: Mapping[str, Any]) -> Any:
    """A default as a file has it."""
    default = said.get("default", "")
    if isinstance(default, list):
        return ", ".join(map(str, default))
    return "" if default is None else default


def _written(said: Mapping[str, Any], style: str) -> str:
    import json
    import shlex

    default = said.get("default", "")
    if style == "vars":
        return f": {json.dumps(default)}" if not isinstance(default, str) else f": {default or repr('')}"
    if said.get("type") in ("bool", "boolean"):
        return f"={int(says_yes(default))}"
    text = str(_plain(said))
    return f"={shlex.quote(text) if text else ''}"


def _texts(said: Any) -> Iterable[str]:
    return [said] if isinstance(said, str) else [str(text) for text in said or ()]
