"""``stella-ops tunnel``: the orchestrator's API for agents that cannot reach it, through their own SSH connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stella_ops.cli import options

if TYPE_CHECKING:
    from datetime import timedelta

    from stella_ops.console.tunnels import TunnelView


class _Duration(click.ParamType):  # type: ignore[type-arg]
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        from stella_ops.durations import parse_duration

        try:
            return parse_duration(str(value))
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


@click.command(
    epilog="""\b
Examples:
  stella-ops tunnel all -i inventory                       until Ctrl-C
  stella-ops tunnel web -i hosts.ini -b --duration 10m     as root by sudo: the agent runs as another user
  stella-ops tunnel all --orchestrator https://10.0.0.5:8443 --format json
  stella-ops tunnel all -i inventory --until-idle 2m       until no agent has used one for so long

\b
Exit status: 0 every host had its tunnel, 2 one had none (forbidden, held by another, no rights),
4 one could not be reached, 1 error."""
)
@click.argument("pattern")
@options.inventory_options
@click.option(
    "--orchestrator",
    metavar="URL",
    help="The orchestrator, as reached from here. [default: stella.toml's orchestrator.url, else what it listens on]",
)
@click.option("--duration", type=_Duration(), metavar="TIME", help="End after so long, e.g. 10m.")
@click.option(
    "--until-idle",
    type=_Duration(),
    metavar="TIME",
    is_flag=False,
    flag_value="60s",
    help="End when no tunnel has been in use for so long. [default: 60s where no time is given]",
)
@click.option("--replace", is_flag=True, help="Take over hosts that another tunnel holds.")
@click.option("--keep-trying", is_flag=True, help="Do not give up hosts that cannot be reached at first.")
@click.option("--prefix", metavar="PATH", help="Where the agent is installed on the hosts.")
@click.option("-C", "--check", is_flag=True, help="Open nothing; tell where a tunnel could be opened.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: each change of state as a line of JSON.",
)
@options.connection_options
@click.option("-f", "--forks", type=click.IntRange(min=1), help="Hosts to work on at once. [default: 50]")
@click.option("-e", "--extra-vars", multiple=True, metavar="VARS", help="Variables over all others.")
@click.option("-v", "--verbose", count=True, help="Show more; up to -vvv.")
def tunnel(
    pattern: str,
    orchestrator: str | None,
    duration: timedelta | None,
    until_idle: timedelta | None,
    replace: bool,
    keep_trying: bool,
    prefix: str | None,
    output_format: str,
    **given: Any,
) -> int:
    """Give the agents of PATTERN's hosts the orchestrator's API through SSH.

    Each host's own SSH connection carries a UNIX socket of the host to the orchestrator. The agent finds it and
    speaks the same API with the same mutual TLS through it; no port is opened, and what it says stays between the
    two. A connection that is cut is opened again.
    """
    import asyncio
    import sys

    from stella_ops.cli.tunnelling import end_of, keep_tunnels
    from stella_ops.cli.workplace import Choices, prepare
    from stella_ops.console.tunnels import JsonView, LineView

    workplace = prepare(Choices(**given))
    endpoint = end_of(workplace.project, orchestrator)
    view: TunnelView = (
        JsonView(sys.stdout)
        if output_format == "json"
        else LineView(sys.stdout, sys.stderr, verbosity=given.get("verbose", 0))
    )
    return asyncio.run(
        keep_tunnels(
            workplace,
            pattern,
            endpoint,
            view,
            prefix=prefix,
            replace=replace,
            keep_trying=keep_trying,
            seconds=None if duration is None else duration.total_seconds(),
            idle=None if until_idle is None else until_idle.total_seconds(),
        )
    )
