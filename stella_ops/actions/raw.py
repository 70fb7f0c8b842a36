"""Runs a command through the host's login shell, without Python on the host."""

from __future__ import annotations

import shlex
from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result

ARGUMENTS: dict[str, dict[str, Any]] = {"cmd": {"type": "str"}, "executable": {"type": "path"}}
FREE_FORM = "cmd"


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``rc``, ``stdout`` and ``stderr`` of the command; skipped in check mode, since it may do anything."""
    command = args.get("cmd") or args.get("_raw_params")
    if not command:
        raise ActionFailure("no command given", rc=256)
    if context.check:
        return {"skipped": True}
    text = str(command)
    if args.get("executable"):
        text = f"{shlex.quote(str(args['executable']))} -c {shlex.quote(text)}"
    done = await context.raw(text)
    stdout = done.stdout.decode("utf-8", "replace")
    stderr = done.stderr.decode("utf-8", "replace")
    result: Result = {
        "changed": True,
        "rc": done.status,
        "stdout": stdout,
        "stdout_lines": stdout.splitlines(),
        "stderr": stderr,
        "stderr_lines": stderr.splitlines(),
    }
    if done.status != 0:
        raise ActionFailure("non-zero return code", **result)
    return result
