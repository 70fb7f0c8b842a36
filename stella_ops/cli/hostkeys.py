"""``stella-ops hostkeys``: the SSH host keys of many hosts, gathered, compared, approved and pinned at once."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from stella_ops.cli import hostkeys_acts, options
from stella_ops.cli.hostkeys_options import FORMAT, PATTERN, choices_of, quoted, source_options

ALL_KNOWN, CHANGED, NOT_SEEN, NEW = 0, 1, 3, 5


@click.group()
def hostkeys() -> None:
    """Gather, review, approve and pin the SSH host keys of many hosts.

    \b
    scan      ask every host for all its keys; what is new waits for approval
    review    what waits, and what DNS, console lists and earlier pins say of it
    approve   approve what waits, in one step
    pin       write approved keys where plays look
    list      what is pinned, since when, by whom
    unpin     undo that
    revoke    never accept a key again
    """


@hostkeys.command(
    epilog="""\b
Examples:
  stella-ops hostkeys scan all -i inventory
  stella-ops hostkeys scan 'web:&prod' --forks 100 --algorithms ed25519,rsa
  stella-ops hostkeys scan all --format json | jq '.hosts[].keys[] | select(.state == "new")'

\b
Nobody is logged in to but jump hosts. States: known (on record), certified (by a CA on record), new (waits for
approval now), CHANGED (another key is on record: a play would be refused), REVOKED.
Exit status: 0 all keys are known, 1 a key has changed or is revoked, 3 a host could not be looked at, 5 there are new
keys; the first of 1, 3, 5 that holds."""
)
@PATTERN
@options.inventory_options
@click.option("-f", "--forks", type=click.IntRange(min=1), help="Hosts to look at at once. [default: 50]")
@click.option("-T", "--timeout", type=click.FloatRange(min=0.1), help="Seconds for one connection. [default: 10]")
@click.option("--algorithms", metavar="LIST", help="Kinds of keys, such as ed25519,ecdsa,rsa. [default: all]")
@click.option("--private-key", "--key-file", "private_key", metavar="FILE", help="To log in with at jump hosts.")
@click.option("-C", "--check", is_flag=True, help="Look, and record nothing.")
@FORMAT
def scan(pattern: str, algorithms: str | None, check: bool, output_format: str, **given: Any) -> int:
    """Ask the hosts of PATTERN for all their keys."""
    import asyncio
    from pathlib import Path

    from stella_ops.cli import hostkeys_views as views
    from stella_ops.cli.hostkeys_site import site, warn
    from stella_ops.errors import UsageError
    from stella_ops.hostkeys.look import look_at_hosts

    with site(pattern, choices_of(given)) as place:
        project = place.workplace.project
        inventory = place.workplace.inventory
        if not inventory.hosts:
            raise UsageError("there is no inventory with hosts", hint="name one: -i inventory, or -i 'web1,web2,'")
        hosts = inventory.select(pattern, given["limit"])
        key = given.get("private_key") or project.defaults.private_key_file
        # What is on record is what the store says, also where another controller has changed it.
        place.service.write_out()
        looked = asyncio.run(
            look_at_hosts(
                project,
                inventory,
                hosts,
                place.workplace.options,
                private_keys=[Path(key).expanduser()] if key else [],
                algorithms=[name.strip() for name in (algorithms or "").split(",") if name.strip()],
                now=place.fleet.clock,
                warn=warn,
                progress=_progress,
            )
        )
        if not check:
            place.service.record(looked)
        if output_format == "json":
            click.echo(json.dumps(views.looks_json(looked, place.fleet.clock()), indent=2))
        else:
            views.show_looks(looked)
            click.echo(views.summary(looked))
    states = {key.state for host in looked for key in host.keys}
    if "new" in states and output_format == "table" and not check:
        click.echo(f"Next: stella-ops hostkeys review {quoted(pattern)}")
    if states & {"changed", "revoked"}:
        return CHANGED
    if any(host.error is not None or not (host.keys or host.skipped) for host in looked):
        return NOT_SEEN
    return NEW if "new" in states else ALL_KNOWN


@hostkeys.command(
    epilog="""\b
Examples:
  stella-ops hostkeys review
  stella-ops hostkeys review web --sshfp --dns-server 127.0.0.1
  stella-ops hostkeys review db1 --console-list db1=console.log

\b
Exit status: 0 nothing speaks against the keys that wait, 1 something does."""
)
@PATTERN
@options.inventory_options
@source_options
@click.option("--all", "everything", is_flag=True, help="Show keys that known_hosts or a CA has already, too.")
@FORMAT
def review(
    pattern: str,
    sshfp: bool,
    dns_server: str | None,
    console_lists: tuple[str, ...],
    everything: bool,
    output_format: str,
    **given: Any,
) -> int:
    """Show the keys that wait for approval, and what is known of each."""
    from stella_ops.cli import hostkeys_views as views
    from stella_ops.cli.hostkeys_site import gather_evidence, site

    with site(pattern, choices_of(given)) as place:
        keys = place.service.find(hosts=set(place.hosts), statuses=("pending",))
        if not everything:
            keys = [key for key in keys if key.state not in ("known", "certified")]
        evidence, _ = gather_evidence(place, keys, sshfp=sshfp, dns_server=dns_server, console_lists=console_lists)
    if output_format == "json":
        click.echo(json.dumps([views.key_json(key, evidence[key.id]) for key in keys], indent=2))
    elif not keys:
        click.echo("No key waits for approval. Look for some: stella-ops hostkeys scan all")
    else:
        views.show_review(keys, evidence)
        click.echo(f"{len(keys)} to approve: stella-ops hostkeys approve {quoted(pattern)} --all, or --matching …")
    return 1 if any(said.verdict == "mismatch" for key in keys for said in evidence[key.id]) else 0


@hostkeys.command(
    name="list",
    epilog="""\b
Examples:
  stella-ops hostkeys list
  stella-ops hostkeys list web --all --format json""",
)
@PATTERN
@options.inventory_options
@click.option("--all", "everything", is_flag=True, help="Keys that wait, and those replaced, unpinned or revoked, too.")
@FORMAT
def list_keys(pattern: str, everything: bool, output_format: str, **given: Any) -> int:
    """List approved and pinned keys: where from, since when, by whom."""
    from stella_ops.cli import hostkeys_views as views
    from stella_ops.cli.hostkeys_site import site

    with site(pattern, choices_of(given)) as place:
        statuses = None if everything else ("approved", "pinned", "revoked")
        keys = place.service.find(hosts=set(place.hosts), statuses=statuses)
    if output_format == "json":
        click.echo(json.dumps([views.key_json(key) for key in keys], indent=2))
    elif keys:
        views.show_keys(keys)
    else:
        click.echo("No key is pinned. Look for some: stella-ops hostkeys scan all")
    return 0


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty() and of > 1:
        end = "\n" if done == of else ""
        click.echo(f"\r{done} of {of} hosts looked at{end}", err=True, nl=False)


for _command in (hostkeys_acts.approve, hostkeys_acts.pin, hostkeys_acts.unpin, hostkeys_acts.revoke):
    hostkeys.add_command(_command)
