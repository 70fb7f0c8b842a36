"""What roles say of themselves: the entry points and options of their argument specifications."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from stella_ops.collections import current
from stella_ops.errors import ParseError, StellaError

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings
    from stella_ops.plugin_docs.look import Look

_INDENT = " " * 10
# Where a role may have its specification; the first that is there counts.
_FILES = ("argument_specs.yml", "argument_specs.yaml", "main.yml", "main.yaml")


class RoleDoc(NamedTuple):
    """A role with a specification.

    Attributes:
        collection: the one that it is of, None where it is of none.
        points: what each entry point says of itself, by its name.
        about: ``galaxy_info`` of its meta data.
        problem: why it cannot be read, None where it can.
    """

    name: str
    folder: Path
    collection: str | None
    points: Mapping[str, Any]
    about: Mapping[str, Any]
    problem: str | None = None

    def summary(self) -> dict[str, Any]:
        """What a list of roles has of it."""
        points = {point: (spec or {}).get("short_description", "") for point, spec in self.points.items()}
        told = {**(self.about or {"description": "UNDOCUMENTED"}), "entry_points": points}
        return {**told, "collection": self.collection} if self.collection else told

    def whole(self, point: str | None) -> dict[str, Any]:
        """All of it, or of one entry point."""
        return {
            "collection": self.collection,
            "path": str(self.folder),
            "entry_points": {name: spec or {} for name, spec in self.points.items() if point in (None, name)},
        }


def find_roles(folders: Sequence[Path], names: Sequence[str] = ()) -> list[RoleDoc]:
    """The roles that have a specification, by their names.

    Args:
        folders: of roles; those of installed collections come after them.
        names: only these, a collection's by its full name or by that of the role alone; all where there are none.
    """
    found: dict[str, RoleDoc] = {}
    for folder, collection in _folders(folders):
        for role in sorted(folder.iterdir()) if folder.is_dir() else ():
            full = f"{collection}.{role.name}" if collection else role.name
            if full in found or (names and not {full, role.name} & set(names)):
                continue
            file = next((role / "meta" / name for name in _FILES if (role / "meta" / name).is_file()), None)
            if file is not None:
                # What a collection's role is told to be in is the collection.
                found[full] = _read(full, file, role if collection is None else folder.parent, collection)
    return [found[name] for name in sorted(found)]


def _folders(folders: Sequence[Path]) -> Iterator[tuple[Path, str | None]]:
    yield from ((folder, None) for folder in folders)
    installed = current()
    for root, names in installed.by_folder(None).items():
        for name in names:
            yield root.joinpath(*name.split("."), "roles"), name


def _read(name: str, file: Path, folder: Path, collection: str | None) -> RoleDoc:
    from stella_ops.plugin_docs.reading import load_yaml_file

    about: Any = {}
    try:
        loaded: Any = load_yaml_file(file)
        main = next((file.parent / each for each in _FILES[2:] if (file.parent / each).is_file()), None)
        about = load_yaml_file(main) if main is not None else {}
    except (ValueError, OSError) as problem:
        return RoleDoc(name, folder, collection, {}, {}, str(problem))
    if loaded is not None and not isinstance(loaded, dict):
        return RoleDoc(name, folder, collection, {}, {}, f"{file}: the specification must be a mapping")
    points = (loaded or {}).get("argument_specs")
    galaxy = about.get("galaxy_info") if isinstance(about, dict) and "argument_specs" in about else None
    return RoleDoc(name, folder, collection, points or {}, galaxy or {})


def folders(named: Iterable[str], beside: Path | None, settings: AnsibleSettings) -> list[Path]:
    """The folders of roles, the first to look in first.

    Args:
        named: by ``--roles-path``.
        beside: the folder of playbooks whose roles count.
    """
    from stella_ops.cli.workplace import roles_path
    from stella_ops.module_folders import split_paths

    found = [*(folder for text in named for folder in split_paths(text)), *roles_path(Path.cwd(), settings)]
    if beside is not None:
        place = beside.absolute()
        found = [*([place / "roles"] if (place / "roles").is_dir() else []), *found, place]
    return found


def dump(places: Sequence[Path], only: Sequence[str], lenient: bool) -> dict[str, Any]:
    """All that roles say, or those of some collections, by their names.

    Raises:
        StellaError: what one says cannot be read, and that is no part of what is asked for.
    """
    found = [role for role in find_roles(places) if not only or role.collection in only]
    return {role.name: role.whole(None) for role in _sound(found, lenient) if role.points}


def _sound(roles: Iterable[RoleDoc], lenient: bool) -> list[RoleDoc]:
    """The roles that can be read; the others are told of, or the first of them is an error."""
    found = []
    for role in roles:
        short = role.name.rpartition(".")[2]
        said = f"Failed to process role ({short}): {role.problem}"
        if role.problem is None:
            found.append(role)
        elif lenient:
            click.echo(f"[WARNING]: Skipping role ({short}) due to: {said}", err=True)
        else:
            raise StellaError(said)
    return found


def show_roles(roles: Sequence[RoleDoc], *, listed: bool, point: str | None, as_json: bool, look: Look) -> None:
    """Print roles: a list, or all that they say.

    Raises:
        StellaError: what one says cannot be read, or has no meaning.
    """
    from stella_ops.cli.doc import print_json, print_text

    sound = _sound(roles, lenient=listed)
    wholes = {} if listed else {role.name: role.whole(point) for role in sound}
    wholes = {name: whole for name, whole in wholes.items() if whole["entry_points"]}
    if as_json:
        print_json({role.name: role.summary() for role in sound} if listed else wholes)
    elif listed:
        width = max((len(name) for role in sound for name in role.points), default=0)
        limit = look.columns - width - 5
        for role in sound:
            said = role.summary()["entry_points"]
            lines = [f"    {name:{width}}: {_cut(text, limit)}" for name, text in said.items()]
            click.echo("\n".join([f"{role.name}:", "  specs:", *lines] if lines else [role.name]))
    else:
        texts = [line for name, whole in wholes.items() for line in _text(name, whole, look)]
        if texts:
            print_text("\n".join(texts))


def _cut(text: str, limit: int) -> str:
    return f"{text[:limit]}..." if len(text) > limit else text


def _text(name: str, whole: Mapping[str, Any], look: Look) -> list[str]:
    from stella_ops.plugin_docs.options import UnfitDocumentation

    lines = [f"> ROLE: {look.strong(name)} ({whole['path']})"]
    for point, spec in whole["entry_points"].items():
        if spec.get("attributes"):
            said = (
                f'The role {name}\'s argument spec {point} contains the key "attributes", which will not be displayed'
            )
            current().say(f"{said} by ansible-doc in the future.", deprecated=True)
        try:
            lines += _point(point, spec, look)
        except (AttributeError, TypeError, UnfitDocumentation) as problem:
            error = StellaError(f"Error extracting role docs from '{name}': {problem}")
            error.exit_code = ParseError.exit_code
            raise error from None
    return lines


def _point(name: str, spec: Mapping[str, Any], look: Look) -> Iterator[str]:
    """The lines about an entry point."""
    from stella_ops.plugin_docs.look import fill
    from stella_ops.plugin_docs.markup import render
    from stella_ops.plugin_docs.options import describe, dump, indented
    from stella_ops.plugin_docs.page import attributes, examples_text

    short = spec.get("short_description")
    yield from ("", f"ENTRY POINT: {look.strong(name)} {f'- {short}' if short else ''}", "")
    said = spec.get("description")
    if said:
        for text in said if isinstance(said, list) else [said]:
            yield fill(render(text, look), look.limit, _INDENT, _INDENT)
        yield ""
    if spec.get("options"):
        yield f"{look.bold('Options')} ({'=' if look.plain else 'red'} indicates it is required):"
        yield from describe(spec["options"], look, _INDENT)
    if spec.get("attributes"):
        yield from attributes(spec["attributes"], look, _INDENT)
    author = spec.get("author")
    if isinstance(author, str):
        yield from ("", f"AUTHOR: {fill(render(author, look), look.limit - 8, '', _INDENT)}")
    elif isinstance(author, list):
        yield from ("", f"AUTHOR: {', '.join(map(str, author))}")
    elif author is not None:
        yield from ("", indented(dump({"AUTHOR": author}), "", look))
    if spec.get("examples"):
        yield from ("", look.bold("EXAMPLES:"), examples_text(spec["examples"]))
