"""Runs a script of the controller on the host."""

from __future__ import annotations

import io
import shlex
from typing import Any

from stella_ops.actions._encrypted import decrypted_or_file
from stella_ops.actions.base import ActionContext, ActionError, Result, find_file

ARGUMENTS: dict[str, dict[str, Any]] = {
    "cmd": {"type": "str", "doc": "The script's path on the controller, and its arguments."},
    "creates": {"type": "str", "doc": "Do nothing when there is a file of this name on the host."},
    "removes": {"type": "str", "doc": "Do nothing when there is no file of this name on the host."},
    "chdir": {"type": "str", "doc": "The folder on the host to run it in."},
    "executable": {"type": "str", "doc": "What runs the script, in place of its first line."},
    "decrypt": {"type": "bool", "default": True, "doc": "Decrypt a script that a vault encrypted."},
}
FREE_FORM = "cmd"


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``rc``, ``stdout`` and ``stderr`` of the script, which is on the host for as long as it runs."""
    line = args.get("cmd") or args.get("_raw_params")
    if not line or not str(line).strip():
        raise ActionError("one of the following is required: _raw_params, cmd")
    text = str(line).strip()
    chdir = args.get("chdir")
    if chdir and not str(chdir).startswith("/"):
        raise ActionError(f"chdir {chdir} must be an absolute path for a Unix-aware remote node")
    name, rest = _first_word(text)
    path = find_file(context, "files", name)
    if not path.is_file():
        raise ActionError(f"{path} is no file")
    wanted = {key: args[key] for key in ("creates", "removes", "chdir", "executable") if args.get(key)}
    wanted.update(_name=path.name, _rest=rest)
    content = await decrypted_or_file(await context.sources.file(path), args)
    return await context.module("script", wanted, content=content)


def _first_word(text: str) -> tuple[str, str]:
    """The script's path, without quotes, and all that follows it as it is written.

    Raises:
        ActionFailure: a quote is not closed.
    """
    stream = io.StringIO(text)
    lexer = shlex.shlex(stream, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        word = lexer.get_token()
    except ValueError as problem:
        raise ActionError(f"cannot split the command into words: {problem}") from None
    # What the lexer has taken of the text is the word, and the one blank that ended it.
    read = stream.tell()
    rest = text[read - 1 :] if read < len(text) else ""
    return str(word), rest
