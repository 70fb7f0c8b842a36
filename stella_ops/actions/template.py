"""Renders a template on the controller and puts the result on the host."""

from __future__ import annotations

from collections import ChainMap
from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file
from stella_ops.actions.copy import content_args
from stella_ops.actions.encrypted_files import read_decrypted, without_content

ARGUMENTS: dict[str, dict[str, Any]] = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "mode": {"type": "raw"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "backup": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": True},
    "validate": {"type": "str"},
    "follow": {"type": "bool", "default": False},
    "trim_blocks": {"type": "bool", "default": True},
    "lstrip_blocks": {"type": "bool", "default": False},
    "newline_sequence": {
        "type": "str",
        "default": "\n",
        "choices": ["\n", "\r", "\r\n", "\\n", "\\r", "\\r\\n"],
    },
    "output_encoding": {"type": "str", "default": "utf-8"},
    "unsafe_writes": {"type": "bool", "default": False},
}

_FOR_COPY = ("dest", "mode", "owner", "group", "backup", "force", "validate", "follow", "unsafe_writes")


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """The rendered text travels as content of the ``copy`` module; a host that has it already is left alone."""
    for name in ("src", "dest"):
        if not args.get(name):
            raise ActionFailure(f"missing required arguments: {name}")
    source = find_file(context, "templates", str(args["src"]))
    data, encrypted = await read_decrypted(source)
    try:
        text = data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as problem:
        raise ActionFailure(f"{source} is not UTF-8 text (byte {problem.start})") from None
    newline = (args.get("newline_sequence") or "\n").replace("\\r", "\r").replace("\\n", "\n")
    rendered = context.templar.render_file(
        text,
        str(source),
        ChainMap({"ansible_managed": "Ansible managed", "template_path": str(source)}, context.variables),  # type: ignore[arg-type]
        trim_blocks=args.get("trim_blocks", True),
        lstrip_blocks=args.get("lstrip_blocks", False),
        keep_trailing_newline=False,
        search_path=[part for place in (source.parent, *context.search_path) for part in (place, place / "templates")],
        newline_sequence=newline,
    )
    # As many empty lines at the end as the file has, but a value that ends its line ends the file's last one too.
    rendered += newline * max(0, _newlines_at_end(text) - _newlines_at_end(rendered))
    content = rendered.encode(args.get("output_encoding") or "utf-8")
    copied = {name: args[name] for name in _FOR_COPY if name in args}
    copied.update(content_args(content))
    copied["_source_name"] = source.name.removesuffix(".j2")
    result = await context.module("copy", copied, content=content)
    return without_content(result) if encrypted else result


def _newlines_at_end(text: str) -> int:
    return len(text) - len(text.rstrip("\n"))
