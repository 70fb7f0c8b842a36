"""Copies a file, a folder or given content to the host."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path, PurePath
from typing import Any

from stella_ops.actions._encrypted import decrypted, without_content
from stella_ops.actions._folders import listing
from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file

ARGUMENTS: dict[str, dict[str, Any]] = {
    "src": {"type": "path"},
    "content": {"type": "raw"},
    "dest": {"type": "path", "required": True},
    "mode": {"type": "raw"},
    "directory_mode": {"type": "raw"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "attributes": {"type": "str", "aliases": ["attr"]},
    "seuser": {"type": "str"},
    "serole": {"type": "str"},
    "setype": {"type": "str"},
    "selevel": {"type": "str"},
    "backup": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": True, "aliases": ["thirsty"]},
    "validate": {"type": "str"},
    "follow": {"type": "bool", "default": False},
    "local_follow": {"type": "bool", "default": True},
    "remote_src": {"type": "bool", "default": False},
    "checksum": {"type": "str"},
    "decrypt": {"type": "bool", "default": True},
    "unsafe_writes": {"type": "bool", "default": False},
}

# What copy tells its module on ansible-core's way, and no task may.
_INTERNAL = frozenset({"_original_basename", "_diff_peek"})
_CONTROLLER_ONLY = frozenset({"src", "content", "local_follow", "decrypt", "remote_src"})

# What is told of content that would be written.
_TOLD_IN_CHECK_MODE = frozenset({"changed", "failed", "diff", "warnings", "deprecations", "invocation"})
MISSING = "dest is required"
ANSWERED = frozenset({"missing", "wrong"})
_WITHOUT_NAME = ".source"

# Files of a folder that are on their way to a host at the same time.
AT_ONCE = 16


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Content is sent only where the host does not have it."""
    if wrong := [name for name in args if name in _INTERNAL]:
        raise ActionFailure(f'Invalid parameter specified: "{wrong[0]}"')
    if args.get("remote_src") and args.get("content") is None:
        result = await context.module("copy", args)
        result.pop("sha256", None)
        if "path" in result:
            result["dest"] = result.pop("path")
        return result
    if not args.get("src") and args.get("content") is None:
        raise ActionFailure("src (or content) is required")
    if not args.get("dest"):
        raise ActionFailure(MISSING)
    if args.get("src") and args.get("content") is not None:
        raise ActionFailure("src and content are mutually exclusive")
    if args.get("content") is not None and str(args["dest"]).endswith("/"):
        raise ActionFailure("can not use content with a dir as dest")
    if args.get("content") is not None:
        value = args["content"]
        if not isinstance(value, bytes):  # !!binary
            value = (json.dumps(value) if isinstance(value, dict | list | tuple) else str(value)).encode()
        return await _copy_bytes(context, args, value)
    named = str(args["src"])
    source = find_file(context, "files", named)
    if source.is_dir():
        return await _copy_folder(context, args, source, whole=not named.endswith("/"))
    return await _copy_file(context, args, source, str(args["dest"]))


def _module_args(args: dict[str, Any], dest: str) -> dict[str, Any]:
    return {**{name: value for name, value in args.items() if name not in _CONTROLLER_ONLY}, "dest": dest}


async def _copy_bytes(context: ActionContext, args: dict[str, Any], content: bytes) -> Result:
    wanted = _module_args(args, str(args["dest"]))
    wanted.update(content_args(content))
    result = await context.module("copy", wanted, content=content)
    return told(context, result, _WITHOUT_NAME, content, wanted["_content_sha1"])


def told(context: ActionContext, result: Result, source: str, content: bytes | None, sha1: str) -> Result:
    """A result of the copy module with the keys that ansible-core has for a file of the controller's.

    Args:
        source: what its ``src`` says.
        content: None where it is so large that its ``md5sum`` would cost more than it is worth.
    """
    result.pop("sha256", None)
    for diff in result.setdefault("diff", []):
        if isinstance(diff, dict) and "after_header" in diff and source != _WITHOUT_NAME:
            diff["after_header"] = source
    if result.get("failed"):
        result.setdefault("checksum", sha1)
        return result
    if "path" in result:  # the content was there
        pass
    elif not result.get("changed"):  # another content is kept, with ``force: false``
        return {"changed": False, "dest": result.get("dest"), "src": source}
    elif context.check:
        for name in set(result) - _TOLD_IN_CHECK_MODE:
            del result[name]
    else:
        result["src"] = source
        if content is not None:
            result["md5sum"] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    arguments = result.get("invocation", {}).get("module_args")
    if isinstance(arguments, dict):
        arguments.update(src=source, local_follow=None, checksum=result.get("checksum"))
        arguments.pop("decrypt", None)
        arguments["_original_basename"] = Path(source).name
    return result


