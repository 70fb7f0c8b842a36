"""Reads playbooks: YAML with its places in, plays out, and everything that is wrong at once."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stella_ops import collections as installed
from stella_ops.collections.resolving import explain
from stella_ops.errors import CollectionError, PlaybookError, TemplateError
from stella_ops.origins import Origin, key_origin, origin_of
from stella_ops.playbook.files import PlaybookFiles, no_access
from stella_ops.playbook.inheritance import conditions, fold, read_tags, read_vars
from stella_ops.playbook.keywords import (
    PLAY,
    PLAYBOOK_INCLUDE,
    SECTIONS,
    check_items,
    check_values,
    is_identifier,
    is_template,
    not_supported_yet,
    report_unknown,
    spoken,
)
from stella_ops.playbook.known import RenderWith, as_written, known_at, vars_files_before_hosts
from stella_ops.playbook.model import Inherited, Play, Playbook, Prompt, Step
from stella_ops.playbook.module_index import ModuleIndex
from stella_ops.playbook.module_names import collection_of
from stella_ops.playbook.problems import Problems
from stella_ops.playbook.roles import RoleReader, read_entry
from stella_ops.playbook.serial import check_serial
from stella_ops.playbook.tasks import Parts, TaskReader
from stella_ops.spelling import did_you_mean

_STRATEGIES = ("linear", "pipelined", "free", "host_pinned")
_STRATEGIES_NEVER = ("debug",)
_IMPORTS = ("import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook")
_DEEPEST = 40


def load_playbook(
    path: Path,
    *,
    modules: ModuleIndex,
    files: PlaybookFiles | None = None,
    render: RenderWith = as_written,
    problems: Problems | None = None,
) -> Playbook:
    """The plays of a file, with those of the playbooks, task files and roles that it imports.

    Args:
        path: the playbook; its name as given is what errors and origins carry.
        modules: what modules there are and what they take.
        files: reads what is imported, and knows where roles are.
        render: renders the names of imported files.
        problems: takes what is wrong; then nothing is raised, and what could be read is returned.

    Raises:
        PlaybookProblems: a file cannot be read or is no valid playbook; the problems are told together.
    """
    noted = problems if problems is not None else Problems()
    reader = _PlaybookReader(modules, files or PlaybookFiles(), render, noted)
    plays = reader.read(path, {}, 0)
    if problems is None:
        noted.raise_any()
    return Playbook(path=str(path), plays=plays)


class _PlaybookReader:
    """Reads playbooks that may import each other."""

    def __init__(self, modules: ModuleIndex, files: PlaybookFiles, render: RenderWith, problems: Problems) -> None:
        self._modules = modules
        self._files = files
        self._render = render
        self._problems = problems

    def read(self, path: Path, imported_with: Mapping[str, Any], depth: int) -> list[Play]:
        """The plays of a file.

        Args:
            imported_with: keywords of the import that brings it.
        """
        problems = self._problems
        whole = Origin(str(path))
        try:
            raw = problems.load(path)
        except PlaybookError as problem:
            problems.take(problem)
            return []
        if raw is None and problems.partial:
            return []
        if raw is None:
            problems.add(f"Empty playbook, nothing to do: {path.absolute()}", where=whole)
            return []
        if not isinstance(raw, list):
            hint = "put '- ' before 'hosts', and indent the rest" if isinstance(raw, dict) else None
            said = f"A playbook must be a list of plays, not {spoken(raw)}"
            problems.add(said, where=origin_of(raw, whole), hint=hint)
            return []
        if not raw and not problems.partial:
            problems.add("the playbook is empty: it must contain at least one play", where=whole)
        plays: list[Play] = []
        for entry in raw:
            place = origin_of(entry, whole)
            key = next((name for name in _IMPORTS if isinstance(entry, dict) and name in entry), None)
            if not isinstance(entry, dict):
                problems.add(f"a play must be a mapping with 'hosts', not {spoken(entry)}", where=place)
            elif key is not None:
                plays += self._import(entry, key, path, imported_with, depth)
            elif "include" in entry and "hosts" not in entry:
                said = "'include' is not a valid attribute for a Play: an include of a playbook is gone"
                problems.add(said, where=place, hint="write import_playbook")
            else:
                plays.append(self._play(entry, path, imported_with))
        return plays

    def _import(
        self, raw: Mapping[Any, Any], key: str, path: Path, around: Mapping[str, Any], depth: int
    ) -> list[Play]:
        problems, written = self._problems, raw[key]
        where = origin_of(written) or key_origin(raw, key)
        if len(named := sorted(name for name in _IMPORTS if name in raw)) > 1:
            said = f"Found conflicting import_playbook actions: {', '.join(named)}"
            problems.add(said, where=origin_of(raw), hint="a play imports one playbook", exit_code=1)
            return []
        for name in raw:
            if name != key and name not in PLAYBOOK_INCLUDE:
                report_unknown(raw, name, "playbook_include", problems)
        if not isinstance(written, str) or not written.strip():
            problems.add(f"'{key}' needs the name of a playbook, not {spoken(written)}", where=where)
            return []
        if depth > _DEEPEST:
            problems.add("playbooks import each other in a circle", where=where)
            return []
        own = read_vars(raw, problems)
        variables = {**own, **around.get("vars", {})}
        try:
            name = str(self._render(written, variables)) if is_template(written) else str(written)
        except TemplateError as problem:
            problems.add(
                f"the name of an imported playbook must be known before the run: {problem.message}", where=where
            )
            return []
        name = name if is_template(written) else name.split(" ", 1)[0]
        try:
            target = installed.current().playbook(name) or path.parent / Path(name).expanduser()
            if not target.is_file():
                hint = explain(installed.current(), "playbook", name) or f"looked at {target}"
                text = f"the playbook '{name}' was not found: {no_access(target)}"
                problems.add(text, where=where, hint=hint, rule="missing-file", exit_code=1)
                return []
            if collection_of(target.parent.absolute()) is None:
                installed.current().add_beside(target.parent.absolute())
        except CollectionError as problem:
            problems.add(problem.message, where=where, hint=problem.where)
            return []
        folded = dict(around)
        folded["vars"] = variables
        folded["when"] = [*around.get("when", []), *conditions(raw, "when", problems)]
        folded["tags"] = [*around.get("tags", []), *read_tags(raw, problems)]
        for keyword in ("become", "environment", "no_log", "ignore_errors"):
            if raw.get(keyword) is not None:
                folded[keyword] = raw[keyword]
        return self.read(target, folded, depth + 1)

    def _play(self, raw: Mapping[Any, Any], path: Path, around: Mapping[str, Any]) -> Play:
        return _play(raw, path, around, self._modules, self._files, self._render, self._problems)


def parse_tasks(
    raw: Any,
    *,
    modules: ModuleIndex,
    inherited: Inherited | None = None,
    where: Origin | None = None,
    expected_to_fail: bool = False,
) -> list[Step]:
    """The tasks and blocks of a loaded list, with the keywords of what they stand in folded in.

    Args:
        expected_to_fail: wrong parameters are told by the hosts.

    Raises:
        PlaybookProblems: as ``load_playbook``.
    """
    problems = Problems()
    steps = TaskReader(modules, problems, expected_to_fail=expected_to_fail).steps(
        raw, inherited or Inherited(), "tasks", where
    )
    problems.raise_any()
    return steps


def _play(
    raw: Mapping[Any, Any],
    path: Path,
    around: Mapping[str, Any],
    modules: ModuleIndex,
    files: PlaybookFiles,
    render: RenderWith,
    problems: Problems,
) -> Play:
    origin = origin_of(raw) or Origin("")
    problems.values_later = files.arguments_later
    raw = _with_remote_user(raw, problems)
    _check_keys(raw, modules, problems)
    of_keywords, of_run = (Problems(), Problems()) if files.arguments_later else (problems, problems)
    of_keywords.values_later = files.arguments_later
    check_values(raw, of_keywords, problems)
    check_items(raw, "gather_subset", of_keywords)
    _check_hosts(raw, problems)
    check_serial(raw, of_run)
    _check_strategy(raw, of_run)
    _check_order(raw, of_run)
    # As in ansible-core those of an import are stronger than the play's, and of imports the outermost.
    play_vars = {**read_vars(raw, problems), **around.get("vars", {})}
    # The play's own vars rank below vars_files; the engine takes them from Play.vars.
    folder = path.resolve().parent
    vars_files = _vars_files(raw, problems)

    @functools.cache
    def known() -> dict[str, Any]:
        files = vars_files_before_hosts(vars_files, folder, lambda name: render(name, play_vars))
        return {**play_vars, **files}

    problems.render = lambda value, around: render(value, known_at(known(), around, folder))
    outer = fold(Inherited(), {key: value for key, value in around.items() if key != "vars"}, problems)
    inherited = fold(outer, {key: value for key, value in raw.items() if key != "vars"}, problems)
    parts = Parts()
    reader = TaskReader(
        modules,
        problems,
        files=files,
        playbook_folder=folder,
        render=render,
        known=known,
        path=path,
        parts=parts,
    )
    of_roles = _roles(raw, reader, inherited)
    sections = {name: reader.steps(raw.get(name), inherited, name, key_origin(raw, name)) for name in SECTIONS}
    sections["tasks"] = [*of_roles, *sections["tasks"]]
    own_handlers = reader.handlers(raw.get("handlers"), inherited, key_origin(raw, "handlers"))
    groups = [*parts.handlers, own_handlers, *parts.imported]
    return Play(
        name=None if raw.get("name") is None else str(raw["name"]) if not isinstance(raw["name"], str) else raw["name"],
        hosts=raw.get("hosts"),
        origin=origin,
        inherited=inherited,
        vars=play_vars,
        vars_files=vars_files,
        gather_facts=raw.get("gather_facts"),
        gather_subset=raw.get("gather_subset"),
        serial=raw.get("serial"),
        max_fail_percentage=raw.get("max_fail_percentage"),
        max_fail=raw.get("max_fail"),
        max_unreachable=raw.get("max_unreachable"),
        strategy=raw.get("strategy"),
        force_handlers=raw.get("force_handlers"),
        handlers=[handler for group in groups for handler in group],
        handler_groups=[len(group) for group in groups],
        roles=parts.roles,
        vars_prompt=_prompts(raw, problems),
        order=raw.get("order"),
        gather_timeout=raw.get("gather_timeout"),
        fact_path=raw.get("fact_path"),
        path=str(path),
        wrong=of_keywords.found if of_keywords is not problems else [],
        wrong_in_run=of_run.found if of_run is not problems else [],
        **sections,
    )


def _with_remote_user(raw: Mapping[Any, Any], problems: Problems) -> Mapping[Any, Any]:
    """A play whose old ``user`` is ``remote_user``."""
    if "user" not in raw:
        return raw
    if "remote_user" in raw:
        problems.add("both 'user' and 'remote_user' are set for this play", where=key_origin(raw, "user"))
    made = copy.copy(raw)
    made["remote_user"] = made.pop("user")  # type: ignore[index, attr-defined]
    return made


def _roles(raw: Mapping[Any, Any], reader: TaskReader, inherited: Inherited) -> list[Step]:
    written = raw.get("roles")
    if written is None:
        return []
    if not isinstance(written, list):
        said = f"A malformed role declaration was encountered: 'roles' must be a list, not {spoken(written)}"
        reader.problems.add(said, where=key_origin(raw, "roles"))
        return []
    steps: list[Step] = []
    for entry in written:
        use = read_entry(entry, reader, "roles")
        if use is not None:
            steps += RoleReader(reader).use(use, inherited)
    return steps


_PROMPT = {"name", "prompt", "default", "private", "confirm", "encrypt", "salt", "salt_size", "unsafe"}


def _prompts(raw: Mapping[Any, Any], problems: Problems) -> list[Prompt]:
    written = raw.get("vars_prompt")
    if written is None:
        return []
    found: list[Prompt] = []
    for entry in written if isinstance(written, list) else [written]:
        where = origin_of(entry) or key_origin(raw, "vars_prompt")
        if not isinstance(entry, dict):
            problems.add(f"an entry of 'vars_prompt' must be a mapping, not {spoken(entry)}", where=where)
        elif not is_identifier(entry.get("name")):
            problems.add(
                "Invalid vars_prompt data structure, missing 'name' key: "
                "an entry of 'vars_prompt' needs the name of a variable under 'name'",
                where=where,
            )
        elif set(entry) - _PROMPT:
            name = next(key for key in entry if key not in _PROMPT)
            problems.add(
                f"Invalid vars_prompt data structure, found unsupported key '{name}'",
                where=key_origin(entry, name, where),
            )
        else:
            found.append(Prompt(origin=where or Origin(""), **{str(key): value for key, value in entry.items()}))
    return found


ORDERS = ("inventory", "sorted", "reverse_sorted", "reverse_inventory", "shuffle")


def _check_order(raw: Mapping[Any, Any], problems: Problems) -> None:
    order = raw.get("order")
    if order is not None and not is_template(order) and order not in ORDERS:
        hint = did_you_mean(str(order), ORDERS) or f"known: {', '.join(ORDERS)}"
        said = f"Invalid 'order' specified for inventory hosts: {order}"
        problems.add(said, where=key_origin(raw, "order"), hint=hint, exit_code=5)


def _check_keys(raw: Mapping[Any, Any], modules: ModuleIndex, problems: Problems) -> None:
    for key in raw:
        if key in PLAY:
            continue
        spec = None if not_supported_yet("play", str(key)) else modules.spec(str(key))
        if spec is not None or key in ("block", "when", "register", "loop"):
            problems.add(
                f"'{key}' is not a valid attribute for a Play: it belongs to a task",
                where=key_origin(raw, key),
                hint="put it below 'tasks:', with '- ' before the task",
            )
        else:
            report_unknown(raw, key, "play", problems)


def _check_hosts(raw: Mapping[Any, Any], problems: Problems) -> None:
    if "hosts" not in raw:
        problems.add("The field 'hosts' is required but was not set.", where=origin_of(raw))
        return
    hosts = raw["hosts"]
    where = origin_of(hosts) or key_origin(raw, "hosts")
    patterns = hosts if isinstance(hosts, list) else [hosts]
    if not patterns or any(pattern is None or pattern == "" for pattern in patterns):
        problems.add("Hosts list cannot be empty. Please check your playbook", where=where)
    for pattern in patterns:
        if pattern is not None and not isinstance(pattern, str):
            said = "Hosts list must be a sequence or string. Please check your playbook."
            if patterns is hosts:
                said = f"Hosts list contains an invalid host value: {str(pattern)!r}"
            problems.add(said, where=where, hint="'hosts' is a pattern or a list of patterns, each a text")


def _check_strategy(raw: Mapping[Any, Any], problems: Problems) -> None:
    strategy = raw.get("strategy")
    if isinstance(strategy, str) and not is_template(strategy):
        short = strategy.removeprefix("ansible.builtin.")
        if short in _STRATEGIES_NEVER:
            problems.add(
                f"the strategy '{short}' is not supported",
                where=origin_of(strategy) or key_origin(raw, "strategy"),
                hint="leave it out: each task runs on all hosts before the next (linear); -vvv shows all of a failure",
            )
        elif short not in _STRATEGIES:
            plugin = "." in short  # of a collection
            problems.add(
                f"the strategy plug-in '{short}' is not supported"
                if plugin
                else f"Invalid play strategy specified: {strategy}",
                where=origin_of(strategy) or key_origin(raw, "strategy"),
                hint=did_you_mean(short, _STRATEGIES) or f"known: {', '.join(_STRATEGIES)}",
                exit_code=1,
            )


def _vars_files(raw: Mapping[Any, Any], problems: Problems) -> list[Any]:
    written = raw.get("vars_files")
    if written is None:
        return []
    files = written if isinstance(written, list) else [written]
    for name in files:
        alternatives = name if isinstance(name, list) else [name]
        if not alternatives or not all(isinstance(each, str) for each in alternatives):
            wanted = "a list of paths, or of lists of alternatives"
            problems.add(
                f"Invalid `vars_files` value: it must be {wanted}, not {spoken(name)}",
                where=origin_of(name) or key_origin(raw, "vars_files"),
            )
    return list(files)
