"""The folders in which a run looks for modules of the user's own, and for the ``module_utils`` these import.

``modules/`` beside the playbook and in the project hold modules written for stella-ops; ``library/`` beside the
playbook and in roles, and the folders of ``--module-path`` and ``ANSIBLE_LIBRARY``, hold those that were written for
ansible-core. Either folder takes both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import overload

from stella_ops.ansible_settings.defaults import default_of
from stella_ops.settings import is_trusted


class ModuleFolders(Sequence[Path]):
    """Folders of modules, the best first. Roles add theirs when they are read, before the configured ones.

    Args:
        first: beside playbooks, and those of the command line.
        configured: for all playbooks.
        utils: folders of ``module_utils``, the best first.
    """

    def __init__(self, first: Iterable[Path] = (), configured: Iterable[Path] = (), utils: Iterable[Path] = ()) -> None:
        self._first = _there(first)
        self._configured = _there(configured)
        self._roles: list[Path] = []
        self._role_utils: list[Path] = []
        self._utils = _there(utils)

    @overload
    def __getitem__(self, index: int) -> Path: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Path]: ...

    def __getitem__(self, index: int | slice) -> Path | Sequence[Path]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._first) + len(self._roles) + len(self._configured)

    def _all(self) -> tuple[Path, ...]:
        return (*self._first, *self._roles, *self._configured)

    @property
    def utils(self) -> tuple[Path, ...]:
        """Folders of ``module_utils``."""
        return (*self._utils, *self._role_utils)

    def add_role(self, folder: Path) -> None:
        """Take in a role's ``library`` and ``module_utils``."""
        for name, known in (("library", self._roles), ("module_utils", self._role_utils)):
            place = folder / name
            if place.is_dir() and place not in known:
                known.append(place)


def folders_beside(
    playbooks: Iterable[Path], named: Iterable[Path], others: Sequence[Path], environ: Mapping[str, str]
) -> ModuleFolders:
    """The folders of a run.

    Args:
        named: by ``--module-path``.
        others: the project's own.
        environ: ``ANSIBLE_LIBRARY`` and ``ANSIBLE_MODULE_UTILS`` are read.
    """
    places = list(dict.fromkeys(path.resolve().parent for path in playbooks))
    beside = [place / name for name in ("modules", "library") for place in places]
    first = [folder for folder in (*beside, *others) if is_trusted(folder)]
    utils = [place / "module_utils" for place in places if is_trusted(place / "module_utils")]
    return ModuleFolders(
        [*named, *first],
        _configured(environ, "ANSIBLE_LIBRARY", "DEFAULT_MODULE_PATH"),
        [*utils, *_configured(environ, "ANSIBLE_MODULE_UTILS", "DEFAULT_MODULE_UTILS_PATH")],
    )


def split_paths(text: str) -> list[Path]:
    """Folders as one text names them, with colons between."""
    return [Path(part).expanduser().absolute() for part in text.split(":") if part]


def configured_modules(environ: Mapping[str, str]) -> list[Path]:
    """The folders of modules that ``ANSIBLE_LIBRARY`` names, else the usual ones."""
    return _configured(environ, "ANSIBLE_LIBRARY", "DEFAULT_MODULE_PATH")


def _configured(environ: Mapping[str, str], variable: str, setting: str) -> list[Path]:
    return split_paths(environ.get(variable) or ":".join(default_of(setting, environ)))


def _there(folders: Iterable[Path]) -> tuple[Path, ...]:
    known: dict[Path, Path] = {}
    for folder in folders:
        if folder.is_dir():
            known.setdefault(folder.resolve(), folder)
    return tuple(known.values())
