"""Imports: task files and roles that become part of a play while it is read.

Keywords of the import go to all that it brings, as if it stood inside a block with them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.booleans import says_yes
from stella_ops.origins import Origin, key_origin, origin_of
from stella_ops.playbook.files import missing
from stella_ops.playbook.inheritance import fold
from stella_ops.playbook.keywords import is_template, spoken
from stella_ops.playbook.model import Block, Handler, Inherited, Role, Step
from stella_ops.playbook.roles import FROM, RoleReader, RoleUse

if TYPE_CHECKING:
    from stella_ops.playbook.tasks import TaskReader

_PREFIXES = ("ansible.builtin.", "ansible.legacy.", "")
IMPORTS = {f"{prefix}{name}": name for prefix in _PREFIXES for name in ("import_tasks", "import_role")}
_DEEPEST = 60


def import_of(raw: Mapping[Any, Any]) -> str | None:
    """The key of a task that makes it an import, or None."""
    return next((key for key in raw if isinstance(key, str) and key in IMPORTS), None)


class Importer:
    """Carries out the imports of one reader."""

    def __init__(self, reader: TaskReader) -> None:
        self._reader = reader

    def steps(self, raw: Mapping[Any, Any], key: str, parent: Inherited) -> list[Step]:
        """What an import among tasks brings: a block."""
        if self._refused(raw, key):
            return []
        inherited = fold(parent, raw, self._reader.problems)
        if IMPORTS[key] == "import_role":
            return self._role(raw, key, inherited)
        path = self._file(raw, key, inherited)
        if path is None:
            return []
        loaded = self._reader.load(path)
        inner = self._reader.within(path)
        body = inner.steps(loaded, at(inherited, path), "tasks", Origin(str(path)))
        return [Block(name=None, origin=origin_of(raw) or Origin(""), inherited=inherited, body=body)]

    def handlers(self, raw: Mapping[Any, Any], key: str, parent: Inherited) -> list[Handler]:
        """What an import among handlers brings."""
        if self._refused(raw, key):
            return []
        if IMPORTS[key] == "import_role":
            self._reader.problems.add(
                "Using 'import_role' as a handler is not supported.",
                where=key_origin(raw, key),
                hint="include_tasks can be one",
            )
            return []
        inherited = fold(parent, raw, self._reader.problems)
        path = self._file(raw, key, inherited, "handlers")
        if path is None:
            return []
        return self._reader.within(path).handlers(self._reader.load(path), at(inherited, path), Origin(str(path)))

    def _refused(self, raw: Mapping[Any, Any], key: str) -> bool:
        """Note keywords that have no meaning on an import, and imports without end."""
        problems, found = self._reader.problems, len(self._reader.problems.found)
        written = raw[key]
        if "apply" in raw or (isinstance(written, dict) and "apply" in written):
            said = f"conflicting action statements: {key}, apply"
            if isinstance(written, dict) and "apply" in written:
                said = f"Invalid options for {key}: apply"
            place = key_origin(raw if "apply" in raw else written, "apply")
            problems.add(said, where=place, hint="keywords of an import are for all its tasks")
        for name in raw:
            if name == "loop" or (isinstance(name, str) and name.startswith("with_")):
                problems.add(
                    f"You cannot use loops on '{key}' statements. You should use 'include_"
                    f"{IMPORTS[key].removeprefix('import_')}' instead.",
                    where=key_origin(raw, name),
                )
        if self._reader.depth > _DEEPEST:
            problems.add("task files import each other in a circle", where=key_origin(raw, key))
        return len(problems.found) > found

    def _arguments(self, raw: Mapping[Any, Any], key: str) -> dict[str, Any]:
        written = raw[key]
        extra = raw.get("args")
        args: dict[str, Any] = dict(extra) if isinstance(extra, dict) else {}
        if isinstance(written, dict):
            return {**args, **written}
        if isinstance(written, str):
            from stella_ops.playbook.free_form import parse_text

            free_form = IMPORTS[key] == "import_tasks"
            return {**args, **parse_text(written, free_form=free_form)}  # type: ignore[arg-type]
        if written is not None:
            self._reader.problems.add(
                f"'{key}' needs a name or a mapping, not {spoken(written)}", where=key_origin(raw, key)
            )
        return args

    def _file(self, raw: Mapping[Any, Any], key: str, inherited: Inherited, kind: str = "tasks") -> Path | None:
        args = self._arguments(raw, key)
        written = args.get("file", args.get("_raw_params"))
        where = origin_of(written) or key_origin(raw, key)
        if not isinstance(written, str) or not written.strip():
            self._reader.problems.add(f"No file specified for {key}: '{key}' needs the name of a file", where=where)
            return None
        told = f"Error when evaluating variable in import path {str(written)!r}: "
        name = str(self._reader.static(written, inherited, saying=told))
        if is_template(name):
            return None  # told already
        tried = candidates(name, inherited, self._reader.playbook_folder, kind)
        for path in tried:
            if path.is_file():
                return path
        self._reader.problems.found.append(missing("the task file", name, tried, where))
        return None

    def _role(self, raw: Mapping[Any, Any], key: str, inherited: Inherited) -> list[Step]:
        written = self._arguments(raw, key)
        args = {name: self._reader.static(value, inherited, exit_code=1) for name, value in written.items()}
        use = role_use(args, key_origin(raw, key), self._reader, key)
        if use is None:
            return []
        use.given = dict(raw["vars"]) if isinstance(raw.get("vars"), dict) else {}
        blocks = RoleReader(self._reader, imported=True).use(use, inherited, parents_of(inherited))
        place = origin_of(raw) or Origin("")
        return [Block(name=None, origin=place, inherited=inherited, body=[*blocks])]


def role_use(args: Mapping[str, Any], where: Origin | None, reader: TaskReader, what: str) -> RoleUse | None:
    """The use of a role that the arguments of ``include_role`` or ``import_role`` ask for."""
    name = args.get("name", args.get("role"))
    if not isinstance(name, str) or not name.strip():
        reader.problems.add(f"'name' is a required field for {what}.", where=where)
        return None
    known = {"name", "role", "public", "allow_duplicates", "rolespec_validate", "apply", *(f"{k}_from" for k in FROM)}
    unknown = [key for key in args if key not in known]
    if unknown:
        reader.problems.add(
            f"Invalid options for {what}: {','.join(unknown)}", where=where, hint=f"known: {', '.join(sorted(known))}"
        )
        return None
    duplicates = args.get("allow_duplicates")
    return RoleUse(
        str.__str__(name),
        where,
        named=origin_of(name),
        files={kind: str(args[f"{kind}_from"]) for kind in FROM if args.get(f"{kind}_from")},
        included=True,
        public=None
        if what.endswith("import_role") and args.get("public") is None
        else _flag(args.get("public"), default=False),
        allow_duplicates=_flag(duplicates, default=True),
        validate=_flag(args.get("rolespec_validate"), default=True),
    )


def _flag(value: Any, *, default: bool) -> bool:
    return default if value is None else says_yes(value)


def parents_of(inherited: Inherited) -> tuple[Role, ...]:
    """The roles that a role which is used here is used by."""
    role = inherited.role
    return () if role is None else (*role.chain, role)


def at(inherited: Inherited, path: Path) -> Inherited:
    """The keywords for what is read from a file."""
    made = copy.copy(inherited)
    made.folder = str(path.parent)
    return made


def candidates(name: str, inherited: Inherited, playbook_folder: Path, kind: str = "tasks") -> list[Path]:
    """Where a task file may be that is named at a place, the best first."""
    path = Path(name).expanduser()
    if path.is_absolute():
        return [path]
    places: list[Path] = []
    role = inherited.role
    if role is not None:
        places += [Path(role.folder) / kind, Path(role.folder) / "tasks", Path(role.folder)]
    if inherited.folder:
        places.insert(0, Path(inherited.folder))
        places += [Path(inherited.folder) / kind]
    places += [playbook_folder, playbook_folder / kind]
    return list(dict.fromkeys(place / path for place in places))
