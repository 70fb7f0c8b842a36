"""The modules and actions a command line may name."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stella_ops import collections, content
from stella_ops.actions.registry import action_arguments, action_file, action_names, is_collected
from stella_ops.collections import resolving
from stella_ops.playbook.module_index import ModuleSpec, SourceModuleIndex, read_spec


@functools.cache
def _spec(name: str) -> ModuleSpec:
    return read_spec(name, action_file(name))._replace(arguments=action_arguments(name))


class _ActionSpecs(Mapping[str, ModuleSpec]):
    """What each action takes; the files of those that are asked for are read."""

    def __getitem__(self, name: str) -> ModuleSpec:
        if name not in self:
            raise KeyError(name)
        return _spec(name)

    def __contains__(self, name: object) -> bool:
        if is_collected(str(name)):
            # What is not installed is unknown, whatever of it there is here.
            return resolving.action(collections.current(), str(name)) is not None
        return name in action_names()

    def __iter__(self) -> Iterator[str]:
        return iter(action_names())

    def __len__(self) -> int:
        return len(action_names())


def source_of(name: str, folders: Sequence[Path]) -> Path | None:
    """The file that documents a module: its own, or its action's where it has no half on hosts; None for no module."""
    path = content.module_path(name, folders)
    return action_file(name) if path is None and name in action_names() else path


def module_index(folders: Sequence[Path], rejected: frozenset[str] = frozenset()) -> SourceModuleIndex:
    """Actions, the user's modules, the built-in ones, but for those that are rejected."""
    return SourceModuleIndex(folders, _ActionSpecs(), rejected)
