"""``stella-ops hostkeys``: the SSH host keys of many hosts, gathered, compared, approved and pinned at once."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from stella_ops.cli import options

if TYPE_CHECKING:
    from stella_ops.cli.execution import Choices
    from stella_ops.cli.hostkeys_site import Site
    from stella_ops.hostkeys.service import Pinned
    from stella_ops.store.host_keys import HostKey

ALL_KNOWN, CHANGED, NOT_SEEN, NEW = 0, 1, 3, 5
_TARGETS = ("store", "inventory", "known_hosts")

_FORMAT = click.option(
    "--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True
)
_PATTERN = click.argument("pattern", default="all")
_CHECK = click.option("-C", "--check", is_flag=True, help="Change nothing; tell what would change.")
_YES = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
_KNOWN_HOSTS_FILE = click.option(
    "--known-hosts",
    "known_hosts",
    metavar="FILE",
    default="~/.ssh/known_hosts",
    show_default=True,
    help="The file for known_hosts.",
)


def _sources(command: Any) -> Any:
    for option in (
        click.option("--dns-server", metavar="ADDRESS[:PORT]", help="Ask this resolver. [default: the system's]"),
        click.option("--sshfp", is_flag=True, help="Compare with SSHFP records of the DNS."),
        click.option(
            "--console-list",
            "console_lists",
            multiple=True,
            metavar="[HOST=]FILE",
            help="Compare with a list from another way: ssh-keygen -lf, known_hosts lines, or cloud-init's console "
            "output. HOST= says whose console it is.",
        ),
    ):
        command = option(command)
    return command


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
@_PATTERN
@options.inventory_options
@click.option("-f", "--forks", type=click.IntRange(min=1), help="Hosts to look at at once. [default: 50]")
@click.option("-T", "--timeout", type=click.FloatRange(min=0.1), help="Seconds for one connection. [default: 10]")
@click.option("--algorithms", metavar="LIST", help="Kinds of keys, such as ed25519,ecdsa,rsa. [default: all]")
@click.option("--private-key", "--key-file", "private_key", metavar="FILE", help="To log in with at jump hosts.")
@click.option("-C", "--check", is_flag=True, help="Look, and record nothing.")
@_FORMAT
def scan(pattern: str, algorithms: str | None, check: bool, output_format: str, **given: Any) -> int:
    """Ask the hosts of PATTERN for all their keys."""
    import asyncio
    from pathlib import Path

    from stella_ops.cli import hostkeys_views as views
    from stella_ops.cli.hostkeys_site import site, warn
    from stella_ops.errors import UsageError
    from stella_ops.hostkeys.look import look_at_hosts

    with site(pattern, _choices(given)) as place:
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
        click.echo(f"Next: stella-ops hostkeys review {_quoted(pattern)}")
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
@_PATTERN
@options.inventory_options
@_sources
@click.option("--all", "everything", is_flag=True, help="Show keys that known_hosts or a CA has already, too.")
@_FORMAT
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

    with site(pattern, _choices(given)) as place:
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
        click.echo(f"{len(keys)} to approve: stella-ops hostkeys approve {_quoted(pattern)} --all, or --matching …")
    return 1 if any(said.verdict == "mismatch" for key in keys for said in evidence[key.id]) else 0


@hostkeys.command(
    epilog="""\b
Examples:
  stella-ops hostkeys approve all                                  shows them and asks, once
  stella-ops hostkeys approve all --matching sshfp --pin store --yes
  stella-ops hostkeys approve db1 --matching console --console-list db1=console.log
  stella-ops hostkeys approve web1 --replace --fingerprint SHA256:… --pin store

