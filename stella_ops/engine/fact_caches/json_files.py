"""Facts in a folder of JSON files, one for each host: ansible-core's ``jsonfile``, so that both can share it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stella_ops import atomic_files
from stella_ops.engine.fact_caches.encoding import decode, encode
from stella_ops.errors import SettingsError

# ansible-core 2.19 has the version of its form in the files' names, and all facts as one text in the file.
_VERSION = "s1_"
_PAYLOAD = "__payload__"


class JsonFiles:
    """See ``FactCache``. Files are for their owner alone: facts may hold secrets.

    Args:
        timeout: seconds after which facts are too old; 0 for never.
        clock: gives the time, in seconds since 1970.

    Raises:
        SettingsError: the folder cannot be used.
    """

    def __init__(
        self, folder: Path, *, prefix: str = "", timeout: float = 86400, clock: Callable[[], float] = time.time
    ) -> None:
        self.problems: list[str] = []
        self._folder = folder
        self._prefix = prefix
        self._timeout = timeout
        self._clock = clock
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise SettingsError(f"there can be no folder of cached facts: {problem.strerror}", where=folder) from None
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise SettingsError("the folder of cached facts cannot be read and written", where=folder)

    def load(self, hosts: Sequence[str]) -> dict[str, dict[str, Any]]:
        """See ``FactCache.load``. A file that cannot be read is as good as none, but for a warning."""
        found: dict[str, dict[str, Any]] = {}
        for host in hosts:
            path = self._path(host)
            if path is None:
                continue
            try:
                with path.open(encoding="utf-8") as file:
                    if self._timeout and self._clock() - os.fstat(file.fileno()).st_mtime > self._timeout:
                        continue
                    found[host] = decode(json.load(file)[_PAYLOAD])
            except FileNotFoundError:
                continue
            except OSError as problem:
                self._pass_over(path, host, problem.strerror or str(problem))
            except (ValueError, TypeError, KeyError, RecursionError):
                self._pass_over(path, host, "it is no JSON as a fact cache has it")
        return found

    def save(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        """See ``FactCache.save``."""
        for host, values in facts.items():
            path = self._path(host)
            if path is None:
                self.problems.append(f"the facts of '{host}' are not cached: its name cannot be that of a file")
                continue
            text, unkept = encode(values)
            if unkept:
                self.problems.append(f"facts of {host} that cannot be cached: {', '.join(unkept)}")
            try:
                self._write(path, json.dumps({_PAYLOAD: text}))
            except OSError as problem:
                self.problems.append(f"the facts of {host} are not cached: {path}: {problem.strerror}")

    def forget(self, hosts: Iterable[str]) -> None:
        """See ``FactCache.forget``."""
        for path in filter(None, map(self._path, hosts)):
            try:
                path.unlink(missing_ok=True)
            except OSError as problem:
                self.problems.append(f"cached facts cannot be removed: {path}: {problem.strerror}")

    def close(self) -> None:
        """See ``FactCache.close``."""

    def _path(self, host: str) -> Path | None:
        """A host's file; None for a name that would be somewhere else."""
        name = f"{self._prefix}{_VERSION}{host}"
        return None if "/" in name or "\0" in name else self._folder / name

    def _write(self, path: Path, text: str) -> None:
        atomic_files.write(path, text, sync=False)

    def _pass_over(self, path: Path, host: str, why: str) -> None:
        self.problems.append(f"the cached facts of {host} are passed over: {path}: {why}")
