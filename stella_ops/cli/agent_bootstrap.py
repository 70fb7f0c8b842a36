"""``stella-ops agent bootstrap`` and ``agent install-script``: what a host needs to become an agent by itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stella_ops.agents.bootstrap import BootstrapResult
    from stella_ops.agents.fleet import Fleet

PLATFORMS = ("linux", "windows", "docker")
CAPABILITIES = ("docker", "compose", "health_check")


@click.command(
    name="bootstrap",
    epilog="""\b
Examples:
  stella-ops agent bootstrap --name web1 --env production
  stella-ops agent bootstrap --name ci --env test --platform docker --capabilities docker,compose
  stella-ops agent bootstrap --name web1 --env production --format json | jq -r .install_command

The token is shown this once: the store keeps its hash alone. It is good for one host, until it expires; revoke it
with: stella-ops token revoke ID""",
)
@click.option("--name", required=True, metavar="NAME", help="What the agent is to be called.")
@click.option("--env", "environment", metavar="NAME", help="Its environment. [default: from stella.toml]")
@click.option(
    "--platform", type=click.Choice(PLATFORMS), default="linux", show_default=True, help="What it is installed on."
)
@click.option(
    "--capabilities",
    "--capability",
    "capabilities",
    multiple=True,
    metavar="NAME[,NAME]",
    help=f"What it can be asked to do: {', '.join(CAPABILITIES)}. [default: from stella.toml]",
)
@click.option("--cluster", metavar="ID", help="An existing cluster to join.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="May be given several times.")
@click.option("--ttl", metavar="DURATION", help="How long the token is good, as 15m or 2h. [default: from stella.toml]")
@click.option("--uses", type=click.IntRange(min=1), default=1, show_default=True, help="How many hosts it may enrol.")
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def bootstrap(
    name: str,
    environment: str | None,
    platform: str,
    capabilities: tuple[str, ...],
    cluster: str | None,
    labels: tuple[str, ...],
    ttl: str | None,
    uses: int,
    output_format: str,
) -> int:
    """Make a token, and the command that turns a host into an agent with it.

    The host calls the orchestrator (stella-ops serve), so nothing needs to reach the host. To push an agent over SSH
    instead, run: stella-ops play bootstrap.yml.
    """
    from stella_ops.agents.bootstrap import BootstrapRequest
    from stella_ops.agents.platforms import AgentCapability, Platform

    with _fleet() as fleet:
        request = BootstrapRequest(
            agent_name=name,
            environment=environment or fleet.project.agent.environment,
            platform=Platform(platform),
            capabilities=tuple(map(AgentCapability, _capabilities(capabilities))) or None,
            labels=_labels(labels),
            cluster_id=cluster,
            ttl=_ttl(ttl),
            uses=uses,
        )
        result = fleet.bootstrap.bootstrap(request, actor=fleet.actor)
        life = result.token_expires - fleet.clock()
    if output_format == "json":
        click.echo(json.dumps(result.to_json(), indent=2))
    else:
        click.echo(_told(result, round(life.total_seconds())))
    return 0


@click.command(
    name="install-script",
    epilog="""\b
Examples:
  stella-ops agent install-script --token TOKEN --output install.sh
  stella-ops agent install-script --platform linux --embed-package > install.sh

With a token the script holds it and is written for its owner's eyes alone (mode 0700). Without one it is the script
that every host of the fleet can run, and asks for a token.""",
)
@click.option("--token", metavar="TOKEN", help="A token of agent bootstrap; - reads it from standard input.")
@click.option("--platform", type=click.Choice(PLATFORMS), help="For a script without token. [default: linux]")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="[default: stdout]")
@click.option("--embed-package", is_flag=True, help="Put the agent's package into the script, for an air-gapped host.")
def install_script(token: str | None, platform: str | None, output: Path | None, embed_package: bool) -> int:
    """Write the install script."""
    from stella_ops.agents import installers
    from stella_ops.agents.platforms import Platform
    from stella_ops.errors import UsageError

    if token == "-":  # noqa: S105 (a mark, no token)
        token = sys.stdin.readline().strip()
    with _fleet() as fleet:
        name = environment = None
        if token is not None:
            fleet.redactor.add(token)
            known = fleet.tokens.show(token)
            if known.status != "valid":
                raise UsageError(
                    f"the token is {known.status}", hint="make another: stella-ops agent bootstrap --name NAME"
                )
            if platform is not None and known.binding.platform not in (None, platform):
                raise UsageError(f"the token is for platform {known.binding.platform}, not {platform}")
            platform = platform or known.binding.platform
            name, environment = known.agent_name, known.environment
        source, package = fleet.install_source, None
        if embed_package:
            package = fleet.package.path.read_bytes()
            source = source.sealed(fleet.release_key.sign(package))
        script = installers.install_script(
            Platform(platform or "linux"), source, token=token, name=name, environment=environment, package=package
        )
    if output is None:
        click.echo(script, nl=False)
    else:
        _write(output, script, 0o700 if token is not None else 0o755)
        click.echo(f"{output} written", err=True)
    return 0


@contextmanager
def _fleet() -> Iterator[Fleet]:
    import asyncio

    from stella_ops.agents.fleet import Fleet
    from stella_ops.cli.secrets import REDACTOR
    from stella_ops.settings import load_project

    fleet = Fleet(load_project(), redactor=REDACTOR, warn=lambda message: click.echo(f"[WARNING]: {message}", err=True))
    try:
        yield fleet
    finally:
        asyncio.run(fleet.close())


def _told(result: BootstrapResult, seconds: int) -> str:
    """Source: the specification's ``agent bootstrap``."""
    return "\n".join(
        (
            f"Bootstrap token generated (expires in {_life(seconds)}):",
            "",
            f"  Token: {result.token}",
            "",
            "One-line installer:",
            f"  {result.install_command}",
            "",
            "The same, with the token read from standard input and in no process list or history:",
            f"  {result.install_command_stdin}",
            "",
            "Or download the install script:",
            f"  stella agent install-script --token {result.token} --output {_file_name(result.platform.value)}",
        )
    )


def _file_name(platform: str) -> str:
    return {"windows": "install.ps1", "docker": "docker-compose.yml"}.get(platform, "install.sh")


def _life(seconds: int) -> str:
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}" + ("" if count == 1 else "s")
    return f"{seconds} seconds"


def _capabilities(given: tuple[str, ...]) -> list[str]:
    found = [word.strip() for part in given for word in part.split(",") if word.strip()]
    for word in found:
        if word not in CAPABILITIES:
            from stella_ops.spelling import did_you_mean

            raise click.BadParameter(
                f"'{word}' is no capability; {did_you_mean(word, CAPABILITIES) or 'known: ' + ', '.join(CAPABILITIES)}",
                param_hint="--capabilities",
            )
    return list(dict.fromkeys(found))


def _labels(given: tuple[str, ...]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"'{text}' is not KEY=VALUE", param_hint="--label")
        if key in labels:
            raise click.BadParameter(f"'{key}' is given twice", param_hint="--label")
        labels[key] = value
    return labels


def _ttl(text: str | None) -> Any:
    if text is None:
        return None
    from stella_ops.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="--ttl") from None


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file whole or not at all; nobody else can read it at any moment when ``mode`` says so."""
    from stella_ops import atomic_files
    from stella_ops.errors import UsageError

    try:
        atomic_files.write(path, text, mode=mode)
    except OSError as problem:
        raise UsageError(f"cannot write the script: {problem.strerror}", where=path) from None