\b
A CHANGED key is never approved along with others: it needs --replace and its host's name as the pattern. A key that
the DNS or a console list contradicts needs --fingerprint.
Exit status: 0 done, 1 some keys were refused or you said no."""
)
@_PATTERN
@options.inventory_options
@click.option("--all", "everything", is_flag=True, help="Every key that waits and that nothing speaks against.")
@click.option(
    "--matching",
    multiple=True,
    metavar="SOURCE",
    help="Keys that sshfp, console, known (known_hosts, the inventory, a CA), or a SHA256:… fingerprint confirms.",
)
@click.option("--fingerprint", "fingerprints", multiple=True, metavar="SHA256:…", help="This very key.")
@_sources
@click.option("--unsigned-dns", is_flag=True, help="Let SSHFP records count that DNSSEC does not protect.")
@click.option("--replace", is_flag=True, help="Let a changed key take the place of the one on record.")
@click.option("--pin", "target", type=click.Choice(_TARGETS), help="Pin what is approved, at once.")
@_KNOWN_HOSTS_FILE
@_YES
@_CHECK
def approve(
    pattern: str,
    everything: bool,
    matching: tuple[str, ...],
    fingerprints: tuple[str, ...],
    sshfp: bool,
    dns_server: str | None,
    console_lists: tuple[str, ...],
    unsigned_dns: bool,
    replace: bool,
    target: str | None,
    known_hosts: str,
    yes: bool,
    check: bool,
    **given: Any,
) -> int:
    """Approve keys of the hosts of PATTERN that wait."""
    from stella_ops.cli import hostkeys_views as views
    from stella_ops.cli.hostkeys_site import gather_evidence, site
    from stella_ops.errors import UsageError
    from stella_ops.hostkeys.approval import SOURCES, select

    named = {text for text in (*fingerprints, *matching) if text.startswith("SHA256:")}
    sources = {text for text in matching if not text.startswith("SHA256:")}
    for source in sources.difference(SOURCES):
        raise UsageError(f"--matching: '{source}' is no source", hint=f"known: {', '.join(SOURCES)}, SHA256:…")
    for fingerprint in set(fingerprints) - named:
        raise UsageError(f"--fingerprint: '{fingerprint}' is none", hint="write it as ssh-keygen -lf prints it")
    if "console" in sources and not console_lists:
        raise UsageError("--matching console needs --console-list [HOST=]FILE")
    asks = not (everything or named or sources)
    if asks and (yes or not _on_terminal()):
        raise UsageError("say which keys: --all, --matching SOURCE or --fingerprint SHA256:…")
    with site(pattern, _choices(given)) as place:
        if replace and (pattern not in place.inventory.hosts or place.hosts != [pattern]):
            raise UsageError(
                "--replace needs the name of one host as the pattern", hint="one host at a time, looked at by a person"
            )
        keys = place.service.find(hosts=set(place.hosts), statuses=("pending",))
        if "known" not in sources:
            keys = [key for key in keys if key.state not in ("known", "certified") or key.fingerprint in named]
        sshfp = sshfp or "sshfp" in sources
        evidence, record = gather_evidence(place, keys, sshfp=sshfp, dns_server=dns_server, console_lists=console_lists)
        selection = select(
            keys,
            record,
            evidence,
            everything=everything or asks,
            sources=sources,
            fingerprints=named,
            replace=replace,
            unsigned_dns=unsigned_dns,
        )
        views.show_review([choice.key for choice in selection.chosen], evidence)
        for key, reason in selection.unmatched:
            views.show(f"left out: {_told(key)}: {reason}")
        for key, reason in selection.refused:
            views.show(f"refused: {_told(key)}: {reason}", "unreachable", err=True)
        for fingerprint in sorted(named - {key.fingerprint for key in keys}):
            views.show(f"no key waits with the fingerprint {fingerprint}", "unreachable", err=True)
        missing = bool(named - {key.fingerprint for key in keys})
        count = f"{len(selection.chosen)} key{'' if len(selection.chosen) == 1 else 's'}"
        hosts = len({choice.key.host for choice in selection.chosen})
        of_hosts = f"{count} of {hosts} host{'' if hosts == 1 else 's'}"
        refused = 1 if selection.refused or missing else 0
        if not selection.chosen:
            click.echo("Nothing to approve.")
            return refused
        if check:
            click.echo(f"Would approve {of_hosts}" + (f" and pin to {target}" if target else "") + ".")
            return refused
        if not yes:
            if not _on_terminal():
                raise UsageError("nobody is here to ask", hint="say --yes")
            if not click.confirm(f"Approve {of_hosts}?"):
                return 1
        approved = place.service.approve(selection.chosen)
        click.echo(f"Approved {of_hosts}.")
        if target is not None:
            _tell_pinned(_pin(place, approved, target, known_hosts), target)
        else:
            click.echo(f"Next: stella-ops hostkeys pin {_quoted(pattern)} --to store")
    return refused


@hostkeys.command(
    epilog="""\b
