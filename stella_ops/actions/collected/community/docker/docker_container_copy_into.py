"""Puts a file into a container; what of it the host tells in disguise is made readable here.

The module tells differences so that its own hiding of secrets does not spoil them: each text is exclusively or'ed with
one byte, in Base64.
"""

from __future__ import annotations

import base64
from typing import Any

from stella_ops.actions.base import ActionContext, Result

# What else is given is for the module, which checks it.
ARGUMENTS: dict[str, dict[str, Any]] | None = None
_LARGEST = 104448  # bytes of a file whose difference is shown: ansible-core's default
_MARK = "=S="


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """See the module."""
    result = await context.module(context.action, {**args, "_max_file_size_for_diff": _LARGEST})
    told = result.get("diff")
    if isinstance(told, dict) and told.get("scrambled_diff"):
        key = base64.b64decode(told["scrambled_diff"])[:1]
        told = {name: value for name, value in told.items() if name != "scrambled_diff"}
        for side in ("before", "after"):
            if str(told.get(side, "")).startswith(_MARK):
                told[side] = _readable(str(told[side])[len(_MARK) :], key)
        result["diff"] = told
    return result


def _readable(text: str, key: bytes) -> str:
    return bytes(byte ^ key[0] for byte in base64.b64decode(text)).decode("utf-8", "replace")
