"""Roles: their files read, and what they come to in one place where they are used.

A role's tasks become a block that stands for it, behind those of the roles it depends on; its handlers join those of
the play. Keywords, variables and parameters follow ansible-core's documentation ("Roles").
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops import collections as installed
from stella_ops.collections.resolving import explain
from stella_ops.errors import CollectionError, PlaybookError
from stella_ops.origins import Origin, SourceMapping, SourceText, key_origin, origin_of
from stella_ops.playbook.files import FoundRole, inside, missing
from stella_ops.playbook.inheritance import fold
from stella_ops.playbook.keywords import ROLE, check_values, is_template, spoken
from stella_ops.playbook.model import Block, Handler, Inherited, Role
from stella_ops.playbook.module_names import collection_of, read_collections, search_list
from stella_ops.playbook.variables import load_vars_file

if TYPE_CHECKING:
    from stella_ops.playbook.tasks import TaskReader

_DEEPEST = 40
FROM = ("tasks", "vars", "defaults", "handlers")


@dataclass(slots=True)
class RoleUse:
    """One use of a role.

    Attributes:
        files: names of files in place of ``main``, by kind (``tasks``, ``vars``, ``defaults``, ``handlers``).
        included: by ``include_role`` or ``import_role``, and not in ``roles``.
        validate: check the arguments that the role specifies.
        named: where its name is written.
    """

    name: str
    origin: Origin | None
    keywords: Mapping[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    included: bool = False
    public: bool | None = None
    allow_duplicates: bool | None = None
    validate: bool = True
    named: Origin | None = None


def read_entry(raw: Any, reader: TaskReader, what: str) -> RoleUse | None:
    """An entry of ``roles`` or of a role's ``dependencies``; None, with a problem noted, when it is none."""
    where = origin_of(raw)
    if isinstance(raw, str):
        return RoleUse(_plain_name(reader.static(raw, exit_code=1)), where)
    if not isinstance(raw, dict):
        reader.problems.add(f"an entry of '{what}' must be a role's name or a mapping, not {spoken(raw)}", where=where)
        return None
    name = raw.get("role", raw.get("name"))
    if not isinstance(name, str) or not name.strip():
        hint = "a role from Galaxy is installed first: ansible-galaxy install" if "src" in raw else None
        text = f"role definitions must contain a role name: an entry of '{what}' needs the name of a role under 'role'"
        reader.problems.add(text, where=where, hint=hint, exit_code=1)
        return None
    check_values({key: value for key, value in raw.items() if key in ROLE}, reader.problems)
    params = {key: value for key, value in raw.items() if key not in ROLE and isinstance(key, str)}
    keywords = SourceMapping(getattr(raw, "origin", None) or Origin(""))
    for key, value in raw.items():
        if key in ROLE and key not in ("role", "name", "vars"):
            keywords[key] = value
            place = key_origin(raw, key)
            if place is not None:
                keywords.key_origins[key] = place
    given = raw.get("vars")
    return RoleUse(
        _plain_name(reader.static(name, exit_code=1)),
        where,
        named=origin_of(name),
        keywords=keywords,
        params=params,
        given=dict(given) if isinstance(given, dict) else {},
    )


def _shown_name(found: FoundRole) -> str:
    if found.collection is not None:  # without the folders inside the collection
        return f"{found.collection}.{found.name.rpartition('.')[2]}"
    return found.name.rstrip("/").rpartition("/")[2] if Path(found.name).is_absolute() else found.name


def _plain_name(name: Any) -> str:
    return str.__str__(name) if isinstance(name, str) else str(name)


