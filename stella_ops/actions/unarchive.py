"""Unpacks an archive on the host; one of the controller is streamed there first."""

from __future__ import annotations

from typing import Any

from stella_ops.actions._encrypted import decrypted_or_file
from stella_ops.actions.base import ActionContext, ActionError, Result, find_file

MISSING = "src (or content) and dest are required"
ANSWERED = frozenset({"wrong"})


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """See the module. A host that needs no archive, since ``creates`` exists, gets none."""
    args = dict(args)
    if args.get("copy") is not None:
        if args.get("remote_src") is not None:
            raise ActionError("parameters are mutually exclusive: ('copy', 'remote_src')")
        args["remote_src"] = not args.pop("copy")
    if args.get("src") is None or args.get("dest") is None:
        raise ActionError(MISSING)
    if args.get("remote_src"):
        return await context.module("unarchive", args)
    source = str(args["src"])
    if "://" in source:
        raise ActionError("Unsupported option, an URI src is only supported when remote_src is True")
    path = find_file(context, "files", source)
    if not path.is_file():
        raise ActionError(f"{path} is no file, so it is no archive")
    content = await decrypted_or_file(await context.sources.file(path), args)
    return await context.module("unarchive", args, content=content)
