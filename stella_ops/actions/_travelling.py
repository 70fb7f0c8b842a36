"""A file of the controller that is on the host for as long as a task needs it there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stella_ops.actions._encrypted import decrypted_or_file
from stella_ops.actions.base import ActionContext, ActionFailure, well
from stella_ops.actions.copy import content_args
from stella_ops.transport.content import FileContent


@asynccontextmanager
async def on_host(context: ActionContext, path: Path, *, decrypt: bool = True) -> AsyncIterator[str]:
    """A copy on the host; it has the file's name, in a folder of its own.

    Also in check mode. The folder is removed at the end.

    Args:
        decrypt: what a vault encrypted.

    Raises:
        ActionFailure: it cannot be read, or the host has no room for it.
    """
    if not path.is_file():
        raise ActionFailure(f"{path} is no file")
    content = await decrypted_or_file(await context.sources.file(path), {"decrypt": decrypt})
    async with folder_on_host(context) as folder:
        yield await _put(context, content, f"{folder}/{path.name}")


@asynccontextmanager
async def folder_on_host(context: ActionContext) -> AsyncIterator[str]:
    """A folder on the host that nobody else can open; removed at the end with all that is in it."""
    context.alone()
    made = well(await context.module("tempfile", {"state": "directory"}, check=False))
    folder = str(made["path"])
    try:
        yield folder
    finally:
        await context.module("file", {"path": folder, "state": "absent"}, check=False)


async def _put(context: ActionContext, content: bytes | FileContent, dest: str) -> str:
    if isinstance(content, bytes):
        told = content_args(content)
    else:
        told = {"_content_sha256": content.sha256, "_content_sha1": content.sha1, "_content_size": content.size}
    wanted = {"dest": dest, "mode": "0600", **told}
    well(await context.module("copy", wanted, content=content, check=False))
    return dest
