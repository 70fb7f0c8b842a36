"""Puts a file together from fragments, of the host or of the controller."""

from __future__ import annotations

import asyncio
import codecs
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stella_ops.actions._encrypted import failure
from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file
from stella_ops.actions.copy import content_args
from stella_ops.errors import VaultError
from stella_ops.vault.keyring import reveal

MISSING = "src and dest are required"
ANSWERED = frozenset({"wrong"})

_ONLY_HERE = frozenset({"src", "remote_src", "delimiter", "regexp", "ignore_hidden", "decrypt"})


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Fragments of the host are its own business; those of the controller travel as one content."""
    if args.get("src") is None or args.get("dest") is None:
        raise ActionFailure(MISSING)
    if args.get("remote_src", True):
        return await context.module("assemble", args)
    source = find_file(context, "files", str(args["src"]))
    if not source.is_dir():
        raise ActionFailure(f"Source ({source}) is not a directory")
    try:
        pattern = re.compile(args["regexp"]) if args.get("regexp") is not None else None
    except re.error as problem:
        raise ActionFailure(f'Invalid Regexp ({problem}) in "{args["regexp"]}"') from None
    hidden = bool(args.get("ignore_hidden"))
    try:
        read = _decrypting if args.get("decrypt", True) else Path.read_bytes
        content = await asyncio.to_thread(_put_together, source, args.get("delimiter"), pattern, hidden, read)
    except VaultError as problem:
        raise failure(problem) from None
    except OSError as problem:
        raise ActionFailure(f"cannot read {problem.filename} on the controller: {problem.strerror}") from None
    except ValueError as problem:
        raise ActionFailure(f"the delimiter makes no sense: {problem}") from None
    wanted = {name: value for name, value in args.items() if name not in _ONLY_HERE}
    wanted.update(content_args(content))
    return await context.module("copy", wanted, content=content)


def _decrypting(path: Path) -> bytes:
    return reveal(path.read_bytes(), path)


def _put_together(
    folder: Path,
    delimiter: str | None,
    pattern: re.Pattern[str] | None,
    ignore_hidden: bool,
    read: Callable[[Path], bytes],
) -> bytes:
    """The bytes of all fragments, by their names; the module does the same on the host.

    Raises:
        OSError: a fragment or the folder cannot be read.
        ValueError: the delimiter makes no sense.
        VaultError: an encrypted fragment cannot be decrypted.
    """
    between = b""
    if delimiter:
        between = codecs.escape_decode(delimiter.encode())[0]
        if not between.endswith(b"\n"):
            between += b"\n"
    parts: list[bytes] = []
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if (pattern is not None and not pattern.search(path.name)) or (ignore_hidden and path.name.startswith(".")):
            continue
        if not path.is_file():
            continue
        if parts:
            # A fragment that does not end its last line must not run into the next.
            parts.append(b"" if parts[-1].endswith(b"\n") else b"\n")
            parts.append(between)
        parts.append(read(path))
    return b"".join(parts)
