"""Makes variables of a file that sops encrypted, by the program ``sops`` on the controller."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file
from stella_ops.errors import ParseError
from stella_ops.source_files import load_yaml
from stella_ops.templating.lazy import finalize
from stella_ops.templating.plugins.imports import answered

# What else is given is for sops.
ARGUMENTS: dict[str, dict[str, Any]] | None = None
_EXPRESSIONS = ("ignore", "evaluate-on-load", "lazy-evaluation")
_OWN = ("file", "name", "expressions")


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``ansible_facts`` with the variables, which are shown nowhere."""
    if not args.get("file"):
        raise ActionFailure("missing required arguments: file")
    how = args.get("expressions", "ignore")
    if how not in _EXPRESSIONS:
        raise ActionFailure(f"value of expressions must be one of: {', '.join(_EXPRESSIONS)}, got: {how}")
    path = find_file(context, "vars", str(args["file"]))
    options = {name: value for name, value in args.items() if name not in _OWN}
    text = await asyncio.to_thread(_decrypted, path, options)
    try:
        loaded = load_yaml(text, str(path)) or {}
    except ParseError as problem:
        raise ActionFailure(f"{path} holds no YAML once it is decrypted ({problem.where})") from None
    if not isinstance(loaded, dict):
        raise ActionFailure(f"{path} must be stored as a dictionary/hash")
    # Texts are templates only where that is asked for.
    if how == "ignore":
        loaded = finalize(loaded)
    elif how == "evaluate-on-load":
        loaded = context.templar.render(loaded, context.variables)
    result: Result = {
        "changed": False,
        "ansible_included_var_files": [str(path)],
        "ansible_facts": {args["name"]: loaded} if args.get("name") else dict(loaded),
        "_censored": True,
    }
    if how == "lazy-evaluation":
        result["_included"] = True
    return result


def _decrypted(path: Path, options: dict[str, Any]) -> str:
    """What sops makes of a file; the collection knows how to call it."""
    try:
        with answered():
            sops = importlib.import_module("ansible_collections.community.sops.plugins.module_utils.sops").Sops
            text: str = sops.decrypt(str(path), get_option_value=options.get)
    except Exception as problem:
        raise ActionFailure(str(problem)) from None
    return text
