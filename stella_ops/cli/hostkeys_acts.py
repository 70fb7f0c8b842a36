"""``stella-ops hostkeys approve|pin|unpin|revoke``: what changes the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from stella_ops.cli import options
from stella_ops.cli.hostkeys_options import (
    CHECK,
    KNOWN_HOSTS_FILE,
    PATTERN,
    TARGETS,
    YES,
    choices_of,
    on_terminal,
    quoted,
    source_options,
)

if TYPE_CHECKING:
    from stella_ops.cli.hostkeys_site import Site
    from stella_ops.cli.workplace import Choices
    from stella_ops.hostkeys.service import Pinned
    from stella_ops.store.host_keys import HostKey


@click.command(
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
@PATTERN
@options.inventory_options
@click.option("--all", "everything", is_flag=True, help="Every key that waits and that nothing speaks against.")
@click.option(
    "--matching",
    multiple=True,
    metavar="SOURCE",
    help="Keys that sshfp, console, known (known_hosts, the inventory, a CA), or a SHA256:… fingerprint confirms.",
)
@click.option("--fingerprint", "fingerprints", multiple=True, metavar="SHA256:…", help="This very key.")
@source_options
@click.option("--unsigned-dns", is_flag=True, help="Let SSHFP records count that DNSSEC does not protect.")
@click.option("--replace", is_flag=True, help="Let a changed key take the place of the one on record.")
@click.option("--pin", "target", type=click.Choice(TARGETS), help="Pin what is approved, at once.")
@KNOWN_HOSTS_FILE
@YES
@CHECK
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
    if asks and (yes or not on_terminal()):
        raise UsageError("say which keys: --all, --matching SOURCE or --fingerprint SHA256:…")
    with site(pattern, choices_of(given)) as place:
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
            if not on_terminal():
                raise UsageError("nobody is here to ask", hint="say --yes")
            if not click.confirm(f"Approve {of_hosts}?"):
                return 1
        approved = place.service.approve(selection.chosen)
        click.echo(f"Approved {of_hosts}.")
        if target is not None:
            _tell_pinned(_pin(place, approved, target, known_hosts), target)
        else:
            click.echo(f"Next: stella-ops hostkeys pin {quoted(pattern)} --to store")
    return refused


@click.command(
    epilog="""\b
Examples:
  stella-ops hostkeys pin all                       plays of this project trust them now
  stella-ops hostkeys pin all --to inventory        as stella_host_keys in host_vars, for version control
  stella-ops hostkeys pin all --to known_hosts      for ssh and others on this machine"""
)
@PATTERN
@options.inventory_options
@click.option("--to", "target", type=click.Choice(TARGETS), default="store", show_default=True)
@KNOWN_HOSTS_FILE
@CHECK
def pin(pattern: str, target: str, known_hosts: str, check: bool, **given: Any) -> int:
    """Write approved keys of the hosts of PATTERN where connections look."""
    from stella_ops.cli.hostkeys_site import site

    with site(pattern, choices_of(given)) as place:
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


@click.command(
    epilog="""\b
Examples:
  stella-ops hostkeys unpin web1
  stella-ops hostkeys unpin all --fingerprint SHA256:…    takes back a revocation, too"""
)
@PATTERN
@options.inventory_options
@click.option("--fingerprint", "fingerprints", multiple=True, metavar="SHA256:…", help="Only this key.")
@YES
@CHECK
def unpin(pattern: str, fingerprints: tuple[str, ...], yes: bool, check: bool, **given: Any) -> int:
    """Trust keys no longer that were approved or pinned; seen again, they wait again."""
    return _end("unpin", pattern, fingerprints, yes, check, choices_of(given))


@click.command(
    epilog="""\b
Examples:
  stella-ops hostkeys revoke web1 --fingerprint SHA256:…     a key that leaked
  stella-ops hostkeys revoke web1 --all                      all keys of a machine that was lost"""
)
@PATTERN
@options.inventory_options
@click.option("--fingerprint", "fingerprints", multiple=True, metavar="SHA256:…", help="This key.")
@click.option("--all", "everything", is_flag=True, help="Every key of these hosts that is on record.")
@YES
@CHECK
def revoke(pattern: str, fingerprints: tuple[str, ...], everything: bool, yes: bool, check: bool, **given: Any) -> int:
    """Never accept keys again, whatever host shows them."""
    from stella_ops.errors import UsageError

    if not (fingerprints or everything):
        raise UsageError("say which keys: --fingerprint SHA256:… or --all")
    return _end("revoke", pattern, fingerprints, yes, check, choices_of(given))


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
            if not on_terminal():
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