Examples:
  stella-ops hostkeys pin all                       plays of this project trust them now
  stella-ops hostkeys pin all --to inventory        as stella_host_keys in host_vars, for version control
  stella-ops hostkeys pin all --to known_hosts      for ssh and others on this machine"""
)
@_PATTERN
@options.inventory_options
@click.option("--to", "target", type=click.Choice(_TARGETS), default="store", show_default=True)
@_KNOWN_HOSTS_FILE
@_CHECK
def pin(pattern: str, target: str, known_hosts: str, check: bool, **given: Any) -> int:
    """Write approved keys of the hosts of PATTERN where connections look."""
    from stella_ops.cli.hostkeys_site import site

    with site(pattern, _choices(given)) as place:
        keys = place.service.find(hosts=set(place.hosts), statuses=("approved", "pinned"))
        keys = [key for key in keys if target not in (key.pinned_to or ())]
        if not keys:
            place.service.write_out()
            click.echo(f"No approved key is left to pin to {target}.")
        elif check:
            for key in keys:
                click.echo(f"would pin to {target}: {_told(key)}")
        else:
            _tell_pinned(_pin(place, keys, target, known_hosts), target)
    return 0


@hostkeys.command(
    name="list",
    epilog="""\b
Examples:
  stella-ops hostkeys list
  stella-ops hostkeys list web --all --format json""",
)
@_PATTERN
@options.inventory_options
@click.option("--all", "everything", is_flag=True, help="Keys that wait, and those replaced, unpinned or revoked, too.")
@_FORMAT
def list_keys(pattern: str, everything: bool, output_format: str, **given: Any) -> int:
    """List approved and pinned keys: where from, since when, by whom."""
    from stella_ops.cli import hostkeys_views as views
    from stella_ops.cli.hostkeys_site import site

    with site(pattern, _choices(given)) as place:
        statuses = None if everything else ("approved", "pinned", "revoked")
        keys = place.service.find(hosts=set(place.hosts), statuses=statuses)
    if output_format == "json":
        click.echo(json.dumps([views.key_json(key) for key in keys], indent=2))
    elif keys:
        views.show_keys(keys)
    else:
        click.echo("No key is pinned. Look for some: stella-ops hostkeys scan all")
    return 0


@hostkeys.command(
    epilog="""\b
Examples:
  stella-ops hostkeys unpin web1
  stella-ops hostkeys unpin all --fingerprint SHA256:…    takes back a revocation, too"""
)
@_PATTERN
@options.inventory_options
@click.option("--fingerprint", "fingerprints", multiple=True, metavar="SHA256:…", help="Only this key.")
@_YES
@_CHECK
def unpin(pattern: str, fingerprints: tuple[str, ...], yes: bool, check: bool, **given: Any) -> int:
    """Trust keys no longer that were approved or pinned; seen again, they wait again."""
    return _end("unpin", pattern, fingerprints, yes, check, _choices(given))


@hostkeys.command(
    epilog="""\b
