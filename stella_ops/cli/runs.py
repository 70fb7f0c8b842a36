"""``stella-ops runs``: the runs that are recorded in the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from stella_ops.settings import Project
    from stella_ops.store.database import Store
    from stella_ops.store.runs import Run, TaskResult

Found = TypeVar("Found")

_FORMAT = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to show it."
)


@click.group()
def runs() -> None:
    """Look at the runs of playbooks, modules and the doctor that the store has.

    A run is named by the beginning of its id, or by "last".
    """


@runs.command(
    "list",
    epilog="""\b
Examples:
  stella-ops runs list
  stella-ops runs list --limit 100 --format json""",
)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The most to show.")
@_FORMAT
def list_(limit: int, form: str) -> int:
    """The last runs, the newest first."""
    from stella_ops.store import journal
    from stella_ops.store import runs as store

    def ask(connection: Connection) -> tuple[list[Run], set[str]]:
        found = store.recent(connection, limit)
        return found, journal.journalled(connection, [run.id for run in found if run.exit_code != 0])

    found, journalled = _ask(ask)
    if form == "json":
        click.echo(json.dumps([{**_run(run), "journalled": run.id in journalled} for run in found], indent=2))
        return 0
    from stella_ops.console.text import safe_line

    for run in found:
        ended = "running or killed" if run.exit_code is None else f"exit {run.exit_code}"
        mark = " --check" if run.check_mode else ""
        if run.id in journalled and run.exit_code is not None:
            mark = "  (can be resumed)"
        started = run.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        click.echo(f"{run.id[:12]}  {started}  {run.kind:6}  {ended:18}  {safe_line(run.title)}{mark}")
    if not found:
        click.echo("no run is recorded yet", err=True)
    return 0


@runs.command(
    epilog="""\b
Examples:
  stella-ops runs show last
  stella-ops runs show 3f2a --host web1 --results"""
)
@click.argument("run", default="last")
@click.option("--host", metavar="NAME", help="Only what it brought on this host.")
@click.option("--results", is_flag=True, help="What the modules returned, too.")
@_FORMAT
def show(run: str, host: str | None, results: bool, form: str) -> int:
    """What a run brought, task by task. RUN is "last" by default."""
    from stella_ops.cli.resuming import outlook
    from stella_ops.console.text import safe_line

    found, rows = _ask(lambda connection: _with_results(connection, run, host))
    resumable = _with_store(lambda project, store: outlook(project, store, found)) if found.exit_code != 0 else []
    if form == "json":
        told = {**_run(found), "resume": resumable, "results": [_result(row) for row in rows]}
        click.echo(json.dumps(told, indent=2))
        return 0
    click.echo(f"run {found.id}: {found.kind} {safe_line(found.title)}{' --check' if found.check_mode else ''}")
    click.echo(f"started {found.started_at.astimezone():%Y-%m-%d %H:%M:%S}")
    if found.finished_at is not None:
        took = (found.finished_at - found.started_at).total_seconds()
        click.echo(f"ended after {took:.1f} s with exit status {found.exit_code}")
    for line in resumable:
        click.echo(safe_line(line))
    task: object = None
    for row in rows:
        if row.task_id != task:
            task = row.task_id
            click.echo(f"\n{safe_line(row.play or '')} : {safe_line(row.task)}")
        click.echo(f"  {row.status:11} {safe_line(row.host)}  {row.duration:.2f} s")
        if row.status in ("failed", "unreachable") and row.result.get("msg"):
            click.echo(f"    {safe_line(row.result['msg'])}")
        if results:
            from stella_ops.console.results import to_text

            click.echo("    " + to_text(dict(row.result), indent=2).replace("\n", "\n    "))
    if found.hosts:
        from stella_ops.console.recap import recap_line
        from stella_ops.engine.events import HostTally

        click.echo("")
        for name in sorted(found.hosts):
            click.echo(recap_line(name, HostTally(**found.hosts[name])))
    return 0


@runs.command(
    epilog="""\b
Examples:
  stella-ops runs diff 3f2a last        what went otherwise than before

\b
Exit status: 0 nothing differs, 1 something does."""
)
@click.argument("before")
@click.argument("after", default="last")
@_FORMAT
def diff(before: str, after: str, form: str) -> int:
    """What two runs brought differently: tasks and hosts by their names."""
    from stella_ops.console.text import safe_line

    old = _ask(lambda connection: _with_results(connection, before, None))[1]
    new = _ask(lambda connection: _with_results(connection, after, None))[1]
    was, now = _by_name(old), _by_name(new)
    changes = [
        {"play": key[0], "task": key[1], "host": key[2], "before": was.get(key), "after": now.get(key)}
        for key in dict.fromkeys((*was, *now))
        if was.get(key) != now.get(key)
    ]
    if form == "json":
        click.echo(json.dumps(changes, indent=2))
    for change in changes if form == "text" else ():
        place = " : ".join(safe_line(change[part] or "") for part in ("play", "task"))
        click.echo(f"{place} [{safe_line(change['host'])}]: {change['before'] or '-'} -> {change['after'] or '-'}")
    return 1 if changes else 0


def _by_name(rows: list[TaskResult]) -> dict[tuple[str, str, str], str]:
    """The status of each task on each host; tasks of one name are counted."""
    found: dict[tuple[str, str, str], str] = {}
    for row in rows:
        name, number = row.task, 1
        while (row.play or "", name, row.host) in found:
            number += 1
            name = f"{row.task} ({number})"
        found[row.play or "", name, row.host] = row.status
    return found


def _with_results(connection: Connection, name: str, host: str | None) -> tuple[Run, list[TaskResult]]:
    from stella_ops.errors import UsageError
    from stella_ops.store import runs as store

    named = store.matching(connection, name)
    if not named:
        raise UsageError(f"there is no run '{name}'", hint="stella-ops runs list shows those there are")
    if len(named) > 1:
        raise UsageError(f"'{name}' begins the ids of several runs", hint="write more of it")
    return named[0], store.results(connection, named[0].id, host)


def _ask(question: Callable[[Connection], Found]) -> Found:
    def ask(_: Project, store: Store) -> Found:
        with store.reading() as connection:
            return question(connection)

    return _with_store(ask)


def _with_store(question: Callable[[Project, Store], Found]) -> Found:
    from stella_ops.settings import load_project
    from stella_ops.store.database import Store

    project = load_project()
    if project.store.url is None:
        project.ensure_state_dir()
    opened = Store.open(project.store_url)
    try:
        return question(project, opened)
    finally:
        opened.close()


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "kind": run.kind,
        "title": run.title,
        "check": run.check_mode,
        "started": run.started_at.isoformat(),
        "finished": run.finished_at.isoformat() if run.finished_at else None,
        "exit_code": run.exit_code,
        "interrupted": run.interrupted,
        "hosts": dict(run.hosts or {}),
    }


def _result(row: TaskResult) -> dict[str, Any]:
    return {
        "play": row.play,
        "task": row.task,
        "action": row.action,
        "host": row.host,
        "status": row.status,
        "finished": row.finished_at.isoformat(),
        "duration": row.duration,
        "result": dict(row.result),
        "hint": row.hint,
        "delegate": row.delegate,
    }
