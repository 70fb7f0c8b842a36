"""Fetches a file from the host to the controller."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import IO, Any

from stella_ops import atomic_files
from stella_ops.actions.base import ActionContext, ActionFailure, Result, well

MISSING = "src and dest are required"
ANSWERED = frozenset({"wrong"})

ARGUMENTS: dict[str, dict[str, Any]] = {
    "src": {"type": "path", "required": True, "doc": "The file on the host."},
    "dest": {
        "type": "path",
        "required": True,
        "doc": "A folder of the controller; below it the file's path follows the host's name.",
    },
    "flat": {"type": "bool", "default": False, "doc": "dest is the file itself, or with a slash its folder."},
    "fail_on_missing": {"type": "bool", "default": True, "doc": "Fail when there is no such file on the host."},
    "validate_checksum": {"type": "bool", "default": True, "doc": "Compare checksums after the transfer."},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``dest``, ``checksum``, ``md5sum``; what the controller has already is not sent again.

    However the host answers, nothing is written outside ``dest``.
    """
    if context.check:
        return {"skipped": True, "msg": "check mode not (yet) supported for this module"}
    if args.get("src") is None or args.get("dest") is None:
        raise ActionFailure(MISSING)
    context.alone()
    source, demand = str(args["src"]), args.get("fail_on_missing", True)
    # Where it goes is known before the host is asked, unless the host has to say what its own names stand for.
    dest = None if source.startswith("~") or "$" in source else _destination(context, args, source)
    have = None if dest is None else await asyncio.to_thread(_digests, dest)
    answer = await context.module("fetch", {"src": source, "_have": have and have[0]}, check=False)
    if answer.get("failed"):
        return _not_there(answer, source, demand)
    source, checksum = str(answer.get("source", source)), str(answer.get("checksum"))
    if dest is None:
        dest = _destination(context, args, source)
        have = await asyncio.to_thread(_digests, dest)
    if have and have[0] == checksum:
        return {"changed": False, "file": source, "dest": str(dest), "checksum": checksum, "md5sum": have[1]}
    return await _transfer(context, args, source, dest, answer)


def _destination(context: ActionContext, args: dict[str, Any], source: str) -> Path:
    """The file to write.

    Raises:
        ActionFailure: the path leads out of ``dest``, or to a folder.
    """
    given = str(args["dest"])
    if given.startswith("~"):
        given = str(Path(given).expanduser()) + ("/" if given.endswith("/") else "")
    base = str(context.variables.get("playbook_dir") or context.search_path[-1])
    top = os.path.normpath(f"{base}/{given}" if not given.startswith("/") else given)
    if args.get("flat"):
        if not given.endswith("/"):
            if Path(top).is_dir():
                raise ActionFailure(
                    "dest is an existing directory, use a trailing slash if you want to fetch src into that directory"
                )
            return Path(top)
        place = f"{top}/{source.rpartition('/')[2]}"
    else:
        top = f"{top}/{context.host}"
        place = f"{top}/{source}"
    place = os.path.normpath(place)
    if "\0" in place or not place.startswith(top.rstrip("/") + "/"):
        raise ActionFailure(f"Detected directory traversal, expected to be contained in '{top}' but got '{place}'")
    if Path(place).is_dir():
        raise ActionFailure(
            f"calculated dest '{place}' is an existing directory, use another path that does not point to an existing "
            "directory"
        )
    return Path(place)


def _not_there(answer: Result, source: str, demand: bool) -> Result:
    """The result for a file that cannot be had."""
    kind = answer.get("kind")
    message = str(answer.get("msg"))
    if kind == "missing":
        message = "the remote file does not exist, not transferring, ignored"
    elif kind == "directory":
        message = "remote file is a directory, fetch cannot work on directories"
    if kind in ("missing", "directory", "other") and not demand:
        if kind == "directory":
            message += ", not transferring, ignored"
            return {"changed": False, "msg": message}
        return {"changed": False, "file": source, "msg": message}
    hint = answer.get("_hint")
    if kind == "other":
        message, hint = f"File is not readable: {source}", message
    told = {**answer, "failed": True, "changed": False, "msg": message, "_hint": hint}
    return {name: value for name, value in told.items() if name not in ("kind", "source") and value is not None}


async def _transfer(context: ActionContext, args: dict[str, Any], source: str, dest: Path, first: Result) -> Result:
    """Collect the parts in a file beside ``dest``, and put that in its place."""
    told = str(first.get("checksum"))
    sha1, md5 = hashlib.sha1(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
    try:
        dest.parent.mkdir(parents=True, exist_ok=True)
        with atomic_files.replacing(dest, mode=atomic_files.usual_mode(), sync=False) as file:
            await _collect(context, args, first, file, (sha1, md5))
            checksum = sha1.hexdigest()
            result: Result = {"dest": str(dest), "md5sum": md5.hexdigest(), "remote_md5sum": None}
            result.update(checksum=checksum, remote_checksum=told)
            if args.get("validate_checksum", True) and checksum != told:
                raise ActionFailure("checksum mismatch", **{**result, "file": source})
    except OSError as problem:
        raise ActionFailure(f"cannot write {dest} on the controller: {problem.strerror}") from None
    return {"changed": True, **result}


async def _collect(
    context: ActionContext, args: dict[str, Any], part: Result, file: IO[bytes], hashes: tuple[Any, ...]
) -> None:
    size = 0
    while True:
        try:
            data = base64.b64decode(str(part.get("content")), validate=True)
        except (binascii.Error, ValueError):
            raise ActionFailure("the host's answer is no content in base64") from None
        for each in hashes:
            each.update(data)
        await asyncio.to_thread(file.write, data)
        size += len(data)
        if not part.get("more") or not data:
            file.flush()
            return
        part = well(await context.module("fetch", {"src": args["src"], "_start": size}, check=False))


def _digests(path: Path) -> tuple[str, str] | None:
    """SHA-1 and MD5 of a file of the controller; None when there is none."""
    sha1, md5 = hashlib.sha1(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
    try:
        with path.open("rb") as file:
            while data := file.read(1 << 20):
                sha1.update(data)
                md5.update(data)
    except OSError:
        return None
    return sha1.hexdigest(), md5.hexdigest()
