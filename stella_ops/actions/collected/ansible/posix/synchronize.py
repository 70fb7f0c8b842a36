"""Runs rsync between this machine, or the delegate, and the host that the task is about.

From this machine rsync goes over the connection that the host has already (``transport/rsh.py``). A delegate connects
by its own ssh, and with its own keys, as the module's documentation has it.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path
from typing import Any

from stella_ops.actions.arguments import convert
from stella_ops.actions.base import ActionContext, ActionFailure, Reached, Result
from stella_ops.transport.base import ConnectionSpec
from stella_ops.transport.rsh import PipeSession, remote_shell

# What else is given is for the module, which checks it.
ARGUMENTS: dict[str, dict[str, Any]] | None = None
_HERE = ("localhost", "127.0.0.1", "::1")
# As rsync tells a host in front of a path: a colon before any slash.
_NAMES_HOST = re.compile(r"[^/]*:")


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """See the module."""
    context.alone()
    if args.get("src") is None or args.get("dest") is None:
        raise ActionFailure("synchronize requires both src and dest parameters are set")
    assert context.own is not None and context.controller is not None
    own, runner = context.own(), context.session.spec
    wanted = {name: value for name, value in args.items() if name != "use_ssh_args"}
    wanted["_local_rsync_path"] = context.variables.get("ansible_rsync_path") or "rsync"
    there, here = ("src", "dest") if args.get("mode") == "pull" else ("dest", "src")
    wanted[here] = _on_this_side(context, str(args[here]))
    if _same_machine(context, own.session.spec):
        wanted[there] = _on_this_side(context, str(args[there]))
        return await context.module(context.action, wanted)
    if runner.kind != "local" and context.delegated:
        return await _by_ssh(context, wanted, there, own, use_args=_flag(args, "use_ssh_args", False))
    local = dataclasses.replace(context, session=context.controller(), become=None)
    if str(args[there]).startswith("rsync://"):
        return await local.module(context.action, wanted)
    options = _rsync_options(args)
    ssh = not isinstance(own.session, PipeSession) or any(each.startswith(("--rsh", "-e")) for each in options)
    if ssh or _NAMES_HOST.match(str(args[there])):
        return await _by_ssh(local, wanted, there, own, use_args=_flag(args, "use_ssh_args", False))
    return await _by_own_connection(local, wanted, there, options)


def _same_machine(context: ActionContext, own: ConnectionSpec) -> bool:
    """Whether rsync runs where both paths are: on the host itself, or here where that is the host."""
    runner = context.session.spec
    if context.delegated and runner.name in (context.host, own.address):
        return True
    return own.kind == "local" and runner.kind == "local"


async def _by_own_connection(context: ActionContext, args: dict[str, Any], there: str, options: list[str]) -> Result:
    """rsync on this machine, whose remote shell is the host's connection."""
    assert context.own is not None
    other: dict[str, Any] = {}
    if args.get("dest_port") is not None:
        other["port"] = _port(args["dest_port"])
    if args.get("private_key"):
        other["private_key_file"] = Path(str(args["private_key"])).expanduser()
    if not _flag(args, "set_remote_user", True):
        other["user"] = None
    own = context.own(**other)
    spec = own.session.spec
    args[there] = _remote(str(args[there]), spec.address or spec.name, spec.user)
    become = None if args.get("rsync_path") else own.become
    assert isinstance(own.session, PipeSession)
    async with remote_shell(own.session, become) as shell:
        args["rsync_opts"] = [*options, shlex.quote(f"--rsh={shell}")]
        return await context.module(context.action, args)


async def _by_ssh(context: ActionContext, args: dict[str, Any], there: str, own: Reached, *, use_args: bool) -> Result:
    """rsync that starts ssh itself: on a delegate, or to a host that the task names in the path."""
    spec, runner = own.session.spec, context.session.spec
    user = spec.user if _flag(args, "set_remote_user", True) else None
    address = spec.address or spec.name
    args[there] = _remote(str(args[there]), address, user)
    if args.get("dest_port") is None:
        args["dest_port"] = spec.port
    if args.get("private_key") is None and runner.private_key_file is not None:
        args["private_key"] = str(runner.private_key_file)
    if use_args:
        args["_ssh_args"] = spec.common_args if runner.kind == "local" else runner.common_args
    if spec.password is not None:
        args["_local_rsync_password"] = spec.password
    if own.become is not None and not args.get("rsync_path") and own.become.method == "sudo":
        args["rsync_path"] = f"sudo -u {shlex.quote(own.become.user)} rsync"
    if runner.kind != "local" and address in _HERE:
        # This machine is called otherwise where rsync runs: the module knows from where it was called.
        args["_substitute_controller"] = True
    given = {name: value for name, value in args.items() if value is not None}
    return await dataclasses.replace(context, become=None).module(context.action, given)


def _on_this_side(context: ActionContext, written: str) -> str:
    """A path where rsync runs; a relative one is looked for as files of roles and playbooks are."""
    if written.startswith(("/", "rsync://")) or _NAMES_HOST.match(written):
        return written
    if len(written) > 1 and written[0] == written[-1] and written[0] in "'\"":
        return _on_this_side(context, written[1:-1])  # the template put quotes around a path of its own
    path = Path(written).expanduser()
    places = [place / part for place in context.search_path for part in (Path("files") / path, path)]
    found = next((place for place in places if place.exists()), places[-1] if places else path)
    return f"{found}/" if written.endswith("/") else str(found)


def _remote(path: str, host: str, user: str | None) -> str:
    """A path on the other side, as rsync has it: ``user@host:path``."""
    if path.startswith("rsync://"):
        return path
    before = f"{user}@" if user else ""
    if _NAMES_HOST.match(path):
        return path if "@" in path else before + path
    return f"{before}[{host}]:{path}" if ":" in host else f"{before}{host}:{path}"


def _rsync_options(args: dict[str, Any]) -> list[str]:
    given = args.get("rsync_opts")
    if given is None:
        return []
    if isinstance(given, str):
        return given.split(",")
    return [str(each) for each in given] if isinstance(given, list | tuple) else [str(given)]


def _flag(args: dict[str, Any], name: str, default: bool) -> bool:
    if args.get(name) is None:
        return default
    try:
        return bool(convert("bool", args[name]))
    except ValueError:
        return default  # the module says what is wrong with it


def _port(written: Any) -> int:
    try:
        return int(written)
    except (TypeError, ValueError):
        kind = type(written).__name__
        raise ActionFailure(
            f"argument 'dest_port' is of type {kind} and we were unable to convert to int: {written!r}"
        ) from None
