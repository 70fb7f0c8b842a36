"""Reads playbooks: YAML with its places in, plays out, and everything that is wrong at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stella_ops.errors import PlaybookError
from stella_ops.origins import Origin, did_you_mean, key_origin, load_yaml_file, origin_of
from stella_ops.playbook.inheritance import fold, read_vars
from stella_ops.playbook.keywords import (
    PLAY,
    SECTIONS,
    check_values,
    is_template,
    not_supported_yet,
    report_unknown,
    spoken,
)
from stella_ops.playbook.model import Handler, Inherited, Play, Playbook, Step, walk_tasks
from stella_ops.playbook.module_index import ModuleIndex
from stella_ops.playbook.problems import Problems
from stella_ops.playbook.serial import check_serial
from stella_ops.playbook.tasks import TaskReader, check_notified

_STRATEGIES = ("linear", "pipelined")
_STRATEGIES_NOT_YET = ("free", "host_pinned", "debug")
_IMPORTS = ("import_playbook", "ansible.builtin.import_playbook", "include")


def load_playbook(path: Path, *, modules: ModuleIndex) -> Playbook:
    """The plays of a file.

    Args:
        path: the playbook; its name as given is what errors and origins carry.
        modules: what modules there are and what they take.

    Raises:
        PlaybookError: the file cannot be read or is not valid YAML.
        PlaybookProblems: it is no valid playbook; the problems are told together.
    """
    raw = load_yaml_file(path, error=PlaybookError)
    problems = Problems()
    plays = _plays(raw, Origin(str(path)), modules, problems)
    problems.raise_any()
    return Playbook(path=str(path), plays=plays)


def parse_tasks(
    raw: Any,
    *,
    modules: ModuleIndex,
    inherited: Inherited | None = None,
    where: Origin | None = None,
) -> list[Step]:
    """The tasks and blocks of a loaded list, with the keywords of what they stand in folded in.

    Raises:
        PlaybookProblems: as ``load_playbook``.
    """
    problems = Problems()
    steps = TaskReader(modules, problems).steps(raw, inherited or Inherited(), "tasks", where)
    problems.raise_any()
    return steps


def parse_handlers(
    raw: Any,
    *,
    modules: ModuleIndex,
    inherited: Inherited | None = None,
    where: Origin | None = None,
) -> list[Handler]:
    """The handlers of a loaded list; as ``parse_tasks``."""
    problems = Problems()
    handlers = TaskReader(modules, problems).handlers(raw, inherited or Inherited(), where)
    problems.raise_any()
    return handlers


def _plays(raw: Any, whole: Origin, modules: ModuleIndex, problems: Problems) -> list[Play]:
    if raw is None:
        problems.add("the playbook is empty", where=whole)
        return []
    if not isinstance(raw, list):
        hint = "put '- ' before 'hosts', and indent the rest" if isinstance(raw, dict) else None
        problems.add(f"a playbook must be a list of plays, not {spoken(raw)}", where=origin_of(raw, whole), hint=hint)
        return []
    plays = []
    for entry in raw:
        place = origin_of(entry, whole)
        if not isinstance(entry, dict):
            problems.add(f"a play must be a mapping with 'hosts', not {spoken(entry)}", where=place)
        elif any(name in entry for name in _IMPORTS):
            problems.add("'import_playbook' is not supported yet", where=place)
        else:
            plays.append(_play(entry, modules, problems))
    return plays


def _play(raw: Mapping[Any, Any], modules: ModuleIndex, problems: Problems) -> Play:
    origin = origin_of(raw) or Origin("")
    _check_keys(raw, modules, problems)
    check_values(raw, problems)
    _check_hosts(raw, problems)
    check_serial(raw, problems)
    _check_strategy(raw, problems)
    play_vars = read_vars(raw, problems)
    # The play's own vars rank below vars_files; the engine takes them from Play.vars.
    inherited = fold(Inherited(), {key: value for key, value in raw.items() if key != "vars"}, problems)
    reader = TaskReader(modules, problems)
    sections = {name: reader.steps(raw.get(name), inherited, name, key_origin(raw, name)) for name in SECTIONS}
    play = Play(
        name=None if raw.get("name") is None else str(raw["name"]) if not isinstance(raw["name"], str) else raw["name"],
        hosts=raw.get("hosts"),
        origin=origin,
        inherited=inherited,
        vars=play_vars,
        vars_files=_vars_files(raw, problems),
        gather_facts=raw.get("gather_facts"),
        gather_subset=raw.get("gather_subset"),
        serial=raw.get("serial"),
        max_fail_percentage=raw.get("max_fail_percentage"),
        strategy=raw.get("strategy"),
        force_handlers=raw.get("force_handlers"),
        handlers=reader.handlers(raw.get("handlers"), inherited, key_origin(raw, "handlers")),
        **sections,
    )
    tasks = [task for _, steps in play.sections() for task in walk_tasks(steps)]
    check_notified([*tasks, *play.handlers], play.handlers, problems)
    return play


def _check_keys(raw: Mapping[Any, Any], modules: ModuleIndex, problems: Problems) -> None:
    for key in raw:
        if key in PLAY:
            continue
        spec = None if not_supported_yet("play", str(key)) else modules.spec(str(key))
        if spec is not None or key in ("block", "when", "register", "loop"):
            problems.add(
                f"'{key}' belongs to a task, not to a play",
                where=key_origin(raw, key),
                hint="put it below 'tasks:', with '- ' before the task",
            )
        else:
            report_unknown(raw, key, "play", problems)


def _check_hosts(raw: Mapping[Any, Any], problems: Problems) -> None:
    if "hosts" not in raw:
        problems.add("the play has no 'hosts'", where=origin_of(raw))
        return
    hosts = raw["hosts"]
    where = origin_of(hosts) or key_origin(raw, "hosts")
    patterns = hosts if isinstance(hosts, list) else [hosts]
    if not patterns or any(pattern is None or pattern == "" for pattern in patterns):
        problems.add("'hosts' is empty", where=where)
    for pattern in patterns:
        if pattern is not None and not isinstance(pattern, str | int):
            problems.add(f"'hosts' must be a pattern or a list of patterns, not {spoken(pattern)}", where=where)


def _check_strategy(raw: Mapping[Any, Any], problems: Problems) -> None:
    strategy = raw.get("strategy")
    if isinstance(strategy, str) and not is_template(strategy):
        short = strategy.removeprefix("ansible.builtin.")
        if short in _STRATEGIES_NOT_YET:
            problems.add(
                f"the strategy '{short}' is not supported yet",
                where=origin_of(strategy) or key_origin(raw, "strategy"),
                hint="leave it out: each task runs on all hosts before the next (linear)",
            )
        elif short not in _STRATEGIES:
            problems.add(
                f"unknown strategy '{strategy}'",
                where=origin_of(strategy) or key_origin(raw, "strategy"),
                hint=did_you_mean(short, _STRATEGIES) or f"known: {', '.join(_STRATEGIES)}",
            )


def _vars_files(raw: Mapping[Any, Any], problems: Problems) -> list[Any]:
    written = raw.get("vars_files")
    if written is None:
        return []
    files = written if isinstance(written, list) else [written]
    for name in files:
        alternatives = name if isinstance(name, list) else [name]
        if not alternatives or not all(isinstance(each, str) for each in alternatives):
            problems.add(
                f"'vars_files' must be a list of paths, or of lists of alternatives, not {spoken(name)}",
                where=origin_of(name) or key_origin(raw, "vars_files"),
            )
    return list(files)
