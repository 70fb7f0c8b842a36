"""Reads variables from files of the controller."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stella_ops.actions.base import ActionContext, ActionError, ActionFailure, Result, not_found
from stella_ops.errors import PlaybookError
from stella_ops.origins import SourceVault
from stella_ops.playbook.variables import load_vars_file
from stella_ops.vault.envelope import MARK, is_encrypted

ARGUMENTS: dict[str, dict[str, Any]] = {
    "file": {"type": "path"},
    "dir": {"type": "path"},
    "name": {"type": "str"},
    "depth": {"type": "int", "default": 0},
    "files_matching": {"type": "str"},
    "ignore_files": {"type": "list", "elements": "str"},
    "extensions": {"type": "list", "elements": "str", "default": ["yaml", "yml", "json"]},
    "ignore_unknown_extensions": {"type": "bool", "default": False},
    "hash_behaviour": {"type": "str", "choices": ["replace", "merge"]},
}
FREE_FORM = "file"
_OF_FOLDERS = ("dir", "depth", "files_matching", "ignore_files", "extensions", "ignore_unknown_extensions")


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """One file, or those of a folder in the order of their names; below ``name`` where that is given."""
    name = args.get("file") or args.get("_raw_params")
    if name and any(args.get(key) is not None for key in _OF_FOLDERS):
        raise ActionError("Task failed: You are mixing file only and dir only arguments, these are incompatible")
    if not name and not args.get("dir"):
        raise ActionFailure("include_vars needs 'file' or 'dir'")
    read: list[str] = []
    try:
        return _read(context, args, name, read)
    except ActionFailure as failure:
        failure.result.update(_of_failure(str(failure), read))
        raise
    except PlaybookError as problem:
        raise ActionFailure(str(problem), _hint=problem.hint, **_of_failure(str(problem), read)) from None


def _of_failure(text: str, read: list[str]) -> dict[str, Any]:
    return {"message": text, "ansible_included_var_files": read, "ansible_facts": {}}


def _read(context: ActionContext, args: dict[str, Any], name: Any, read: list[str]) -> Result:
    variables: dict[str, Any] = {}
    hidden = False
    for path in [_find(context, str(name))] if name else _files(context, args):
        read.append(str(path))
        hidden = hidden or _is_encrypted(path)
        variables |= load_vars_file(path, whole=bool(args.get("name")))
    if args.get("name"):
        variables = {str(args["name"]): variables}
    if args.get("hash_behaviour") == "merge":
        # With what is known before, not those of a folder with each other: as in ansible-core.
        known = context.variables
        variables = _merged({key: known[key] for key in variables if key in known}, variables)
    return {
        "ansible_facts": _shown(variables),
        "ansible_included_var_files": read,
        "_unshown": {"ansible_facts": variables},
        "_included": True,
        "_censored": hidden,
    }


def _is_encrypted(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return is_encrypted(file.read(len(MARK)))
    except OSError:
        return False  # reading it tells what is wrong


def _shown(value: Any) -> Any:
    """Variables as a result may show them: what is encrypted stays so."""
    if isinstance(value, SourceVault):
        return "<redacted>"
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _places(context: ActionContext, name: str) -> list[Path]:
    path = Path(name).expanduser()
    if path.is_absolute():
        return [path]
    return [place / part for place in context.search_path for part in (Path("vars") / path, path)]


def _find(context: ActionContext, name: str) -> Path:
    tried = _places(context, name)
    for path in tried:
        if path.is_file():
            return path.resolve()
    raise ActionFailure(not_found(name, tried))


def _files(context: ActionContext, args: dict[str, Any]) -> list[Path]:
    tried = _places(context, str(args["dir"]))
    folder = next((path for path in tried if path.is_dir()), None)
    if folder is None:
        raise ActionFailure(f"{tried[-1]} directory does not exist")
    depth = int(args.get("depth") or 0)
    matching = re.compile(str(args["files_matching"])) if args.get("files_matching") else None
    ignored = [re.compile(rf"{pattern}$") for pattern in args.get("ignore_files") or []]
    extensions = tuple(args.get("extensions") or ARGUMENTS["extensions"]["default"])
    found: list[Path] = []
    for path in sorted(folder.rglob("*"), key=lambda each: (len(each.parts), str(each))):
        level = len(path.relative_to(folder).parts)
        if not path.is_file() or (depth and level > depth) or any(each.search(path.name) for each in ignored):
            continue
        if matching is not None and not matching.search(path.name):
            continue
        if path.suffix.lstrip(".") not in extensions:
            if args.get("ignore_unknown_extensions") or matching is not None:
                continue
            raise ActionFailure(f"{path} does not have a valid extension: {', '.join(extensions)}")
        found.append(path)
    return found


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(base)
    for key, value in more.items():
        known = made.get(key)
        made[key] = _merged(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return made
