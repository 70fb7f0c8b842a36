"""What inventory plug-ins keep of what they asked for: ``cache``, ``cache_plugin`` and their like of a source.

The default, ``memory``, lasts as long as a run. ``jsonfile`` is a folder of files that their owner alone can read.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from stella_ops import atomic_files
from stella_ops.templating.plugins.ansible_errors import AnsibleError
from stella_ops.templating.plugins.both_errors import OptionWrong

_FOLDER_WANTED = (
    "the inventory cache 'jsonfile' needs a folder: 'cache_connection' of the source or of [inventory] in ansible.cfg, "
    "or ANSIBLE_INVENTORY_CACHE_CONNECTION"
)


class SourceCache(MutableMapping[str, Any]):
    """Values by key, for as long as a run lasts."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        return self._known[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._known[key] = value

    def __delitem__(self, key: str) -> None:
        del self._known[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def update_cache_if_changed(self) -> None:
        """Keep what was changed; nothing has to be done in memory."""

    def set_cache(self) -> None:
        """Keep all."""

    def flush(self) -> None:
        """Forget all."""
        self.clear()


class FileCache(SourceCache):
    """The same in a folder, one JSON file a key.

    Args:
        prefix: what the names of the files begin with.
        timeout: seconds after which a file is too old; 0 for never.
        warn: told of what cannot be kept.
        clock: gives the time, in seconds since 1970.

    Raises:
        AnsibleError: the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        prefix: str,
        timeout: float,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._folder = folder
        self._prefix = prefix
        self._timeout = timeout
        self._warn = warn
        self._clock = clock
        self._changed: set[str] = set()
        self._gone: set[str] = set()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise AnsibleError(f"there can be no inventory cache in {folder}: {problem.strerror}") from None
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise AnsibleError(f"the folder of the inventory cache cannot be read and written: {folder}")

    def __getitem__(self, key: str) -> Any:
        if key not in self._known and key not in self._gone:
            found = self._read(key)
            if found is not None:
                self._known[key] = found[0]
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._gone.discard(key)
        self._changed.add(key)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._known.pop(key, None)
        self._changed.discard(key)
        self._gone.add(key)

    def __iter__(self) -> Iterator[str]:
        kept = (path.name.removeprefix(self._prefix) for path in self._folder.glob("*") if self._is_ours(path))
        return iter([key for key in dict.fromkeys([*self._known, *sorted(kept)]) if key not in self._gone])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def update_cache_if_changed(self) -> None:
        """Write what was changed, and remove what was taken out."""
        for key in sorted(self._gone):
            path = self._path(key)
            if path is not None:
                path.unlink(missing_ok=True)
        self._gone.clear()
        for key in sorted(self._changed):
            self._write(key, self._known[key])
        self._changed.clear()

    def set_cache(self) -> None:
        """Write all that is known."""
        self._changed.update(self._known)
        self.update_cache_if_changed()

    def _is_ours(self, path: Path) -> bool:
        return path.name.startswith(self._prefix) and not path.name.startswith(".stella-")

    def _path(self, key: str) -> Path | None:
        """A key's file; None for a name that would be somewhere else."""
        name = f"{self._prefix}{key}"
        return None if "/" in name or "\0" in name or name in ("", ".", "..") else self._folder / name

    def _read(self, key: str) -> tuple[Any] | None:
        path = self._path(key)
        if path is None:
            return None
        try:
            with path.open(encoding="utf-8") as file:
                if self._timeout and self._clock() - os.fstat(file.fileno()).st_mtime > self._timeout:
                    return None
                return (json.load(file),)
        except (FileNotFoundError, IsADirectoryError):
            return None
        except OSError as problem:
            self._warn(f"a file of the inventory cache is passed over: {path}: {problem.strerror}")
        except (ValueError, RecursionError):
            self._warn(f"a file of the inventory cache is passed over: {path}: it is no JSON")
        return None

    def _write(self, key: str, value: Any) -> None:
        path = self._path(key)
        try:
            if path is None:
                raise ValueError("its name cannot be that of a file")
            atomic_files.write(path, json.dumps(value, default=_plain), sync=False)
        except OSError as problem:
            self._warn(f"'{key}' is not kept in the inventory cache {self._folder}: {problem.strerror}")
        except (TypeError, ValueError, RecursionError) as problem:
            self._warn(f"'{key}' is not kept in the inventory cache {self._folder}: {problem}")


def source_cache(options: Mapping[str, Any], warn: Callable[[str], None]) -> SourceCache:
    """The cache that a source's options mean.

    Args:
        options: ``cache_plugin``, ``cache_connection``, ``cache_prefix``, ``cache_timeout`` (seconds).

    Raises:
        AnsibleError: it cannot be had.
    """
    name = str(options.get("cache_plugin") or "memory").rpartition(".")[2]
    if name == "jsonfile":
        folder = options.get("cache_connection")
        if not folder:
            raise OptionWrong(_FOLDER_WANTED)
        place = Path(os.path.expandvars(str(folder))).expanduser()
        return FileCache(place, str(options.get("cache_prefix") or ""), float(options.get("cache_timeout") or 0), warn)
    if name != "memory":
        warn(f"the inventory cache '{name}' is not supported: what is asked for is kept as long as the run lasts")
    return SourceCache()


def _plain(value: Any) -> Any:
    """What JSON has no word for, and plug-ins have."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"it holds a {type(value).__name__}, which JSON does not have")
