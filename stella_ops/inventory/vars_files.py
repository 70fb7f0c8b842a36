"""Variable files beside an inventory or a playbook: ``group_vars/NAME`` and ``host_vars/NAME``.

NAME is a folder of files, or one file without extension or with ``.yml``, ``.yaml`` or ``.json``; the first
that exists in this order counts, as in Ansible. Files of a folder are read in sorted order, folders below it
too; hidden files, backups (``~``) and other extensions are passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from stella_ops.errors import InventoryError
from stella_ops.inventory.source_text import read_source
from stella_ops.origins import Origin, SourceMapping, key_origin, origin_of
from stella_ops.source_files import load_yaml

Kind = Literal["group_vars", "host_vars"]
EXTENSIONS: tuple[str, ...] = ("", ".yml", ".yaml", ".json")


class VarsFiles:
    """Reads each variable file once; a folder is listed once, so hosts without files cost nothing.

    Attributes:
        extensions: endings that files may have, the first that is there counts.
    """

    def __init__(self, warnings: list[str]) -> None:
        self._warnings = warnings
        self.extensions = EXTENSIONS
        self._listed: dict[tuple[Path, Kind], dict[str, Path]] = {}
        self._read: dict[tuple[Path, Kind, str], dict[str, Any]] = {}

    def variables(self, folder: Path, kind: Kind, name: str) -> dict[str, Any]:
        """The variables that the files of one group or host give. Not to be changed.

        Raises:
            InventoryError: a file cannot be read, or is no mapping of names to values.
        """
        entries = self._listed.get((folder, kind))
        if entries is None:
            entries = self._listed[folder, kind] = _entries(folder / kind)
        if not entries:
            return {}
        key = (folder, kind, name)
        found = self._read.get(key)
        if found is None:
            found = {}
            for path in self._files(entries, name):
                found.update(read_variables(path))
            self._read[key] = found
        return found

    def _files(self, entries: dict[str, Path], name: str) -> list[Path]:
        present = [entries[name + extension] for extension in self.extensions if name + extension in entries]
        if not present:
            return []
        for other in present[1:]:
            self._warnings.append(f"{other} is not read, because {present[0]} exists")
        return _files_below(present[0], self.extensions) if present[0].is_dir() else [present[0]]


def read_variables(path: Path) -> dict[str, Any]:
    """The variables of one YAML or JSON file; an empty file has none."""
    data = load_yaml(read_source(path), str(path), error=InventoryError)
    if data is None:
        return {}
    return check_variables(data, f"the variable file {path.name}", Origin(str(path)))


def check_variables(data: Any, what: str, where: Origin | None) -> dict[str, Any]:
    """The same data when it is a mapping from names to values; else an error that says where.

    The error does not show the data: it may be a secret that stands at the wrong place.
    """
    if not isinstance(data, SourceMapping):
        raise InventoryError(
            f"{what} must map names to values, not be {kind_of(data)}",
            where=origin_of(data, where),
            hint="write 'name: value' lines",
        )
    for name in data:
        if not isinstance(name, str):
            raise InventoryError(
                f"a variable name must be text, not {name!r}",
                where=key_origin(data, name),
                hint=f'quote it: "{name}"',
            )
    return data


def kind_of(data: Any) -> str:
    """What a value from YAML is, in a person's words."""
    for types, name in ((str, "text"), (list, "a list"), (dict, "a mapping"), (type(None), "empty")):
        if isinstance(data, types):
            return name
    return "a single value"


def _entries(folder: Path) -> dict[str, Path]:
    try:
        return {path.name: path for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as problem:
        raise InventoryError(f"cannot read the folder: {problem.strerror}", where=folder) from None


def _files_below(folder: Path, extensions: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for path in sorted(_entries(folder).values()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir():
            if not path.suffix:
                found.extend(_files_below(path, extensions))
        elif path.suffix in extensions:
            found.append(path)
    return found
