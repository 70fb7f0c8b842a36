"""Tasks that ended without an answer of their module, in an operator's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stella_ops.errors import ModuleCrashError, TaskError, TaskTimeoutError


def crash_error(crash: Mapping[str, Any], name: str) -> TaskError:
    """The error for what a runner says in a CRASH frame.

    Args:
        name: the host.
    """
    noise = str(crash.get("noise") or "").strip()
    if crash.get("reason") == "timeout":
        return TaskTimeoutError(
            f"the task did not end within {crash.get('timeout')} seconds and was killed", where=name
        )
    if crash.get("reason") == "closed":
        text = "the module closed the pipe for its answer"
    elif crash.get("signal"):
        text = f"the module was killed by signal {crash['signal']}"
        if crash["signal"] == 9:
            text += " (out of memory?)"
    elif crash.get("reason") == "load":
        text = "the module cannot be loaded"
    elif crash.get("reason") == "fork":
        text = "the host cannot start another process"
    else:
        text = f"the module ended without an answer (exit status {crash.get('status')})"
    last = noise.splitlines()[-1] if noise else ""
    return ModuleCrashError(f"{text}: {last}" if last else text, where=name)
