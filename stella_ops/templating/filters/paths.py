"""Paths. Those that look at a file system look at the controller's."""

# Templates mean text, and the rules of os.path for it.
# ruff: noqa: PTH111, PTH113, PTH119, PTH120, PTH122, PTH207
from __future__ import annotations

import glob
import ntpath
import os.path
from collections.abc import Callable
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.undefined import kind_of


def _path(value: Any) -> str:
    if not isinstance(value, str | bytes):
        raise TemplateError(f"a path is text, not {kind_of(value)}", hint="add  | string")
    return plain_text(value)


def basename(path: Any) -> str:
    """The last part of a path."""
    return os.path.basename(_path(path))


def dirname(path: Any) -> str:
    """The path without its last part."""
    return os.path.dirname(_path(path))


def expanduser(path: Any) -> str:
    """The path with a leading ``~`` replaced by the home folder."""
    return os.path.expanduser(_path(path))


def expandvars(path: Any) -> str:
    """The path with ``$NAME`` replaced from the environment."""
    return os.path.expandvars(_path(path))


def realpath(path: Any) -> str:
    """The absolute path with symbolic links resolved."""
    return os.path.realpath(_path(path))


def relpath(path: Any, start: str = ".") -> str:
    """The path as seen from ``start``."""
    return os.path.relpath(_path(path), _path(start))


def splitext(path: Any) -> list[str]:
    """The path without its extension, and the extension with its dot."""
    return list(os.path.splitext(_path(path)))


def normpath(path: Any) -> str:
    """The path without ``..``, ``.`` and doubled slashes."""
    return os.path.normpath(_path(path))


def path_join(paths: Any) -> str:
    """A list of parts as one path."""
    if not isinstance(paths, str | list | tuple):
        raise TemplateError(f"|path_join expects string or sequence, got <class '{kind_of(paths)}'> instead.")
    return os.path.join(*map(_path, paths)) if isinstance(paths, list | tuple) else _path(paths)


def fileglob(pattern: Any) -> list[str]:
    """The files of the controller that match a pattern, sorted."""
    return sorted(path for path in glob.glob(_path(pattern)) if os.path.isfile(path))


def commonpath(paths: Any) -> str:
    """The longest path that all of a list of paths begin with."""
    if not isinstance(paths, list | tuple):
        raise TemplateError(f"|commonpath expects sequence, got <class '{kind_of(paths)}'> instead.")
    try:
        return os.path.commonpath([_path(path) for path in paths])
    except ValueError as problem:
        raise TemplateError(f"commonpath: {problem}") from None


def win_basename(path: Any) -> str:
    """The last part of a Windows path."""
    return ntpath.basename(_path(path))


def win_dirname(path: Any) -> str:
    """A Windows path without its last part."""
    return ntpath.dirname(_path(path))


def win_splitdrive(path: Any) -> list[str]:
    """The drive of a Windows path, and the rest."""
    return list(ntpath.splitdrive(_path(path)))


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
    "commonpath": commonpath,
    "win_basename": win_basename,
    "win_dirname": win_dirname,
    "win_splitdrive": win_splitdrive,
}
