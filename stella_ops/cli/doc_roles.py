"""What roles say of themselves: the entry points and options of their argument specifications."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from stella_ops.collections import current
from stella_ops.errors import ParseError

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
        told = {"collection": self.collection, "path": str(self.folder)}
        if self.problem is not None:
            return {**told, "error": self.problem}
        return {
            **told,
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
    from stella_ops.source_files import load_yaml_file

    about: Any = {}
    try:
        loaded: Any = load_yaml_file(file)
        main = next((file.parent / each for each in _FILES[2:] if (file.parent / each).is_file()), None)
        about = load_yaml_file(main) if main is not None else {}
    except (ParseError, OSError) as problem:
        return RoleDoc(name, folder, collection, {}, {}, f"Error while loading role argument spec: {problem}")
    points = loaded.get("argument_specs") if isinstance(loaded, dict) else None
    galaxy = about.get("galaxy_info") if isinstance(about, dict) else None
    return RoleDoc(name, folder, collection, points or {}, galaxy or {})


def show_roles(roles: Sequence[RoleDoc], *, listed: bool, point: str | None, as_json: bool) -> None:
    """Print roles: a list, or all that they say."""
    if as_json:
        told = {role.name: role.summary() if listed else role.whole(point) for role in roles}
        shown = {name: each for name, each in told.items() if listed or each.get("entry_points", True)}
        click.echo(json.dumps(shown, indent=4, sort_keys=True, default=str))
    elif listed:
        width = max((len(name) for role in roles for name in role.points), default=0)
        for role in roles:
            lines = [f"    {name:{width}}: {said}" for name, said in role.summary()["entry_points"].items()]
            click.echo("\n".join([f"{role.name}:", "  specs:", *lines] if lines else [role.name]))
    else:
        texts = [_text(role, point) for role in roles if role.problem or role.whole(point)["entry_points"]]
        if texts:
            click.echo("\n\n".join(texts))


def _text(role: RoleDoc, point: str | None) -> str:
    lines = [f"> ROLE: {role.name} ({role.folder})"]
    if role.problem is not None:
        return "\n".join([*lines, "", role.problem])
    for name, spec in role.whole(point)["entry_points"].items():
        short = spec.get("short_description")
        lines += ["", f"ENTRY POINT: {name}{f' - {short}' if short else ''}"]
        said = _lines(spec.get("description"))
        lines += ["", *(f"  {line}" for line in said)] if said else []
        if spec.get("options"):
            lines += ["", "Options (= is required):", *_options(spec["options"], "  ")]
        if spec.get("author"):
            lines += ["", f"AUTHOR: {', '.join(_lines(spec['author']))}"]
    return "\n".join(lines)


def _options(options: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, option in sorted(options.items()):
        spec = option or {}
        yield f"{indent}{'=' if spec.get('required') else '-'} {name}"
        for line in _lines(spec.get("description")):
            yield f"{indent}    {line}"
        for key in ("choices", "default", "elements", "type"):
            if key in spec or (key == "default" and not spec.get("required")):
                value = spec.get(key)
                shown = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else json.dumps(value).strip('"')
                yield f"{indent}    {key}: {shown}"
        if spec.get("options"):
            yield f"{indent}    options:"
            yield from _options(spec["options"], f"{indent}      ")


def _lines(said: Any) -> list[str]:
    return [str(line) for line in said] if isinstance(said, list) else [str(said)] if said else []
