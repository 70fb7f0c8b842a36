"""What a TASK frame says: a call of a module, as the runner on the host reads it."""

from __future__ import annotations

import json
from typing import Any

from stella_ops.errors import TaskError
from stella_ops.transport.base import ModuleCall
from stella_ops.transport.code import ModuleCode
from stella_ops.transport.foreign import foreign_request
from stella_ops.transport.sending import Sending


def task_frame(call: ModuleCall, module: ModuleCode, content: bytes | Sending | None, after: int | None) -> bytes:
    """The payload: JSON, which has no newline in it, and after one the content that goes along.

    Args:
        content: what goes along, or will be streamed.
        after: the number of the task that it follows.

    Raises:
        TaskError: an argument is nothing that JSON can hold.
    """
    inline = content if isinstance(content, bytes) else None
    request: dict[str, Any] = {
        "module": module.unit.key,
        "libs": module.lib_names,
        "later": module.later_names,
        "args": {**call.args, **content.args} if isinstance(content, Sending) else call.args,
        "check": call.check,
        "diff": call.diff,
        "timeout": call.timeout,
        "environment": call.environment,
        "content": content is not None and inline is None,
        "inline": inline is not None,
        # Ours leave their process as they found it, so that it can serve the next task.
        "keep": module.builtin,
        "after": after,
    }
    if module.foreign is not None:
        request["foreign"] = foreign_request(module.foreign, call)
    if call.background is not None:
        request["background"] = dict(call.background)
        request["keep"] = False
    if call.invocation:
        request["invocation"] = True
    if call.folder is not None:
        request["folder"] = call.folder
    if call.live is not None:
        request["live"] = (call.live.rate, call.live.total)
    try:
        head = json.dumps(request).encode()
    except TypeError as problem:
        text = f"Failed to serialize arguments for the '{call.module}' module: {problem}"
        raise TaskError(text, hint="text that is written as !!binary, or a value of a filter, is no text") from None
    return head if inline is None else head + b"\n" + inline
