"""Speaks with Kubernetes from the host; templates are rendered here, and so are files found where that is the host."""

from __future__ import annotations

from collections import ChainMap
from pathlib import Path
from typing import Any

import yaml

from stella_ops.actions._encrypted import read_decrypted
from stella_ops.actions.arguments import convert
from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file
from stella_ops.templating.of_template_files import about_template

# What else is given is for the module, which checks it.
ARGUMENTS: dict[str, dict[str, Any]] | None = None
_MARKS = ("variable_start_string", "variable_end_string", "block_start_string", "block_end_string")
_NEWLINES = {"\n": "\n", "\r": "\r", "\r\n": "\r\n", "\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n"}
_URLS = ("http://", "https://", "ftp://")
# Files of several clusters, one after the other.
_BETWEEN = ":"


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """See the module."""
    context.alone()
    wanted = dict(args)
    here = context.session.spec.kind == "local"
    if args.get("kubeconfig"):
        wanted["kubeconfig"] = await _kubeconfig(context, args["kubeconfig"], here)
    source = args.get("src")
    if source and here and not str(source).startswith(_URLS):
        wanted["src"] = str(find_file(context, "files", str(source)))
    if args.get("template") and (here or not source):
        wanted["definition"] = await _definitions(context, args["template"])
        if not args.get("definition"):
            del wanted["template"]
    if args.get("local_path") and args.get("state") == "to_pod" and here:
        wanted["local_path"] = _local_path(context, str(args["local_path"]))
    return await context.module(context.action, wanted)


async def _kubeconfig(context: ActionContext, given: Any, here: bool) -> Any:
    if isinstance(given, dict):
        return given
    if not isinstance(given, str):
        raise ActionFailure(
            "Error while reading kubeconfig parameter - a string or dict expected, but got "
            f"{type(given).__name__} instead"
        )
    if not here:
        return given
    paths = [find_file(context, "files", part) for part in given.split(_BETWEEN)]
    if len(paths) == 1:
        data, encrypted = await read_decrypted(paths[0])
        if encrypted:
            # Its plaintext is not for a disk: the module takes the content as well.
            return _documents(data.decode("utf-8", "replace"), paths[0])[0]
    return _BETWEEN.join(map(str, paths))


def _local_path(context: ActionContext, written: str) -> str:
    if context.action != "kubernetes.core.k8s_cp":
        raise ActionFailure("'local_path' is only supported parameter for 'k8s_cp' module.")
    if Path(written).exists():
        return written
    try:
        return str(find_file(context, "files", written))
    except ActionFailure:
        raise ActionFailure(f"{written} does not exist in local filesystem") from None


async def _definitions(context: ActionContext, given: Any) -> list[Any]:
    """The documents that templates make, each template with its own options."""
    if context.action != "kubernetes.core.k8s":
        raise ActionFailure("'template' is only a supported parameter for the 'k8s' module.")
    made: list[Any] = []
    for each in given if isinstance(given, list) else [given]:
        options = {"path": each} if isinstance(each, str) else each
        if not isinstance(options, dict):
            raise ActionFailure(
                "Error while reading template file - a string or dict for template expected, but got "
                f"{type(each).__name__} instead"
            )
        made += await _rendered(context, options)
    return made


async def _rendered(context: ActionContext, options: dict[str, Any]) -> list[Any]:
    if not options.get("path"):
        raise ActionFailure("Please specify path for template.")
    newline = _NEWLINES.get(options.get("newline_sequence", "\n"))
    if newline is None:
        raise ActionFailure("newline_sequence needs to be one of: \n, \r or \r\n")
    path = find_file(context, "templates", str(options["path"]))
    data, _ = await read_decrypted(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ActionFailure("Template source files must be utf-8 encoded") from None
    about = about_template(path, str(options["path"]), context.variables, None)
    rendered = context.templar.render_file(
        text,
        str(path),
        ChainMap(about, context.variables),  # type: ignore[arg-type]
        trim_blocks=_flag(options, "trim_blocks", True),
        lstrip_blocks=_flag(options, "lstrip_blocks", False),
        search_path=[part for place in (path.parent, *context.search_path) for part in (place, place / "templates")],
        newline_sequence=newline,
        **{name: options[name] for name in _MARKS if options.get(name)},
    )
    return _documents(rendered, path)


def _documents(text: str, source: Path) -> list[Any]:
    try:
        return list(yaml.safe_load_all(text))
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 0
        raise ActionFailure(f"{source}: what it renders to is no YAML (line {line}: {problem.problem})") from None
    except yaml.YAMLError as problem:
        raise ActionFailure(f"{source}: what it renders to is no YAML ({problem})") from None


def _flag(options: dict[str, Any], name: str, default: bool) -> bool:
    try:
        return bool(convert("bool", options.get(name, default)))
    except ValueError:
        return False
