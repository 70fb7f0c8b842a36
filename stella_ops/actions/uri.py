"""Speaks HTTP with a web service from the host; files of the controller that are sent travel to the host first."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, ActionError, Result, find_file

ANSWERED = frozenset({"missing", "wrong"})


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """See the module."""
    if context.check:
        return {"skipped": True, "msg": "remote module (uri) does not support check mode"}
    if args.get("remote_src"):
        return await context.module("uri", args)
    if args.get("src"):
        path = find_file(context, "files", str(args["src"]))
        if not path.is_file():
            raise ActionError(f"{path} is no file")
        content = await context.sources.file(path)
        return await context.module("uri", {**args, "_content_name": path.name}, content=content)
    if args.get("body_format") == "form-multipart":
        if not isinstance(args.get("body"), dict):
            raise ActionError(f"body must be mapping, cannot be type {type(args.get('body')).__name__}")
        args = {**args, "body": {name: _with_content(context, value) for name, value in args["body"].items()}}
    return await context.module("uri", args)


def _with_content(context: ActionContext, value: Any) -> Any:
    """A field of a form, with the text of the controller's file that it names."""
    if not isinstance(value, dict) or not value.get("filename") or value.get("content"):
        return value
    path = find_file(context, "files", str(value["filename"]))
    try:
        # Bytes that are no text travel as lone surrogates.
        content = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as problem:
        raise ActionError(f"cannot read {path} on the controller: {problem.strerror}") from None
    return {"multipart_encoding": "base64", **value, "content": content}
