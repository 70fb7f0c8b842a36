"""Writes a host's approved keys into its ``host_vars`` as ``stella_host_keys``, leaving all else as people wrote it.

The text is edited, not rewritten: only the block of that one variable changes, and the result is read back and
compared before it takes the file's place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stella_ops import atomic_files
from stella_ops.errors import InventoryError
from stella_ops.inventory.vars_files import EXTENSIONS
from stella_ops.source_files import load_yaml

VARIABLE = "stella_host_keys"
_MARK = "# approved with stella-ops hostkeys"


def host_vars_file(folder: Path, host: str) -> Path:
    """The file that a host's keys belong in.

    Of ``host_vars/HOST``, a folder gets a file of its own in it; a file is edited; where there is neither,
    ``host_vars/HOST.yml`` is made.

    Args:
        folder: the inventory's folder.
    """
    place = folder / "host_vars"
    if "/" in host or host in (".", ".."):
        raise InventoryError(f"'{host}' cannot be the name of a file", where=place, hint="pin it to the store instead")
    for extension in EXTENSIONS:
        found = place / (host + extension)
        if found.is_dir():
            return found / f"{VARIABLE}.yml"
        if found.exists():
            return found
    return place / f"{host}.yml"


def write_host_keys(file: Path, keys: Sequence[str]) -> bool:
    """Have a file name exactly these keys; False when it did already. With no keys, the variable is taken out.

    Args:
        keys: public keys, ``algorithm base64``.

    Raises:
        InventoryError: the file is not YAML that can be edited safely; it is left as it was.
    """
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as problem:
        raise InventoryError(f"cannot read the file: {problem}", where=file) from None
    if before.startswith("$ANSIBLE_VAULT"):
        raise InventoryError(
            "the file is encrypted, so the host's keys cannot be added to it",
            where=file,
            hint=f"make {file.with_suffix('').name}/ a folder with the vault file in it, or pin to the store",
        )
    after = edited(before, keys)
    if after == before:
        return False
    _compare(before, after, keys, file)
    _write(file, after)
    return True


def read_host_keys(file: Path) -> list[str]:
    """The keys that a file names now; none where there is no file.

    Raises:
        InventoryError: it cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as problem:
        raise InventoryError(f"cannot read the file: {problem}", where=file) from None
    data = load_yaml(text, str(file), error=InventoryError)
    value = data.get(VARIABLE) if isinstance(data, dict) else None
    if isinstance(value, str):
        value = value.splitlines()
    return [" ".join(str(line).split()[:2]) for line in value or ()]


def edited(text: str, keys: Sequence[str]) -> str:
    """The text with the variable's block replaced, appended, or taken out."""
    block = "".join(f"  - {key}\n" for key in keys)
    block = f"{VARIABLE}:  {_MARK}\n{block}" if keys else ""
    lines = text.splitlines(keepends=True)
    start = next((n for n, line in enumerate(lines) if re.match(rf"[\"']?{VARIABLE}[\"']?\s*:", line)), None)
    if start is None:
        if not keys:
            return text
        if not text.strip():
            return f"{text}---\n{block}" if not text else f"{text.rstrip()}\n{block}"
        return f"{text}{'' if text.endswith(chr(10)) else chr(10)}{block}"
    end = start + 1
    while end < len(lines) and (lines[end][:1] in " \t-" and lines[end].strip() not in ("", "---")):
        end += 1
    return "".join([*lines[:start], block, *lines[end:]])


def _compare(before: str, after: str, keys: Sequence[str], file: Path) -> None:
    def read(text: str) -> dict[Any, Any]:
        data = load_yaml(text, str(file), error=InventoryError)
        return {} if data is None else dict(data)

    try:
        old, new = read(before), read(after)
    except (TypeError, ValueError):
        raise InventoryError("the file is no mapping of names to values", where=file) from None
    got = list(new.pop(VARIABLE, None) or ())
    old.pop(VARIABLE, None)
    if got != list(keys) or old != new:
        raise InventoryError(
            f"{VARIABLE} cannot be changed here without touching other lines",
            where=file,
            hint="write the variable as a block of its own lines, or pin to the store",
        )


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
        # A link stays a link.
        atomic_files.write(Path(os.path.realpath(file)), text, mode=mode)
    except OSError as problem:
        raise InventoryError(f"cannot write the file: {problem.strerror}", where=file) from None