class RoleReader:
    """Reads the roles that one file's tasks use.

    Args:
        reader: of the tasks around; its place says where roles are looked for.
        imported: by a task.
    """

    def __init__(self, reader: TaskReader, *, imported: bool = False) -> None:
        self._reader = reader
        self._imported = imported

    def use(self, use: RoleUse, parent: Inherited, parents: tuple[Role, ...] = ()) -> list[Block]:
        """The blocks of a role and of those it depends on, in the order they run.

        Args:
            parent: keywords of what is around it.
            parents: the roles that use it, outermost first.
        """
        role, blocks = self._read(use, parent, parents)
        if role is None:
            return []
        self._reader.parts.roles.append(role)
        return blocks

    def _read(self, use: RoleUse, parent: Inherited, parents: tuple[Role, ...]) -> tuple[Role | None, list[Block]]:
        reader = self._reader
        if len(parents) > _DEEPEST:
            names = " → ".join(role.name for role in parents[:6])
            said = f"roles depend on each other in a circle: {names} …"
            told = f"A recursion loop was detected with the roles specified: {said}"
            reader.problems.add(told, where=use.origin, exit_code=1)
            return None, []
        if is_template(use.name):
            return None, []  # that it cannot be known is told already
        beside = Path(parents[-1].folder) if parents else None
        if beside is None and parent.role is not None:
            beside = Path(parent.role.folder)
        search = parents[-1].collections if parents and not use.included else reader.search(parent)
        try:
            found = reader.files.find_role(use.name, reader.playbook_folder, beside, search)
            folder = found.folder
            if folder is None:
                hint = explain(installed.current(), "role", use.name)
                reader.problems.found.append(missing("the role", use.name, found.tried, use.named or use.origin, hint))
                return None, []
        except CollectionError as problem:
            reader.problems.add(problem.message, where=use.origin, hint=problem.where)
            return None, []
        if found.collection is None:
            reader.modules.add_role(folder)
        role = Role(
            name=_shown_name(found),
            # As ansible-core has it: links are followed, but not those of an installed collection.
            folder=str(folder.resolve() if found.collection is None else folder.absolute()),
            collection=found.collection,
            params=use.params,
            given=use.given,
            chain=parents,
            public=use.public,
            included=use.included,
        )
        try:
            role.defaults = self._variables(folder, "defaults", use)
            role.vars = self._variables(folder, "vars", use)
            meta = self._meta(folder)
        except PlaybookError as problem:
            reader.problems.take(problem)
            return None, []
        named = read_collections(meta, reader.problems) or []
        own = found.collection or collection_of(reader.playbook_folder)
        role.collections = search_list([*([own] if own else []), *named])
        duplicates = use.allow_duplicates
        role.allow_duplicates = bool(meta.get("allow_duplicates", False)) if duplicates is None else duplicates
        role.key = _key(use, role)
        inherited = fold(parent, use.keywords, reader.problems)
        blocks: list[Block] = []
        dependencies: list[Role] = []
        for entry in self._dependencies(meta):
            needed, needed_blocks = self._read(entry, inherited, (*parents, role))
            if needed is not None:
                dependencies += [*needed.dependencies, needed]
                blocks += needed_blocks
        role.dependencies = tuple(dependencies)
        inside_role = copy.copy(inherited)
        inside_role.role, inside_role.folder, inside_role.collections = role, None, list(role.collections)
        self._read_handlers(folder, use, inside_role)
        blocks.append(self._block(folder, use, role, inside_role, meta))
        return role, blocks

    def _block(self, folder: Path, use: RoleUse, role: Role, inherited: Inherited, meta: Mapping[str, Any]) -> Block:
        reader = self._reader
        body = []
        found = self._part(folder, "tasks", use)
        validation = self._validation(folder, use, role, meta) if use.validate else None
        if validation is not None:
            body += reader.steps([validation], inherited, "tasks", use.origin)
        if found:
            inner = reader.within(found[0])
            body += inner.steps(self._reader.load(found[0]), _at(inherited, found[0]), "tasks", Origin(str(found[0])))
        return Block(name=None, origin=use.origin or Origin(""), inherited=inherited, body=body, role=role)

    def _read_handlers(self, folder: Path, use: RoleUse, inherited: Inherited) -> None:
        found = self._part(folder, "handlers", use)
        if found:
            inner = self._reader.within(found[0])
            place = Origin(str(found[0]))
            handlers: list[Handler] = inner.handlers(self._reader.load(found[0]), _at(inherited, found[0]), place)
            if handlers:
                parts = self._reader.parts
                (parts.imported if self._imported else parts.handlers).append(handlers)

    def _part(self, folder: Path, kind: str, use: RoleUse) -> list[Path]:
        name = use.files.get(kind)
        found = self._reader.files.in_role(folder, kind, name)
        # Under ansible-core's names a role that has nothing of a kind lacks no file of it, as there.
        lenient = self._reader.files.arguments_later and not (folder / kind).is_dir()
        if not found and name is not None and not lenient:
            self._reader.problems.add(
                f"Could not find specified file in role: {kind}/{name}", where=use.origin, hint=f"looked below {folder}"
            )
        for path in found:
            if not inside(path, folder):
                self._reader.problems.add(f"'{path}' is not inside the role", where=use.origin)
                return []
        return found

    def _variables(self, folder: Path, kind: str, use: RoleUse) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for path in self._part(folder, kind, use):
            of_role = f"The {kind}/{path.name} file for role '{folder.name}'"
            made.update(load_vars_file(path, what=of_role))
        return made

    def _meta(self, folder: Path) -> Mapping[str, Any]:
        found = self._reader.files.in_role(folder, "meta", None)
        loaded = self._reader.files.load(found[0], self._reader.problems) if found else None
        if loaded is not None and not isinstance(loaded, dict):
            said = f"the 'meta/main.yml' for role {folder.name} is not a dictionary"
            raise PlaybookError(said, where=origin_of(loaded) or Origin(str(found[0])))
        return loaded or {}

    def _dependencies(self, meta: Mapping[str, Any]) -> list[RoleUse]:
        written = meta.get("dependencies")
        if not written:
            return []
        if not isinstance(written, list):
            self._reader.problems.add(
                "Expected role dependencies to be a list: 'dependencies' must be a list of roles",
                where=key_origin(meta, "dependencies"),
            )
            return []
        entries = (read_entry(raw, self._reader, "dependencies") for raw in written)
        return [entry for entry in entries if entry is not None]

    def _validation(self, folder: Path, use: RoleUse, role: Role, meta: Mapping[str, Any]) -> dict[str, Any] | None:
        """The task that checks a role's arguments, where the role says what they are."""
        found = self._reader.files.in_role(folder, "meta", "argument_specs")
        loaded = self._reader.load(found[0]) if found else meta
        specs = loaded.get("argument_specs") if isinstance(loaded, dict) else None
        entry = use.files.get("tasks", "main")  # with its ending it is none, as in ansible-core
        spec = specs.get(entry) if isinstance(specs, dict) else None
        if not isinstance(spec, dict):
            return None
        where = use.origin or Origin("")
        name = f"Validating arguments against arg spec '{entry}'"
        if spec.get("short_description"):
            name += f" - {spec['short_description']}"
        task = SourceMapping(where)
        task["name"] = SourceText(name, where)
        task["tags"] = ["always"]
        task["ansible.builtin.validate_argument_spec"] = {
            "argument_spec": spec.get("options") or {},
            "provided_arguments": role.params,
            "validate_args_context": {
                "type": "role",
                "name": role.short,
                "argument_spec_name": entry,
                "path": role.folder,
            },
        }
        return task


def _at(inherited: Inherited, path: Path) -> Inherited:
    made = copy.copy(inherited)
    made.folder = str(path.parent)
    return made


def _key(use: RoleUse, role: Role) -> Any:
    """What makes two uses of a role one; as ansible-core compares them."""
    return (
        role.folder,
        repr(sorted(use.params.items(), key=str)),
        repr(use.keywords.get("when")),
        repr(use.keywords.get("tags")),
        repr(sorted(use.files.items())),
        repr(sorted(use.given.items(), key=str)),
        use.included,
    )
