"""``stella-ops doctor``: the health of hosts and their agents."""

from __future__ import annotations

import sys
from typing import Any

import click

from stella_ops.cli import options
from stella_ops.errors import ParseError, UsageError

COULD_NOT_CHECK = 3
WRONG_USAGE = 2


@click.command(
    epilog="""\b
Examples:
  stella-ops doctor all -i inventory
  stella-ops doctor web -i hosts.ini --category Security
  stella-ops doctor all -i inventory --format json | jq '.reports[].overall_status'

\b
Exit status: 0 every host is healthy, 1 one is not, 2 wrong usage, 3 a host or a check could not be looked at."""
)
@click.argument("pattern")
@options.inventory_options
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="json and yaml: one document on standard output and nothing else.",
)
@click.option("--category", "categories", multiple=True, help="Only checks of this category, e.g. Security.")
@click.option("--only", "checks", multiple=True, metavar="CHECK", help="Only this check, e.g. disk-space.")
@click.option("--prefix", metavar="PATH", help="Where the agent is installed on the hosts.")
@options.connection_options
@click.option("-f", "--forks", type=click.IntRange(min=1), help="Hosts to check at once. [default: 50]")
@click.option("-e", "--extra-vars", multiple=True, metavar="VARS", help="Variables over all others.")
@click.option("-v", "--verbose", count=True, help="Show more; up to -vvv.")
def doctor(
    pattern: str,
    output_format: str,
    categories: tuple[str, ...],
    checks: tuple[str, ...],
    prefix: str | None,
    **given: Any,
) -> int:
    """Push the doctor's checks to the hosts of PATTERN and show what they find.

    It needs no agent on the hosts, and changes nothing there.
    """
    from stella_ops.cli.doctor_collector import Collector
    from stella_ops.cli.execution import execute
    from stella_ops.cli.single_task import single_task
    from stella_ops.cli.workplace import Choices, prepare
    from stella_ops.console.stream import wants_color
    from stella_ops.doctor.checks import load_checks
    from stella_ops.doctor.exit_status import exit_status
    from stella_ops.doctor.render import render_json, render_table, render_yaml

    try:
        workplace = prepare(Choices(**given))
        folders = [workplace.project.root / "modules"]
        load_checks(folders, categories=categories or None, names=checks or None)
        if not workplace.inventory.select(pattern, workplace.options.limit):
            raise UsageError(f"no host is meant by '{pattern}' with --limit {workplace.options.limit}")
    except ParseError as problem:
        # A file that cannot be parsed is wrong usage here, so that 3 and 1 keep their one meaning.
        problem.exit_code = WRONG_USAGE
        raise
    args: dict[str, Any] = {"prefix": prefix} if prefix else {}
    if categories:
        args["categories"] = list(categories)
    if checks:
        args["checks"] = list(checks)
    collector = Collector(sys.stderr)
    execute(workplace, [single_task(pattern, "doctor", args)], kind="doctor", title=pattern, reporters=[collector])
    found = collector.outcome()
    color = False
    if output_format == "json":
        text = render_json(found)
    elif output_format == "yaml":
        text = render_yaml(found)
    else:
        color = wants_color(sys.stdout)
        text = render_table(found, color=color)
    # click takes colours out of what goes to a pipe, even where they were asked for (FORCE_COLOR).
    click.echo(text, nl=False, color=color)
    return exit_status(found)
