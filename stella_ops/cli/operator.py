"""``stella-ops operator``: who may ask the orchestrator, and what they may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stella_ops.agents.fleet import Fleet
    from stella_ops.store.operators import Operator

ROLES = ("viewer", "operator", "admin")

_FORMAT = click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group()
def operator() -> None:
    """Say who may ask the orchestrator (stella-ops serve), by an API key or a certificate.

    A viewer sees the fleet; an operator also mints tokens, configures and decommissions agents and gives them tasks;
    an admin also sees the audit trail and looks after operators.
    """


@operator.command(
    epilog="""\b
Examples:
  stella-ops operator add alice --role operator
  stella-ops operator add ci --role viewer --ttl 90d --format json | jq -r .key
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout alice.key -subj /CN=alice -out alice.csr
  stella-ops operator add alice --role admin --csr alice.csr --output alice.crt

\b
A key goes into a header:  curl --cacert root.crt -H @header https://stella:8443/v1/agents
where the file header holds  Authorization: Bearer KEY  (argv can be seen by others on the machine)."""
)
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What they may do.")
@click.option(
    "--ttl",
    metavar="DURATION",
    help="How long it is good, as 12h or 90d. [default: keys for ever, certificates a year]",
)
@click.option(
    "--csr",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="A certificate request for NAME; a certificate takes the place of a key.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the key (for your eyes alone) or the certificate there.",
)
@click.option("--check", is_flag=True, help="Only say what would be done.")
@_FORMAT
def add(
    name: str, role: str, ttl: str | None, csr: Path | None, output: Path | None, check: bool, output_format: str
) -> int:
    """Let someone in. A key is shown this once: the store keeps its hash alone."""
    from stella_ops.agents.operators import Role
    from stella_ops.errors import UsageError

    life = _ttl(ttl)
    with _fleet() as fleet:
        if check:
            from stella_ops.agents.names import check_name

            check_name(name, "name")
            click.echo(f"{name} would be let in as {role}, by {'an API key' if csr is None else 'a certificate'}.")
            return 0
        if csr is None:
            made = fleet.operators.add_key(name, Role(role), by=fleet.actor, ttl=life)
            fleet.redactor.add(made.value)
            found, secret, chain = made.operator, made.value, None
        else:
            options = {} if life is None else {"ttl": life}
            issued = fleet.operators.add_certificate(name, Role(role), _read(csr), by=fleet.actor, **options)
            found, secret, chain = issued.operator, None, issued.chain_pem
        if output is not None:
            try:
                _write(output, chain if chain is not None else f"{secret}\n", secret=chain is None)
            except UsageError:
                # Nobody will ever see it.
                fleet.operators.revoke(found.id, by=fleet.actor)
                raise
    if output_format == "json":
        shown = _plain(found)
        if output is None:
            shown |= {"key": secret, "chain": chain}
        click.echo(json.dumps(shown, indent=2))
        return 0
    click.echo(f"{found.name} is in as {found.role} (id {found.id}), {_until(found)}.", err=output is None)
    if output is None:
        click.echo(chain.rstrip() if chain is not None else secret)
    return 0


@operator.command(
    name="list",
    epilog="""\b
Examples:
  stella-ops operator list
  stella-ops operator list --all --format json""",
)
@click.option("--all", "everyone", is_flag=True, help="Show those who were revoked or have ended, too.")
@_FORMAT
def list_operators(everyone: bool, output_format: str) -> int:
    """List operators."""
    with _fleet() as fleet:
        now = fleet.clock()
        found = [one for one in fleet.operators.list() if everyone or _state(one, now) == "good"]
    if output_format == "json":
        click.echo(json.dumps([{**_plain(one), "status": _state(one, now)} for one in found], indent=2))
    elif not found:
        click.echo("No operators yet. Add one: stella-ops operator add NAME --role operator")
    else:
        from tabulate import tabulate

        rows = [
            (one.id, one.name, one.role, one.kind, _state(one, now), _moment(one.expires_at), _moment(one.last_used_at))
            for one in found
        ]
        headers = ["ID", "NAME", "ROLE", "KIND", "STATUS", "EXPIRES", "LAST USED"]
        click.echo(tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True))
    return 0


@operator.command(
    epilog="""\b
Examples:
  stella-ops operator revoke 0123456789abcdef
  stella-ops operator revoke --check 0123456789abcdef"""
)
@click.argument("operator_id", metavar="ID")
@click.option("--check", is_flag=True, help="Only say what would be done.")
def revoke(operator_id: str, check: bool) -> int:
    """Let an operator in no more; running servers know it at once."""
    from stella_ops.errors import UsageError

    with _fleet() as fleet:
        found = next((one for one in fleet.operators.list() if one.id == operator_id), None)
        if found is None:
            raise UsageError(f"no operator has the id '{operator_id[:16]}'", hint="stella-ops operator list shows all")
        if found.revoked_at is not None:
            click.echo(f"{found.name} was revoked before.")
        elif check:
            click.echo(f"{found.name} ({found.role}) would be revoked.")
        else:
            fleet.operators.revoke(operator_id, by=fleet.actor)
            click.echo(f"{found.name} ({found.role}) is revoked.")
    return 0


@contextmanager
def _fleet() -> Iterator[Fleet]:
    from stella_ops.agents.fleet import Fleet
    from stella_ops.cli.secrets import REDACTOR
    from stella_ops.settings import load_project

    fleet = Fleet(load_project(), redactor=REDACTOR, warn=lambda message: click.echo(f"warning: {message}", err=True))
    try:
        yield fleet
    finally:
        if "store" in fleet.__dict__:
            fleet.store.close()


def _ttl(text: str | None) -> timedelta | None:
    from stella_ops.durations import parse_duration

    try:
        return None if text is None else parse_duration(text)
    except (ValueError, OverflowError):
        raise click.UsageError(f"--ttl: '{text}' is no duration like 12h or 90d") from None


def _read(path: Path) -> str:
    from stella_ops.errors import UsageError

    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as problem:
        said = problem.strerror if isinstance(problem, OSError) else "it is no PEM"
        raise UsageError(f"the certificate request cannot be read: {said}", where=path) from None


def _write(path: Path, text: str, *, secret: bool) -> None:
    from stella_ops import atomic_files
    from stella_ops.errors import UsageError

    try:
        atomic_files.write(path, text, mode=0o600 if secret else 0o644)
    except OSError as problem:
        raise UsageError(f"cannot write the file: {problem.strerror}", where=path) from None


def _state(one: Operator, now: Any) -> str:
    if one.revoked_at is not None:
        return "revoked"
    return "expired" if one.expires_at is not None and now >= one.expires_at else "good"


def _plain(one: Operator) -> dict[str, Any]:
    from stella_ops.store.columns import iso_z

    moments = ("created_at", "expires_at", "revoked_at", "last_used_at")
    shown: dict[str, Any] = {key: getattr(one, key) for key in ("id", "name", "role", "kind", "created_by")}
    shown.update((key, iso_z(value) if (value := getattr(one, key)) else None) for key in moments)
    return shown


def _until(one: Operator) -> str:
    return f"until {_moment(one.expires_at)}" if one.expires_at else "until revoked"


def _moment(when: Any) -> str:
    return "-" if when is None else f"{when:%Y-%m-%d %H:%M:%S}Z"
