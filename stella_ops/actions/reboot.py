"""Reboots a host, and waits until it is back: its boot id is another one, and a test command succeeds."""

from __future__ import annotations

import asyncio
import shlex
import time
from typing import Any

from stella_ops.actions._again import PATIENCE, NotBack, until_it_answers
from stella_ops.actions._powering import give, look_for, texts
from stella_ops.actions.base import ActionContext, ActionFailure, Result

ANSWERED = frozenset({"wrong"})

ARGUMENTS: dict[str, dict[str, Any]] = {
    "pre_reboot_delay": {
        "type": "int",
        "default": 0,
        "aliases": ["pre_reboot_delay_sec"],
        "doc": "seconds before the reboot; shutdown(8) counts whole minutes, less than one is none",
    },
    "post_reboot_delay": {
        "type": "int",
        "default": 0,
        "aliases": ["post_reboot_delay_sec"],
        "doc": "seconds after the command before it is looked whether the host is back",
    },
    "reboot_timeout": {
        "type": "int",
        "default": 600,
        "aliases": ["reboot_timeout_sec"],
        "doc": "seconds for the reboot, and as many again for the test command",
    },
    "connect_timeout": {
        "type": "int",
        "aliases": ["connect_timeout_sec"],
        "doc": "seconds that one attempt to connect and ask may take",
    },
    "test_command": {"type": "str", "default": "whoami", "doc": "what must succeed once the host is back"},
    "msg": {"type": "str", "default": "Reboot initiated by Ansible", "doc": "what users are told"},
    "search_paths": {
        "type": "list",
        "elements": "str",
        "default": ["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"],
        "doc": "folders in which shutdown is looked for",
    },
    "boot_time_command": {
        "type": "str",
        "default": "cat /proc/sys/kernel/random/boot_id",
        "doc": "what prints another text after each boot",
    },
    "reboot_command": {"type": "str", "doc": "the command to use in place of shutdown"},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``rebooted``, and ``elapsed``: whole seconds from the command on."""
    if context.session.spec.kind == "local":
        raise ActionFailure(
            "Running reboot with local connection would reboot the control node.", elapsed=0, rebooted=False
        )
    if context.check:
        return {"changed": True, "elapsed": 0, "rebooted": True}
    context.alone()
    wanted = {name: _or_default(name, args.get(name)) for name in ARGUMENTS}
    before = await _boot_id(context, wanted)
    command = await _command(context, wanted)
    started = time.monotonic()
    await _begin(context, command)
    await asyncio.sleep(max(0, wanted["post_reboot_delay"]))
    try:
        await _wait(context, wanted, before)
    except NotBack as problem:
        elapsed = int(time.monotonic() - started)
        raise ActionFailure(str(problem), _hint=f"seen last: {problem.last}", rebooted=True, elapsed=elapsed) from None
    return {"changed": True, "rebooted": True, "elapsed": int(time.monotonic() - started)}


def _or_default(name: str, value: Any) -> Any:
    return ARGUMENTS[name].get("default") if value is None else value


async def _boot_id(context: ActionContext, wanted: dict[str, Any]) -> str:
    done = await context.raw(wanted["boot_time_command"])
    said, trouble = texts(done)
    if done.status != 0:
        raise ActionFailure(
            f"reboot: failed to get host boot time info, rc: {done.status}, stdout: {said}, stderr: {trouble}",
            rebooted=False,
        )
    return said


async def _command(context: ActionContext, wanted: dict[str, Any]) -> str:
    """The command line that reboots the host."""
    if wanted["reboot_command"]:
        program, _, rest = wanted["reboot_command"].partition(" ")
    else:
        program, rest = "shutdown", ""
    if program.startswith("/"):
        return str(wanted["reboot_command"])
    # Alpine has reboot alone.
    names = [program] if wanted["reboot_command"] else [program, "reboot"]
    path = await look_for(context, names, map(str, wanted["search_paths"]))
    if path is None:
        raise ActionFailure(
            f'Unable to find command "{program}" in search paths: {wanted["search_paths"]}', rebooted=False
        )
    if wanted["reboot_command"]:
        return f"{shlex.quote(path)} {rest}".rstrip()
    if path.endswith("/reboot"):
        return shlex.quote(path)
    minutes = max(0, wanted["pre_reboot_delay"]) // 60
    return f"{shlex.quote(path)} -r +{minutes} {shlex.quote(wanted['msg'])}"


async def _begin(context: ActionContext, command: str) -> None:
    done = await give(context, command)
    if done is not None and done.status > 0:
        said, trouble = texts(done)
        raise ActionFailure(
            f"Reboot command failed. Error was: '{said}, {trouble}'", rebooted=False, rc=done.status, elapsed=0
        )


async def _wait(context: ActionContext, wanted: dict[str, Any], before: str) -> None:
    """Until the host has booted, and then until the test command succeeds."""

    async def booted() -> None:
        now = await _boot_id(context, wanted)
        if not now or now == before:
            raise NotBack("boot time has not changed")

    async def tested() -> None:
        done = await context.raw(wanted["test_command"])
        if done.status != 0:
            said, trouble = texts(done)
            raise NotBack(f"Test command failed: {trouble} {said}")

    for attempt, what in ((booted, "last boot time check"), (tested, "post-reboot test command")):
        await until_it_answers(
            context,
            attempt,
            what=f"Timed out waiting for {what} (timeout={wanted['reboot_timeout']})",
            seconds=wanted["reboot_timeout"],
            first_pause=0.25,
            longest_pause=5.0,
            patience=float(wanted["connect_timeout"] or PATIENCE),
        )
