"""``stella-ops agent``: bootstraps agents, and shows those of the fleet as the store knows them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from stella_ops.cli.agent_bootstrap import bootstrap, install_script

if TYPE_CHECKING:
    from stella_ops.agents.registry import AgentView

_FORMAT = click.option(
    "--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True
)


@click.group()
def agent() -> None:
    """Bootstrap agents, and look at those of the fleet.

    What list and status show is what the last visit found: run a playbook or the doctor to look anew.
    """


agent.add_command(bootstrap)
agent.add_command(install_script)


@agent.command(
    name="list",
    epilog="""\b
Examples:
  stella-ops agent list
  stella-ops agent list --env production --format json | jq -r '.[].name'""",
)
@click.option("--env", "environment", metavar="NAME", help="Only agents of this environment.")
@click.option("--all", "everyone", is_flag=True, help="Show decommissioned agents, too.")
@_FORMAT
def list_agents(environment: str | None, everyone: bool, output_format: str) -> int:
    """List agents."""
    with _registry() as registry:
        found = registry.list(environment, include_decommissioned=everyone)
    if output_format == "json":
        click.echo(json.dumps([view.to_json() for view in found], indent=2))
    elif not found:
        click.echo("No agents yet. Bootstrap some: stella-ops play bootstrap.yml -i inventory")
    else:
        click.echo(_table(found))
    return 0


@agent.command(
    epilog="""\b
Examples:
  stella-ops agent status
  stella-ops agent status web1 --format json"""
)
@click.argument("name", required=False)
@click.option("--env", "environment", metavar="NAME", help="The agent's environment, where names are not unique.")
@_FORMAT
def status(name: str | None, environment: str | None, output_format: str) -> int:
    """Show the status of one agent, or of all."""
    with _registry() as registry:
        found = [registry.get(name, environment)] if name else registry.list(environment)
    if output_format == "json":
        click.echo(json.dumps([view.to_json() for view in found], indent=2))
    elif name:
        click.echo(_details(found[0]))
    else:
        click.echo(_table(found) if found else "No agents yet.")
    return 0


class _registry:
    """The registry of the current project's fleet, closed at the end."""

    def __enter__(self) -> Any:
        from stella_ops.agents.fleet import utc_now
        from stella_ops.agents.registry import AgentRegistry
        from stella_ops.settings import load_project
        from stella_ops.store.database import Store

        project = load_project()
        project.ensure_state_dir()
        self._store = Store.open(project.store_url)
        return AgentRegistry(self._store, clock=utc_now)

    def __exit__(self, *problem: object) -> None:
        self._store.close()


_COLUMNS = (
    "name",
    "environment",
    "host",
    "version",
    "status",
    "last heartbeat",
    "certificate expires",
    "visited",
)


def _table(agents: list[AgentView]) -> str:
    from tabulate import tabulate

    rows = [
        (
            view.name,
            view.environment,
            view.host,
            view.version or "-",
            view.status,
            _moment(view.last_heartbeat),
            _moment(view.certificate_expires_at),
            _age(view.last_visit_age),
        )
        for view in agents
    ]
    return tabulate(rows, headers=[column.upper() for column in _COLUMNS], tablefmt="plain", disable_numparse=True)


def _details(view: AgentView) -> str:
    shown = view.to_json()
    shown["last_visit_age"] = _age(view.last_visit_age)
    shown["labels"] = ", ".join(f"{k}={v}" for k, v in sorted(view.labels.items()))
    width = max(len(key) for key in shown)
    return "\n".join(
        f"{key.replace('_', ' '):<{width}}  {'-' if value in (None, '') else value}" for key, value in shown.items()
    )


def _moment(when: Any) -> str:
    return "-" if when is None else f"{when:%Y-%m-%d %H:%M:%S}Z"


def _age(seconds: float | None) -> str:
    """How long ago, in the largest unit that fits: ``42s ago``, ``3m ago``, ``5h ago``, ``2d ago``."""
    if seconds is None:
        return "never"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} ago"
    return f"{int(seconds)}s ago"
