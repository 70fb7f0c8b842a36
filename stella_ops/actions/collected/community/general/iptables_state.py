"""Saves a host's firewall rules into a file, and restores them from one.

Rules that shut the controller out take themselves back: with ``async`` and ``poll: 0`` the host restores what was
before unless a new connection from here succeeds and removes the file that tells it so.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from typing import Any

from stella_ops.actions._again import anew
from stella_ops.actions.base import ActionContext, ActionFailure, Result
from stella_ops.errors import UnreachableError

# What else is given is for the module, which checks it.
ARGUMENTS: dict[str, dict[str, Any]] | None = None
SUPPORTS_ASYNC = True
_KNOWN = frozenset({"path", "state", "table", "noflush", "counters", "modprobe", "ip_version", "wait"})
_OF_JOBS = ("ansible_job_id", "results_file", "started", "finished")
_ADVICE = "Please set task attribute 'poll' to 0, and 'async' to a value >2 and not greater than {:g} (recommended)."


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """See the module."""
    context.alone()
    strangers = sorted(str(name) for name in args if name not in _KNOWN)
    if strangers:
        # What else the module takes is for the two halves alone.
        raise ActionFailure(f"Invalid options for {context.action}: {', '.join(strangers)}")
    patience = context.session.spec.connect_timeout
    advice = _ADVICE.format(patience)
    if args.get("state") != "restored":
        return await context.module(context.action, args)
    if context.asynchronous <= 0:
        result = await context.module(context.action, args)
        if not context.check:
            _warn(result, "Rules that shut the controller out stay: there is no rollback without 'async'. " + advice)
        return result
    if context.poll > 0:
        raise ActionFailure("There is no rollback with 'poll' above 0. " + advice)
    result = await _with_rollback(context, args, patience)
    if context.asynchronous > patience and not context.check:
        _warn(result, "The rollback comes after the connection's own timeout. " + advice)
    return result


def _warn(result: Result, text: str) -> None:
    result["warnings"] = [*result.get("warnings", []), text]


async def _with_rollback(context: ActionContext, args: dict[str, Any], patience: float) -> Result:
    folder = str(context.variables.get("ansible_async_dir") or "~/.ansible_async")
    back = f"{folder}/iptables.state"
    limit = int(context.asynchronous)
    job = f"j{secrets.randbelow(10**12)}.{os.getpid()}"
    wanted = {**args, "_timeout": limit, "_back": back}
    started = await context.module(context.action, wanted, background={"id": job, "limit": limit + patience})
    if started.get("failed"):
        return started
    end = time.monotonic() + max(limit, patience)
    # It may have ended already, for an argument that is wrong; else it waits for the file that lets it begin.
    result = await _status(context, job)
    await context.raw(f"mkdir -p {folder} && touch {back}.starter")
    if not result.get("finished"):
        await _confirm(context, f"rm -f {back}", patience)
        result = await _ended(context, job, end)
    await context.module("async_status", {"jid": job, "mode": "cleanup"}, check=False)
    return {name: value for name, value in result.items() if name not in _OF_JOBS}


async def _confirm(context: ActionContext, command: str, patience: float) -> None:
    """Tell the host by a new connection that it can still be reached; if it cannot, it takes the rules back."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        await asyncio.sleep(1)
        await anew(context)
        try:
            async with asyncio.timeout(max(0.1, end - time.monotonic())):
                await context.raw(command)
            return
        except (UnreachableError, TimeoutError):
            continue


async def _ended(context: ActionContext, job: str, end: float) -> Result:
    while True:
        try:
            await anew(context)
            result = await _status(context, job)
            if result.get("finished"):
                return result
        except UnreachableError:
            if time.monotonic() > end:
                raise
            result = {}
        if time.monotonic() > end:
            return {**result, "failed": True, "msg": "the host did not say in time what became of its rules"}
        await asyncio.sleep(1)


async def _status(context: ActionContext, job: str) -> Result:
    return await context.module("async_status", {"jid": job}, check=False)
