"""Copies a file, a folder or given content to the host."""

from __future__ import annotations

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
    wanted.update(content_args(content))
    return await context.module("copy", wanted, content=content)


def content_args(content: bytes) -> dict[str, Any]:
    """What the copy module is told of content before it gets it."""
    return {
        "_content_sha256": hashlib.sha256(content).hexdigest(),
        "_content_sha1": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        "_content_size": len(content),
    }


async def _copy_file(context: ActionContext, args: dict[str, Any], source: Path, dest: str) -> Result:
    content = await context.sources.file(source)
    wanted = _module_args(args, dest)
    if args.get("mode") == "preserve":
        wanted["mode"] = f"0{content.mode:o}"
    wanted["_content_sha256"], wanted["_content_sha1"] = content.sha256, content.sha1
    wanted["_content_size"] = content.size
    wanted["_source_name"] = source.name
    if args.get("checksum") and args["checksum"] != content.sha1:
        raise ActionFailure(f"Copied file does not match the expected checksum: {source} has {content.sha1}")
    return await context.module("copy", wanted, content=content)


async def _copy_folder(context: ActionContext, args: dict[str, Any], source: Path, *, whole: bool) -> Result:
    """Every file below a folder. With a trailing slash its content is copied, without one the folder itself."""
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

