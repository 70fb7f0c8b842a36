"""``first_found``: the first of some files that exists."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stella_ops.collections.notices import goes_away
from stella_ops.errors import TemplateError
from stella_ops.templating.filters.text import boolean
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.lookups.inline import check_options
from stella_ops.templating.undefined import MissingValue, kind_of, require

_OPTIONS = ("files", "paths", "skip")


def first_found(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The first file that exists, of names, or of mappings of ``files``, ``paths`` and ``skip``.

    Options: ``files``, ``paths`` (folders in which each file is looked for), ``skip`` (nothing found is no error).
    A term that is undefined is an error, but passed over by ``with_first_found``, which looks into the folder for such
    files (``templates``, ``vars`` or ``files``, by the task's action), too.
    """
    subfolder = options.pop("_with", None)
    check_options(options, _OPTIONS, "first_found")
    search = _Search(subfolder is not None, options)
    search.take(terms or _listed(options.get("files", [])))
    for name in search.names:
        for place in _places(scope, name, subfolder or ""):
            if place.exists():
                return [os.path.normpath(place.absolute())]
    if search.skip:
        return []
    raise TemplateError(
        "No file was found when using first_found.",
        hint=f"there is none of {', '.join(search.names) or 'no names'}; skip=true makes that no error",
    )


class _Search:
    """The names to look for, in their order."""

    def __init__(self, lenient: bool, options: Mapping[str, Any]) -> None:
        self.names: list[str] = []
        self.skip = False
        self._lenient = lenient
        self._paths: list[str] = []
        self._set(options)

    def _set(self, options: Mapping[str, Any]) -> None:
        self.skip = boolean(options.get("skip", False))
        self._paths = self._words(options.get("paths", []), ",:;", 'the "paths" option')

    def take(self, terms: list[Any]) -> None:
        """Take terms; what a mapping says of folders holds for those after it, too."""
        for term in terms:
            if isinstance(term, MissingValue):
                if not self._lenient:
                    require(term)
            elif isinstance(term, Mapping):
                check_options(term, _OPTIONS, "first_found")
                self._set(term)
                self._add(self._words(term.get("files", []), ",;", "the 'files' option"))
            elif isinstance(term, str):
                self._add(self._words(term, ",;", "files"))
            elif isinstance(term, list | tuple):
                self.take(list(term))
            else:
                raise TemplateError(
                    f"Invalid term supplied. A string, dict or list is required, not {kind_of(term)!r})."
                )

    def _add(self, files: list[str]) -> None:
        self.names.extend(f"{folder}/{name}" for folder in self._paths for name in files)
        if not self._paths:
            self.names.extend(files)

    def _words(self, value: Any, separators: str, what: str) -> list[str]:
        found: list[str] = []
        for item in _listed(value):
            if isinstance(item, MissingValue) and self._lenient:
                continue
            if isinstance(item, list | tuple):
                found.extend(self._words(item, separators, what))
            else:
                words = re.split(f"[{separators}]", plain_text(require(item)))
                if len(words) > 1:
                    text = f"Automatic splitting of {what} on {separators!r} is deprecated."
                    goes_away(text, plugin=("lookup", "first_found"))
                found.extend(word.strip() for word in words if word.strip())
        return found


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _places(scope: Any, name: str, subfolder: str) -> list[Path]:
    path = Path(name).expanduser()
    if path.is_absolute():
        return [path]
    found: list[Path] = []
    for folder in scope.search_path or (Path.cwd(),):
        above = folder.parent
        if above.name == "tasks":  # that of a task in a folder below a role's tasks
            found += [above.parent / subfolder / path, above / path]
        found += [folder / subfolder / path, folder / path]
    return found


LOOKUPS = {"first_found": first_found}
