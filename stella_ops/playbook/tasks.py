"""Task lists: tasks, handlers, and blocks with their rescue and always sections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stella_ops.errors import PlaybookError, TemplateError
from stella_ops.origins import Origin, SourceVault, key_origin, origin_of
from stella_ops.playbook.arguments import Call, read_call
from stella_ops.playbook.files import PlaybookFiles
from stella_ops.playbook.imports import Importer, import_of
from stella_ops.playbook.inheritance import conditions, fold
from stella_ops.playbook.keywords import (
    BLOCK,
    BLOCK_PARTS,
    INHERITED,
    TASK,
    check_include,
    check_values,
    is_identifier,
    is_template,
    report_unknown,
    spoken,
    type_name,
)
from stella_ops.playbook.known import RenderWith, as_written, known_at
from stella_ops.playbook.loops import read_loop
from stella_ops.playbook.model import Block, Handler, Include, Inherited, Role, Step, Task
from stella_ops.playbook.module_index import ModuleIndex
from stella_ops.playbook.module_names import collection_of, search_list
from stella_ops.playbook.problems import Problems

_TASK_ALONE = TASK - BLOCK


@dataclass(slots=True)
class Parts:
    """What roles add to the play that uses them: their handlers, a list for each role, and themselves.

    The handlers of roles that tasks import stand behind the play's own.
    """

    handlers: list[list[Handler]] = field(default_factory=list)
    imported: list[list[Handler]] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)


class TaskReader:
    """Reads task lists of one file, noting what is wrong.

    Args:
        files: reads the files that are imported.
        playbook_folder: of the playbook.
        render: renders what must be known now, such as the names of imported files.
        known: the variables of the play, as far as they are known.
        path: the file that is read.
        parts: takes what roles add to the play.
        expected_to_fail: wrong parameters are told by the hosts.
    """

    def __init__(
        self,
        modules: ModuleIndex,
        problems: Problems,
        *,
        files: PlaybookFiles | None = None,
        playbook_folder: Path | None = None,
        render: RenderWith = as_written,
        known: Callable[[], Mapping[str, Any]] = dict,
        path: Path | None = None,
        parts: Parts | None = None,
        expected_to_fail: bool = False,
    ) -> None:
        self.modules = modules
        self._problems = self.problems = problems
        self.files = files or PlaybookFiles()
        self.playbook_folder = playbook_folder or Path()
        self.parts = parts if parts is not None else Parts()
        self._render = render
        self._known = known
        self._path = path
        self.depth = 0
        # How many rescue sections enclose what is read now.
        self._guarded = int(expected_to_fail or self.files.arguments_later)
        problems.values_later = self.files.arguments_later

    def within(self, path: Path) -> TaskReader:
        """A reader of another file that this one names."""
        made = TaskReader(
            self.modules,
            self._problems,
            files=self.files,
            playbook_folder=self.playbook_folder,
            render=self._render,
            known=self._known,
            path=path,
            parts=self.parts,
        )
        made.depth = self.depth + 1
        made._guarded = self._guarded
        return made

    def search(self, inherited: Inherited) -> tuple[str, ...]:
        """The collections in which short names of modules and roles are looked for at a place."""
        role = inherited.role
        if role is not None and list(inherited.collections or ()) == list(role.collections):
            return role.collections
        # What a keyword names stands behind the playbook's own collection, inside a role as well.
        return search_list(inherited.collections, collection_of(self.playbook_folder))

    def static(
        self,
        value: Any,
        inherited: Inherited | None = None,
        *,
        exit_code: int = PlaybookError.exit_code,
        saying: str = "",
    ) -> Any:
        """A value that must be known before the play runs; with a problem noted, as written where it is not.

        Args:
            inherited: keywords of what is around it, its own among them.
            exit_code: of a run that this problem ends.
            saying: what stands before the problem.
        """
        if not is_template(value):
            return value
        try:
            return self._render(value, known_at(self._known(), inherited, self.playbook_folder))
        except TemplateError as problem:
            self._problems.add(
                saying + problem.message,
                where=origin_of(value) or problem.where,
                hint="it must be known before the play runs: use extra variables or the play's own; "
                "or include_tasks, include_role while it runs",
                exit_code=exit_code,
            )
            return value

    def load(self, path: Path) -> Any:
        """What a file of the playbook's holds; None, with a problem noted, where it cannot be read."""
        try:
            return self.files.load(path, self._problems)
        except PlaybookError as problem:
            self._problems.take(problem)
            return None

    def steps(self, raw: Any, parent: Inherited, what: str, where: Origin | None) -> list[Step]:
        """The tasks and blocks of a list.

        Args:
            what: what the list is called in errors, such as ``tasks`` or ``rescue``.
            where: the place of the list when it has none itself.
        """
        found: list[Step] = []
        for entry in self._entries(raw, what, where):
            imported = import_of(entry)
            if any(part in entry for part in BLOCK_PARTS):
                found.append(self._block(entry, parent))
            elif imported is not None:
                found += Importer(self).steps(entry, imported, parent)
            else:
                step = self._task(entry, parent)
                if step is not None:
                    found.append(step)
        return found

    def handlers(self, raw: Any, parent: Inherited, where: Origin | None) -> list[Handler]:
        """The handlers of a list; of blocks those inside, with the block's keywords."""
        found: list[Handler] = []
        for entry in self._entries(raw, "handlers", where):
            imported = import_of(entry)
            if any(part in entry for part in BLOCK_PARTS):
                if "rescue" in entry or "always" in entry:
                    self._problems.add("a block of handlers has no rescue or always section", where=origin_of(entry))
                    continue
                folded = fold(parent, entry, self._problems)
                found += self.handlers(entry.get("block"), folded, key_origin(entry, "block"))
            elif imported is not None:
                found += Importer(self).handlers(entry, imported, parent)
            else:
                handler = self._task(entry, parent, handler=True)
                if isinstance(handler, Handler):
                    found.append(handler)
        return found

    def _entries(self, raw: Any, what: str, where: Origin | None) -> list[Mapping[Any, Any]]:
        if raw is None:
            return []
        if not isinstance(raw, list):
            hint = "put '- ' before each task" if isinstance(raw, dict) else None
            place = origin_of(raw) or where
            said = f"A malformed block was encountered while loading {what}"
            self._problems.add(f"{said}: '{what}' must be a list of tasks, not {spoken(raw)}", where=place, hint=hint)
            return []
        entries: list[Mapping[Any, Any]] = []
        for entry in raw:
            if isinstance(entry, dict):
                entries.append(entry)
                continue
            if entry is None and what not in BLOCK_PARTS:  # a lone '-', which ansible-core passes over here
                continue
            hint = None
            if isinstance(entry, str) and self.modules.spec(str(entry).split(" ")[0].rstrip(":")):
                hint = "a ':' must follow the module's name"
            said = "A malformed block was encountered while loading a block"
            self._problems.add(
                f"{said}: a task must be a mapping, not {spoken(entry)}",
                where=origin_of(entry) or origin_of(raw),
                hint=hint,
            )
        return entries

    def _block(self, raw: Mapping[Any, Any], parent: Inherited) -> Block:
        place = origin_of(raw) or Origin("")
        for key in raw:
            if key in BLOCK:
                continue
            if key in _TASK_ALONE or (isinstance(key, str) and key.startswith("with_")):
                self._problems.add(
                    f"'{key}' is not a valid attribute for a Block",
                    where=key_origin(raw, key),
                    hint="put it on the tasks inside",
                )
            else:
                report_unknown(raw, key, "block", self._problems)
        if "block" not in raw:
            part = next(part for part in BLOCK_PARTS if part in raw)
            self._problems.add(f"'{part}' keyword cannot be used without 'block'", where=key_origin(raw, part))
        for part in BLOCK_PARTS:
            if part in raw and raw[part] is None:
                said = f"A malformed block was encountered while loading {part}: '{part}' must be a list of tasks"
                self._problems.add(said, where=key_origin(raw, part))
        check_values(raw, self._problems)
        inherited = fold(parent, raw, self._problems)
        self._guarded += "rescue" in raw
        body = self.steps(raw.get("block"), inherited, "block", key_origin(raw, "block"))
        self._guarded -= "rescue" in raw
        rest = {
            part: self.steps(raw.get(part), inherited, part, key_origin(raw, part)) for part in ("rescue", "always")
        }
        return Block(
            name=self._name(raw),
            origin=place,
            inherited=inherited,
            body=body,
            rescue=rest["rescue"],
            always=rest["always"],
        )

    def _task(self, raw: Mapping[Any, Any], parent: Inherited, *, handler: bool = False) -> Task | None:
        problems = self._problems
        inherited = fold(parent, raw, problems)
        ready = self._guarded > 0 or inherited.ignore_errors not in (None, False) or "failed_when" in raw
        ready = ready or bool(inherited.when) or "never" in inherited.tags  # it may never run
        level = "handler" if handler else "task"
        call = read_call(
            raw,
            level,
            self.modules,
            problems,
            expected_to_fail=ready,
            unreached=not handler and not self.files.selects(inherited.tags),
            search=self.search(inherited),
        )
        check_values(raw, problems)
        loop = read_loop(raw, problems, action=call.written if call else "", expected_to_fail=ready)
        if loop.variables:
            inherited.vars = [*inherited.vars, loop.variables]
        keywords: dict[str, Any] = {
            "name": self._name(raw),
            "origin": origin_of(raw) or Origin(""),
            "inherited": inherited,
            "loop": loop.items,
            "loop_var": loop.loop_var,
            "loop_index_var": loop.index_var,
            "loop_label": loop.label,
            "loop_pause": loop.pause,
            "register": self._register(raw),
            "notify": self._texts(raw, "notify"),
            "changed_when": conditions(raw, "changed_when", problems) or None,
            "failed_when": conditions(raw, "failed_when", problems) or None,
            "until": conditions(raw, "until", problems),
            "retries": raw.get("retries"),
            "delay": raw.get("delay"),
            "asynchronous": raw.get("async"),
            "poll": raw.get("poll"),
            "loop_extended": loop.extended,
            "loop_extended_allitems": loop.extended_allitems,
            "loop_break_when": loop.break_when,
        }
        if call is None:
            problems.lost.append(raw)
            return None
        keywords["written"] = call.written
        if handler and call.action == "include_role":
            problems.add(
                "Using 'include_role' as a handler is not supported.",
                where=origin_of(raw),
                hint="include_tasks can be one",
            )
        if call.action in ("include_tasks", "include_role"):
            check_include(raw, call.action, level, problems)
            keywords["include"] = self._include(call, raw, parent)
        if call.delegate_to:
            inherited.delegate_to = call.delegate_to
        if handler:
            return Handler(action=call.action, args=call.args, listen=self._texts(raw, "listen"), **keywords)
        return Task(action=call.action, args=call.args, **keywords)

    def _include(self, call: Call, raw: Mapping[Any, Any], parent: Inherited) -> Include:
        if call.action == "include_tasks" and not (call.args.get("file") or call.args.get("_raw_params")):
            self._problems.add(f"No file specified for {call.written}", where=origin_of(raw))
        apply = call.args.pop("apply", None)
        if apply is not None and not isinstance(apply, dict):
            said = f"Expected a dict for apply but got {type_name(apply)} instead"
            hint = f"'apply' must be a mapping of keywords, not {spoken(apply)}"
            self._problems.add(said, where=origin_of(apply), hint=hint)
            apply = None
        for name, value in call.args.items() if call.action == "include_role" else ():
            if name.endswith("_from") and not isinstance(value, str | SourceVault | None):
                said = f"Expected a string for {name} but got {type_name(value)} instead"
                self._problems.add(said, where=origin_of(value) or origin_of(raw))
        for name in apply or {}:
            if name not in INHERITED:
                report_unknown(apply, name, "block", self._problems)
        written = raw.get("vars")
        return Include(outer=parent, apply=apply or {}, vars=written if isinstance(written, dict) else {})

    def _name(self, raw: Mapping[Any, Any]) -> str | None:
        name = raw.get("name")
        if isinstance(name, dict | list):
            where = origin_of(name) or key_origin(raw, "name")
            self._problems.add(f"'name' must be text, not {spoken(name)}", where=where)
            return None
        return name if name is None or isinstance(name, str) else str(name)

    def _register(self, raw: Mapping[Any, Any]) -> str | None:
        name = raw.get("register")
        if name is None:
            return None
        if is_identifier(name):
            return str(name)
        of_type = "" if isinstance(name, str) else f" of type '{type(name).__name__}'"
        named = "" if isinstance(name, list | dict) else f" {str(name)!r}"
        self._problems.add(
            f"Invalid 'register' specified: Invalid variable name{named}{of_type}.",
            where=origin_of(name) or key_origin(raw, "register"),
            hint="a name has letters, digits and underscores, and does not start with a digit",
        )
        return None

    def _texts(self, raw: Mapping[Any, Any], keyword: str) -> list[Any]:
        written = raw.get(keyword)
        if written is None:
            return []
        texts = written if isinstance(written, list) else [written]
        for text in texts:
            if not isinstance(text, str):
                where = origin_of(text) or key_origin(raw, keyword)
                self._problems.add(f"'{keyword}' must be text or a list of texts, not {spoken(text)}", where=where)
        return [text for text in texts if isinstance(text, str)]
