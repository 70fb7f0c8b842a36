"""Paths. Those that look at a file system look at the controller's."""

# Templates mean text, and the rules of os.path for it.
# ruff: noqa: PTH111, PTH113, PTH119, PTH120, PTH122, PTH207
from __future__ import annotations

import glob
import os.path
from collections.abc import Callable
from typing import Any

from stella_ops.templating.lazy import plain_text


def basename(path: Any) -> str:
    """The last part of a path."""
    return os.path.basename(plain_text(path))


def dirname(path: Any) -> str:
    """The path without its last part."""
    return os.path.dirname(plain_text(path))


def expanduser(path: Any) -> str:
    """The path with a leading ``~`` replaced by the home folder."""
    return os.path.expanduser(plain_text(path))


def expandvars(path: Any) -> str:
    """The path with ``$NAME`` replaced from the environment."""
    return os.path.expandvars(plain_text(path))


def realpath(path: Any) -> str:
    """The absolute path with symbolic links resolved."""
    return os.path.realpath(plain_text(path))


def relpath(path: Any, start: str = ".") -> str:
    """The path as seen from ``start``."""
    return os.path.relpath(plain_text(path), start)


def splitext(path: Any) -> list[str]:
    """The path without its extension, and the extension with its dot."""
    return list(os.path.splitext(plain_text(path)))


def normpath(path: Any) -> str:
    """The path without ``..``, ``.`` and doubled slashes."""
    return os.path.normpath(plain_text(path))


def path_join(parts: Any) -> str:
    """A list of parts as one path."""
    return os.path.join(*map(plain_text, parts)) if isinstance(parts, list) else plain_text(parts)


def fileglob(pattern: Any) -> list[str]:
    """The files of the controller that match a pattern, sorted."""
    return sorted(path for path in glob.glob(plain_text(pattern)) if os.path.isfile(path))


FILTERS: dict[str, Callable[..., Any]] = {
    "basename": basename,
    "dirname": dirname,
    "expanduser": expanduser,
    "expandvars": expandvars,
    "realpath": realpath,
    "relpath": relpath,
    "splitext": splitext,
    "normpath": normpath,
    "path_join": path_join,
    "fileglob": fileglob,
}
