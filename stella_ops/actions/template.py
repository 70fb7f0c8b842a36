"""Renders a template on the controller and puts the result on the host."""

from __future__ import annotations

import stat
from collections import ChainMap
from typing import Any

from stella_ops.actions._encrypted import read_decrypted, without_content
from stella_ops.actions.base import ActionContext, ActionError, Result, find_file
from stella_ops.actions.copy import content_args, told
from stella_ops.templating.of_template_files import about_template

ARGUMENTS: dict[str, dict[str, Any]] = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "mode": {"type": "raw"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "attributes": {"type": "str", "aliases": ["attr"]},
    "seuser": {"type": "str"},
    "serole": {"type": "str"},
    "setype": {"type": "str"},
    "selevel": {"type": "str"},
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
    "block_start_string": {"type": "str", "default": "{%"},
    "block_end_string": {"type": "str", "default": "%}"},
    "variable_start_string": {"type": "str", "default": "{{"},
    "variable_end_string": {"type": "str", "default": "}}"},
    "comment_start_string": {"type": "str", "default": "{#"},
    "comment_end_string": {"type": "str", "default": "#}"},
    "output_encoding": {"type": "str", "default": "utf-8"},
    "unsafe_writes": {"type": "bool", "default": False},
}

MISSING = "src and dest are required"

_FOR_COPY = frozenset(
    {"dest", "mode", "owner", "group", "backup", "force", "validate", "follow", "unsafe_writes"}
    | {"attributes", "seuser", "serole", "setype", "selevel"}
)
_MARKS = tuple(name for name in ARGUMENTS if name.endswith(("_start_string", "_end_string")))


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """The rendered text travels as content of the ``copy`` module; a host that has it already is left alone."""
    if not args.get("src") or not args.get("dest"):
        raise ActionError(MISSING)
    source = find_file(context, "templates", str(args["src"]))
    data, encrypted = await read_decrypted(source)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise ActionError(f"{source} is not UTF-8 text (byte {problem.start})") from None
    newline = (args.get("newline_sequence") or "\n").replace("\\r", "\r").replace("\\n", "\n")
    about = about_template(source, str(args["src"]), context.variables, str(args["dest"]))
    rendered = context.templar.render_file(
        text,
        str(source),
        ChainMap(about, context.variables),  # type: ignore[arg-type]
        trim_blocks=args.get("trim_blocks", True),
        lstrip_blocks=args.get("lstrip_blocks", False),
        search_path=[part for place in (source.parent, *context.search_path) for part in (place, place / "templates")],
        newline_sequence=newline,
        **{name: args[name] for name in _MARKS if args.get(name)},
    )
    encoding = args.get("output_encoding") or "utf-8"
    try:
        content = rendered.encode(encoding)
    except (LookupError, UnicodeError) as problem:
        raise ActionError(f"the rendered text cannot be written as {encoding}: {problem}") from None
    copied = {name: args[name] for name in _FOR_COPY if name in args}
    if copied.get("mode") == "preserve":
        copied["mode"] = f"0{stat.S_IMODE(source.stat().st_mode):o}"
    copied.update(content_args(content))
    copied["_source_name"] = source.name
    result = await context.module("copy", copied, content=content)
    result = told(context, result, str(source), content, copied["_content_sha1"])
    return without_content(result) if encrypted else result