def content_args(content: bytes) -> dict[str, Any]:
    """What the copy module is told of content before it gets it."""
    return {
        "_content_sha256": hashlib.sha256(content).hexdigest(),
        "_content_sha1": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        "_content_size": len(content),
    }


async def _copy_file(
    context: ActionContext, args: dict[str, Any], source: Path, dest: str, name: str | None = None
) -> Result:
    content = await context.sources.file(source)
    wanted = _module_args(args, dest)
    if args.get("mode") == "preserve":
        wanted["mode"] = f"0{content.mode:o}"
    wanted["_source_name"] = name or source.name
    plain = await decrypted(content) if args.get("decrypt", True) else None
    if plain is None:
        wanted["_content_sha256"], wanted["_content_sha1"] = content.sha256, content.sha1
        wanted["_content_size"] = content.size
    else:
        wanted.update(content_args(plain))
    result = await context.module("copy", wanted, content=content if plain is None else plain)
    result = told(context, result, str(source), content.small() if plain is None else plain, wanted["_content_sha1"])
    return result if plain is None else without_content(result)


async def _copy_folder(context: ActionContext, args: dict[str, Any], source: Path, *, whole: bool) -> Result:
    """Every file below a folder. With a trailing slash its content is copied, without one the folder itself.

    First the folders, the outer ones before the inner; then the files, many at a time; then the links.
    """
    context.alone()
    base = Path(str(args["dest"])) / source.name if whole else Path(str(args["dest"]))
    try:
        found = await asyncio.to_thread(listing, source, follow=bool(args.get("local_follow", True)))
    except OSError as problem:
        raise ActionFailure(f"cannot read {problem.filename} on the controller: {problem.strerror}") from None

    async def folder(name: PurePath) -> Result:
        wanted = {"path": str(base / name), "state": "directory", "owner": args.get("owner")}
        wanted["group"], wanted["mode"] = args.get("group"), args.get("directory_mode")
        return await context.module("file", wanted)

    async def file(each: tuple[Path, PurePath]) -> Result:
        path, name = each
        return await _copy_file(context, args, path, str(base / name), name.name)

    async def link(each: tuple[str, PurePath]) -> Result:
        wanted = {"path": str(base / each[1]), "src": each[0], "state": "link", "force": True, "follow": False}
        return await context.module("file", wanted)

    results: list[Result] = []
    made: list[Result] = []
    steps: list[tuple[Sequence[Any], Callable[[Any], Awaitable[Result]]]]
    steps = [*((level, folder) for level in found.folders), (found.files, file), (found.links, link)]
    for each, copy in steps:
        done = await _all_of(each, copy)
        failed = [result for result in done if result.get("failed")]
        if failed:
            return failed[0]
        results += done
        made = done if copy is file else made
    changed = any(result.get("changed") for result in results)
    if len(made) == 1 and len(found.files[0][1].parts) == 1:  # ansible-core tells of it as if it were copied alone
        return {"dest": made[0].get("path"), **made[0], "changed": changed}
    dest = str(args["dest"])
    return {
        "changed": changed,
        "dest": dest if dest.endswith("/") else f"{dest}/",
        "src": f"{source}{'' if whole else '/'}",
    }


async def _all_of(paths: Sequence[Any], copy: Callable[[Any], Awaitable[Result]]) -> list[Result]:
    """Copies of several files, in the order of these; once one has failed, no other is begun."""
    results: dict[int, Result] = {}
    left = iter(enumerate(paths))
    failed = False

    async def work() -> None:
        nonlocal failed
        for number, path in left:
            results[number] = await copy(path)
            failed = failed or bool(results[number].get("failed"))
            if failed:
                return

    workers = [asyncio.ensure_future(work()) for _ in range(min(AT_ONCE, len(paths)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return [results[number] for number in sorted(results)]