Examples:
  stella-ops hostkeys revoke web1 --fingerprint SHA256:…     a key that leaked
  stella-ops hostkeys revoke web1 --all                      all keys of a machine that was lost"""
)
@_PATTERN
@options.inventory_options
@click.option("--fingerprint", "fingerprints", multiple=True, metavar="SHA256:…", help="This key.")
@click.option("--all", "everything", is_flag=True, help="Every key of these hosts that is on record.")
@_YES
@_CHECK
def revoke(pattern: str, fingerprints: tuple[str, ...], everything: bool, yes: bool, check: bool, **given: Any) -> int:
    """Never accept keys again, whatever host shows them."""
    from stella_ops.errors import UsageError

    if not (fingerprints or everything):
        raise UsageError("say which keys: --fingerprint SHA256:… or --all")
    return _end("revoke", pattern, fingerprints, yes, check, _choices(given))


def _end(act: str, pattern: str, fingerprints: Sequence[str], yes: bool, check: bool, choices: Choices) -> int:
    from stella_ops.cli.hostkeys_site import site
    from stella_ops.errors import UsageError

    with site(pattern, choices) as place:
        if act == "revoke":
            statuses = ["pending", "approved", "pinned", "replaced", "unpinned"]
        else:
            # A revocation is taken back by the fingerprint alone.
            statuses = ["approved", "pinned", *(["revoked"] if fingerprints else [])]
        keys = place.service.find(hosts=set(place.hosts), statuses=statuses)
        keys = [key for key in keys if not fingerprints or key.fingerprint in fingerprints]
        for key in keys:
            click.echo(f"{'would ' if check else ''}{act} {_told(key)}")
        if not keys:
            click.echo(f"No such key to {act}.", err=True)
            return 1
        if check:
            return 0
        if not yes:
            if not _on_terminal():
                raise UsageError("nobody is here to ask", hint="say --yes")
            if not click.confirm(f"{act.capitalize()} {len(keys)} key{'' if len(keys) == 1 else 's'}?"):
                return 1
        in_inventory = any("inventory" in (key.pinned_to or ()) for key in keys)
        folder = place.inventory_folder if in_inventory else None
        done = (place.service.revoke if act == "revoke" else place.service.unpin)(keys, folder=folder)
        _tell_files(done)
    return 0


def _pin(place: Site, keys: Sequence[HostKey], target: str, known_hosts: str) -> Pinned:
    from pathlib import Path

    from stella_ops.errors import StoreError

    folder = place.inventory_folder if target == "inventory" else None
    file = Path(known_hosts).expanduser() if target == "known_hosts" else None
    try:
        return place.service.pin(keys, target, folder=folder, file=file)
    except OSError as problem:
        raise StoreError(f"keys cannot be written: {problem.strerror}", where=problem.filename) from None


def _tell_pinned(done: Pinned, target: str) -> None:
    hosts = len({key.host for key in done.keys})
    click.echo(
        f"Pinned {len(done.keys)} key{'' if len(done.keys) == 1 else 's'} of {hosts} "
        f"host{'' if hosts == 1 else 's'} to {target}."
    )
    for key in done.replaced:
        click.echo(f"replaced: {_told(key)}")
    _tell_files(done)


def _tell_files(done: Pinned) -> None:
    from stella_ops.console.text import safe_line

    for file in done.files:
        click.echo(f"changed: {file}")
    for left in dict.fromkeys(done.left):
        click.echo(f"left to you: {safe_line(left)}")


def _told(key: HostKey) -> str:
    from stella_ops.cli.hostkeys_views import key_text
    from stella_ops.console.text import safe_line

    return safe_line(f"{key.host} {key_text(key.bits, key.fingerprint, key.algorithm)}")


def _choices(given: dict[str, Any]) -> Choices:
    from stella_ops.cli.execution import Choices

    return Choices(**given)


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty() and of > 1:
        end = "\n" if done == of else ""
        click.echo(f"\r{done} of {of} hosts looked at{end}", err=True, nl=False)


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _quoted(pattern: str) -> str:
    import shlex

    return shlex.quote(pattern)
