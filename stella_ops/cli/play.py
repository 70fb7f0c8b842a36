"""``stella-ops play``: run playbooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stella_ops.cli import options
from stella_ops.cli.ansible_programs import AnsibleCommand, called_as_ansible
from stella_ops.cli.versions import version_option
from stella_ops.errors import MissingPlaybookError, UsageError

if TYPE_CHECKING:
    from stella_ops.cli.workplace import Workplace


@click.command(
    cls=AnsibleCommand,
    epilog="""\b
Examples:
  stella-ops play bootstrap.yml -i inventory            install, enrol, configure and start agents
  stella-ops play site.yml -i hosts.ini --check --diff  what would change?
  stella-ops play site.yml -l 'web:&prod' -t config     some hosts, some tasks
  stella-ops play site.yml --start-at-task 'restart*'   pass over what comes before
  stella-ops play --resume                              go on where the last run failed
  stella-ops play site.yml --report junit=run.xml       what came of it, for a CI server
  stella-ops play site.yml --live > run.log             what commands print while they run, on standard error
  stella-ops play bootstrap.yml -l web3 --reissue       a new key and certificate for an agent
  stella-ops play decommission.yml -i inventory -l web3 remove an agent

\b
Exit status: 0 all went well, 1 error, 2 a host failed (or is certain to), 4 a host was unreachable or a file cannot
be parsed, 99 interrupted. With --detailed-exitcode: 0 no changes, 2 changes made (or pending, under --check), 1 any
failure.""",
)
@version_option("play")
@click.argument("playbooks", nargs=-1, metavar="PLAYBOOK...")
@options.inventory_options
@options.check_options
@click.option("-t", "--tags", multiple=True, metavar="TAGS", help="Only tasks with one of these tags.")
@click.option("--skip-tags", multiple=True, metavar="TAGS", help="No task with one of these tags.")
@click.option("--list-hosts", is_flag=True, help="Show the hosts that would take part, and stop.")
@click.option("--list-tasks", is_flag=True, help="Show the tasks that would run, and stop.")
@click.option("--list-tags", is_flag=True, help="Show the tags that plays and tasks have, and stop.")
@click.option("--start-at-task", metavar="NAME", help="Begin at the task of this name, or that this glob means.")
@click.option("--step", is_flag=True, help="Ask before each task.")
@click.option(
    "--max-fail",
    type=click.IntRange(min=0),
    metavar="N",
    help="Stop when more than N hosts of the run failed or could not be reached.",
)
@click.option(
    "--max-unreachable",
    type=click.IntRange(min=0),
    metavar="N",
    help="Count hosts that cannot be reached apart, and stop when there are more than N.",
)
@click.option("--force-handlers", is_flag=True, help="Run handlers on hosts that failed, too.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[RUN]",
    help="Go on with a run that failed or was interrupted: the last one, or that of this id; see docs/resume.md.",
)
@click.option("--syntax-check", is_flag=True, help="Read everything, run nothing.")
@click.option(
    "--precheck/--no-precheck",
    default=None,
    help="Run nothing where templates are certain to fail half-way on all hosts. [default: on]",
)
@click.option(
    "--reissue",
    is_flag=True,
    help="With bootstrap.yml: give agents that are known already a new key and certificate, and keep their ids (sets "
    "stella_reissue).",
)
@click.option(
    "--tunnel",
    is_flag=True,
    help="Give the agents on the hosts the orchestrator's API through SSH for the length of the run; see stella-ops "
    "tunnel.",
)
@click.option("--orchestrator", metavar="URL", help="Where --tunnel leads, as reached from here.")
@options.connection_options
@options.run_options
def play(
    playbooks: tuple[str, ...],
    list_hosts: bool,
    list_tasks: bool,
    list_tags: bool,
    syntax_check: bool,
    precheck: bool | None,
    resume: str | None,
    reissue: bool,
    extra_vars: tuple[str, ...],
    **given: Any,
) -> int:
    """Run playbooks: yours, one of a collection by its full name, or a built-in one by its name.

    Built in are bootstrap.yml, configure.yml, doctor.yml and decommission.yml.
    """
    import dataclasses

    from stella_ops.cli.collections import print_notices
    from stella_ops.cli.execution import execute, failing_with_one
    from stella_ops.cli.limiting import check_limit
    from stella_ops.cli.tolerance import Sources, tell_of_patterns
    from stella_ops.cli.workplace import Choices, folders_of, module_environment, prepare
    from stella_ops.module_folders import folders_beside, split_paths

    with failing_with_one(given["detailed_exitcode"]):
        if given["orchestrator"] and not given["tunnel"]:
            raise UsageError("--orchestrator says where tunnels lead, and none are opened", hint="add --tunnel")
        if reissue:
            extra_vars = (*extra_vars, '{"stella_reissue": true}')
        resuming = None
        if resume is not None:
            from stella_ops.cli.resuming import choices_again, find
            from stella_ops.settings import load_project

            if resume and not playbooks and is_playbook(resume):
                resume, playbooks = "", (resume,)
            resuming = find(load_project(), resume, playbooks)
            playbooks, resuming.narrowed = resuming.playbooks, given["limit"] is not None
            given = choices_again({**given, "extra_vars": extra_vars}, resuming.past)
            extra_vars = given.pop("extra_vars")
        if not playbooks:
            raise click.UsageError("the following arguments are required: playbook", click.get_current_context())
        workplace = prepare(Choices(extra_vars=extra_vars, beside=folders_of(playbooks), **given))
        paths = find_playbooks(playbooks, workplace)
        named = [folder for text in given["module_path"] for folder in split_paths(text)]
        environ = module_environment(workplace.settings)
        folders = folders_beside(paths, named, workplace.options.module_folders, environ)
        workplace.options = dataclasses.replace(workplace.options, module_folders=folders)
        Sources(workplace.settings).tell_of_no_hosts(workplace.inventory)
        books = workplace.load(paths)
        check_limit(workplace.inventory, workplace.options.limit)
        if list_hosts or list_tasks or list_tags or syntax_check:
            from stella_ops.cli.listing import list_playbook

            parts = {"hosts": list_hosts, "tasks": list_tasks, "tags": list_tags}
            listed = [list_playbook(book, workplace, **parts) for book in books]
            tell_of_patterns(workplace.inventory, none=False)
            click.echo("".join(listed), nl=False)
            print_notices(workplace.settings)
            return 0
        wanted = not called_as_ansible() if precheck is None else precheck
        if wanted and resuming is None:
            from stella_ops.cli.prechecking import refuse_what_is_certain_to_fail

            refuse_what_is_certain_to_fail(workplace, books)
        warnings = resuming.fit(books) if resuming is not None else []
        title = resuming.run.title if resuming is not None else " ".join(playbooks)
        return execute(workplace, books, kind="play", title=title, resuming=resuming, warnings=warnings)


def is_playbook(text: str) -> bool:
    """Whether what stands behind ``--resume`` is a playbook, and not the id of a run."""
    return Path(text).suffix in (".yml", ".yaml", ".json") or Path(text).is_file()


def find_playbooks(names: Sequence[str], workplace: Workplace) -> list[Path]:
    """Playbooks as a command line names them; the collections beside them are in use from then on.

    Raises:
        MissingPlaybookError: there is none of a name.
    """
    from stella_ops.cli.collections import use_collections

    # One of a collection may lie beside another playbook.
    written = [Path(name).expanduser() for name in names]
    places = [path.absolute().parent for path in written if path.is_file()]
    found = use_collections(workplace.settings, [*places, Path.cwd()] if len(places) < len(names) else places)
    return [found.playbook(name) or find_playbook(name, workplace.project.root) for name in names]


def find_playbook(name: str, root: Path) -> Path:
    """A playbook by path, or by name in the project's ``playbooks/`` and among the built-in ones.

    Raises:
        MissingPlaybookError: there is none of that name.
    """
    from stella_ops.collections import current
    from stella_ops.collections.resolving import explain
    from stella_ops.content import builtin_folder
    from stella_ops.spelling import did_you_mean

    path = Path(name).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        raise MissingPlaybookError(f"the playbook: {name} does not appear to be a file: it is a folder")
    if path.name == name:
        for folder in (root / "playbooks", builtin_folder("playbooks")):
            if (folder / name).is_file():
                return folder / name
    builtin = sorted(p.name for p in builtin_folder("playbooks").glob("*.yml"))
    hint = explain(current(), "playbook", name) if "/" not in name and not name.endswith((".yml", ".yaml")) else None
    raise MissingPlaybookError(
        f"the playbook: {name} could not be found",
        hint=hint or did_you_mean(name, builtin) or f"built in are {', '.join(builtin)}",
    )
