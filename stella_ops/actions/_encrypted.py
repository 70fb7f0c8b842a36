"""Files of the controller that ansible-vault encrypted, for actions that send them to hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stella_ops.actions.base import ActionFailure, Result
from stella_ops.errors import VaultError
from stella_ops.transport.content import FileContent
from stella_ops.vault.envelope import MARK, is_encrypted
from stella_ops.vault.keyring import reveal

_NOT_SHOWN = "(the source is encrypted: its differences are not shown)\n"


async def decrypted(content: FileContent) -> bytes | None:
    """The plaintext of an encrypted file, decrypted once for all hosts; None for a file that is not encrypted.

    Raises:
        ActionFailure: it cannot be decrypted.
        TaskError: it cannot be read.
    """
    async with content.opened():
        if not is_encrypted(content.read(0, len(MARK))):
            return None
        try:
            return await content.once("decrypted", lambda: reveal(content.read(0, content.size), content.path))
        except VaultError as problem:
            raise failure(problem) from None


async def decrypted_or_file(content: FileContent, args: Mapping[str, Any]) -> bytes | FileContent:
    """What a host gets of a file: the plaintext of an encrypted one, unless the argument ``decrypt`` is false.

    Raises:
        ActionFailure: it cannot be decrypted.
        TaskError: it cannot be read.
    """
    plain = await decrypted(content) if args.get("decrypt", True) else None
    return content if plain is None else plain


async def read_decrypted(path: Path) -> tuple[bytes, bool]:
    """A file's content, decrypted where it is encrypted, and whether it is.

    Raises:
        ActionFailure: it cannot be read or decrypted.
    """
    try:
        data = await asyncio.to_thread(path.read_bytes)
        return (await asyncio.to_thread(reveal, data, path), True) if is_encrypted(data) else (data, False)
    except OSError as problem:
        raise ActionFailure(f"cannot read {path}: {problem.strerror}") from None
    except VaultError as problem:
        raise failure(problem) from None


def without_content(result: Result) -> Result:
    """The result of a module that got an encrypted file's content, without differences that would show it."""
    if result.get("diff"):
        result["diff"] = {"prepared": _NOT_SHOWN}
    return result


def failure(problem: VaultError) -> ActionFailure:
    """Why an encrypted file cannot be read, as the end of a task."""
    said = f"{problem.where}: {problem.message}" if problem.where else problem.message
    return ActionFailure(said, _hint=problem.hint)
