"""What a module's file is: one of ours, or one that others wrote for ansible-core, and of which kind.

ansible-core's documentation calls these "new-style", "WANT_JSON", "old-style" and "binary" modules ("Ansible module
architecture").
"""

from __future__ import annotations

import functools
import re
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class Kind(StrEnum):
    """How a module is run on a host."""

    OWN = "own"
    PYTHON = "python"
    WANT_JSON = "want_json"
    KEY_VALUE = "key_value"
    BINARY = "binary"
    JSON_ARGS = "json_args"
    POWERSHELL = "powershell"


class ModuleFile(NamedTuple):
    """A module's file.

    Attributes:
        interpreter: the last part of its shebang's path, which names the variable
            ``ansible_<interpreter>_interpreter``.
    """

    path: Path
    kind: Kind
    interpreter: str | None = None


_IMPORTS_UTILS = re.compile(
    rb"^[ \t]*(?:from[ \t]+ansible\.module_utils\b|import[ \t]+ansible\.module_utils\b"
    rb"|from[ \t]+ansible[ \t]+import[^\n]*\bmodule_utils\b|(?:from|import)[ \t]+ansible_collections\."
    rb"|from[ \t]+\.{2,}[ \t]*module_utils\b)",
    re.MULTILINE,
)
_NO_TEXT = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")


def module_file(path: Path) -> ModuleFile:
    """What a module's file is; read once as long as it does not change.

    Raises:
        OSError: it cannot be read.
    """
    about = path.stat()
    return _look(path, about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=1024)
def _look(path: Path, _changed: int, _size: int) -> ModuleFile:
    data = path.read_bytes()
    kind = _kind(path, data)
    words = data[2 : data.find(b"\n")].split() if data.startswith(b"#!") else []
    name = words[0].decode("utf-8", "replace").rpartition("/")[2] if words and kind is not Kind.BINARY else None
    return ModuleFile(path, kind, name)


def _kind(path: Path, data: bytes) -> Kind:
    if path.suffix == ".ps1" or b"#Requires -Module" in data or b"#AnsibleRequires" in data:
        return Kind.POWERSHELL
    if path.suffix == ".py" and _IMPORTS_UTILS.search(data):
        return Kind.PYTHON
    if b"<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>" in data:
        return Kind.JSON_ARGS
    if b"WANT_JSON" in data and not _NO_TEXT.search(data):
        return Kind.WANT_JSON
    # Programs of others say who runs them; should it be none of ours either, then ours say what is wrong with it.
    if path.suffix == ".py" and not data.startswith(b"#!"):
        return Kind.OWN
    if _NO_TEXT.search(data):
        return Kind.BINARY
    return Kind.PYTHON if _IMPORTS_UTILS.search(data) else Kind.KEY_VALUE
