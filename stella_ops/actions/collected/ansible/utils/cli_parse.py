"""Makes data of what a command prints, or of a text, with a parser of ``ansible.utils`` or of another collection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file
from stella_ops.actions.collected._sub_plugins import load, options_of, running, to_nobody

ARGUMENTS: dict[str, dict[str, Any]] = {
    "command": {"type": "str", "doc": "A command that is run on the host."},
    "text": {"type": "str", "doc": "A text, in the place of a command."},
    "parser": {
        "type": "dict",
        "required": True,
        "doc": "name of the parser; command, os and template_path lead to its template; vars are for it.",
    },
    "set_fact": {"type": "str", "doc": "A fact that becomes what was parsed."},
}
_OPTIONS = ("name", "command", "os", "template_path", "vars")
_NEED_NO_TEMPLATE = ("ansible.utils.json", "ansible.utils.xml")


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``parsed``; of a command ``stdout`` and ``stdout_lines`` besides."""
    parser = options_of(context, args["parser"], what="parser", known=_OPTIONS)
    _check(args, parser)
    name = str(parser["name"])
    result: Result = {}
    text = args.get("text")
    if args.get("command"):
        done = await context.raw(args["command"])
        said = done.stdout.decode("utf-8", "replace")
        result = {"stdout": said, "stdout_lines": said.splitlines()}
        if done.status != 0:
            raise ActionFailure(done.stderr.decode("utf-8", "replace"), **result)
        text = said or text
        parser["command"] = parser.get("command") or args["command"]
    made = load("cli_parser", name, "CliParser", suffix="_parser", failure="Error loading parser")
    given = {**dict.fromkeys(ARGUMENTS), **args, "text": text, "parser": {**dict.fromkeys(_OPTIONS), **parser}}
    with running(f"parser '{name}'"):
        found = made(task_args=given, task_vars=context.variables, debug=to_nobody)
        content = None
        if getattr(found, "DEFAULT_TEMPLATE_EXTENSION", None):
            path = find_file(context, "templates", _template(context, parser, found.DEFAULT_TEMPLATE_EXTENSION))
            given["parser"]["template_path"] = str(path)
            if getattr(found, "PROVIDE_TEMPLATE_CONTENTS", False):
                content = _text_of(path)
        told = json.loads(json.dumps(found.parse(template_contents=content)))
    if told.get("errors"):
        raise ActionFailure(" ".join(told["errors"]))
    result["parsed"] = told["parsed"]
    if args.get("set_fact"):
        result["ansible_facts"] = {args["set_fact"]: told["parsed"]}
    return result


def _check(args: dict[str, Any], parser: dict[str, Any]) -> None:
    def refuse(why: str) -> ActionFailure:
        return ActionFailure("argspec validation failed for cli_parse module plugin", errors=[why])

    if args.get("command") is None and args.get("text") is None:
        raise refuse("one of the following is required: command, text")
    if args.get("command") is not None and args.get("text") is not None:
        raise refuse("parameters are mutually exclusive: command|text")
    if parser.get("name") is None:
        raise refuse("missing required arguments: name found in parser")
    if parser.get("command") is not None and parser.get("template_path") is not None:
        raise refuse("parameters are mutually exclusive: command|template_path found in parser")
    said = []
    if str(parser["name"]).count(".") != 2:
        said.append("Parser name should be provided as a full name including collection")
    template = parser.get("command") or parser.get("template_path")
    if args.get("text") and not template and parser["name"] not in _NEED_NO_TEMPLATE:
        said.append("Either parser/command or parser/template_path needs to be provided when parsing text.")
    if said:
        raise ActionFailure(" ".join(said))


def _template(context: ActionContext, parser: dict[str, Any], ending: str) -> str:
    """The name of a parser's template: as given, else of operating system and command."""
    if parser.get("template_path"):
        return str(parser["template_path"])
    system = parser.get("os")
    if not system:
        named = (context.variables.get(name) for name in ("ansible_network_os", "ansible_distribution"))
        system = next((str(each).rpartition(".")[2].lower() for each in named if each), "")
    return f"{system}_{str(parser['command']).replace(' ', '_')}.{ending}"


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeError:
        raise ActionFailure("Template source files must be utf-8 encoded") from None
    except OSError as problem:
        raise ActionFailure(f"Failed to open template '{path}'. Error: {problem.strerror}") from None
