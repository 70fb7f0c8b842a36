"""Copies a file, a folder or given content to the host."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file

ARGUMENTS: dict[str, dict[str, Any]] = {
    "src": {"type": "path"},
    "content": {"type": "raw"},
    "dest": {"type": "path", "required": True},
    "mode": {"type": "raw"},
    "directory_mode": {"type": "raw"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
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

_CONTROLLER_ONLY = frozenset({"src", "content", "local_follow", "decrypt", "checksum", "directory_mode"})


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Content is sent only where the host does not have it."""
    if args.get("remote_src"):
        return await context.module("copy", args)
    if (args.get("src") is None) == (args.get("content") is None):
        raise ActionFailure("one of the following is required: src, content (and not both)")
    if not args.get("dest"):
        raise ActionFailure("missing required arguments: dest")
    if args.get("content") is not None:
        value = args["content"]
        text = value if isinstance(value, str) else json.dumps(value)
        return await _copy_bytes(context, args, text.encode())
    named = str(args["src"])
    source = find_file(context, "files", named)
    if source.is_dir():
        return await _copy_folder(context, args, source, whole=not named.endswith("/"))
    return await _copy_file(context, args, source, str(args["dest"]))


def _module_args(args: dict[str, Any], dest: str) -> dict[str, Any]:
    return {**{name: value for name, value in args.items() if name not in _CONTROLLER_ONLY}, "dest": dest}


async def _copy_bytes(context: ActionContext, args: dict[str, Any], content: bytes) -> Result:
    wanted = _module_args(args, str(args["dest"]))
    wanted["_content_sha256"] = hashlib.sha256(content).hexdigest()
    wanted["_content_size"] = len(content)
    return await context.module("copy", wanted, content=content)


async def _copy_file(context: ActionContext, args: dict[str, Any], source: Path, dest: str) -> Result:
    wanted = _module_args(args, dest)
    if args.get("mode") == "preserve":
        wanted["mode"] = f"0{source.stat().st_mode & 0o7777:o}"
    wanted["_content_sha256"], wanted["_content_size"] = await asyncio.to_thread(_digest, source)
    wanted["_source_name"] = source.name
    if args.get("checksum"):
        actual = await asyncio.to_thread(_sha1, source)
        if actual != args["checksum"]:
            raise ActionFailure(f"Copied file does not match the expected checksum: {source} has {actual}")
    return await context.module("copy", wanted, content=source)


async def _copy_folder(context: ActionContext, args: dict[str, Any], source: Path, *, whole: bool) -> Result:
    """Every file below a folder. With a trailing slash its content is copied, without one the folder itself."""
    context.alone()
    base = Path(str(args["dest"])) / source.name if whole else Path(str(args["dest"]))
    changed = False
    for path in [source, *sorted(source.rglob("*"))]:
        target = str(base / path.relative_to(source))
        if path.is_symlink() and not args.get("local_follow", True):
            made = await context.module("file", {"path": target, "src": str(path.readlink()), "state": "link"})
        elif path.is_dir():
            wanted = {
                "path": target,
                "state": "directory",
                "owner": args.get("owner"),
                "group": args.get("group"),
            }
            made = await context.module("file", {**wanted, "mode": args.get("directory_mode")})
        else:
            made = await _copy_file(context, args, path, target)
        if made.get("failed"):
            return made
        changed = changed or bool(made.get("changed"))
    return {"changed": changed, "dest": str(args["dest"]), "src": str(source)}


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def _sha1(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
