"""Commands that take a host down: found on it, and given to it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from stella_ops.actions.base import ActionContext
from stella_ops.errors import UnreachableError
from stella_ops.transport.base import CommandResult


async def look_for(context: ActionContext, names: Iterable[str], folders: Iterable[str]) -> str | None:
    """The path of the first program that the host has, by name and then by folder; None where it has none.

    It is one line for /bin/sh, since a module would need Python there.
    """
    script = (
        f"for n in {shlex.join(names)}; do for d in {shlex.join(folders)}; do "
        'if [ -x "$d/$n" ]; then echo "$d/$n"; exit 0; fi; done; done; exit 1'
    )
    done = await context.raw(f"/bin/sh -c {shlex.quote(script)}")
    said = texts(done)[0].splitlines()
    return said[-1] if done.status == 0 and said else None


async def give(context: ActionContext, command: str) -> CommandResult | None:
    """Give a command. None where the connection broke under it, which is how going down looks from here."""
    try:
        return await context.raw(command)
    except UnreachableError:
        return None


def texts(done: CommandResult) -> tuple[str, str]:
    """What a command printed, and what it complained of."""
    return done.stdout.decode("utf-8", "replace").strip(), done.stderr.decode("utf-8", "replace").strip()
