"""Where playbooks, roles and task files lie, and reading them: each once.

Looked for as ansible-core does: a task file beside the file that names it, or in its role's ``tasks``; a role in
``roles`` beside the playbook, in the roles path, beside the role that uses it, then beside the playbook itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stella_ops import collections as installed
from stella_ops.errors import PlaybookError
from stella_ops.origins import Origin
from stella_ops.playbook.problems import Problems

_ENDINGS = (".yml", ".yaml", ".json")


class FoundRole(NamedTuple):
    """A role that was looked for.

    Attributes:
        name: the full one where it is a collection's.
        folder: None where there is none.
        tried: where it was looked for.
        collection: that it lies in.
    """

    name: str
    folder: Path | None
    tried: list[Path]
    collection: str | None = None


class PlaybookFiles:
    """The files of one playbook run.

    Args:
        roles_path: folders of roles besides those beside playbooks.

    Attributes:
        arguments_later: wrong parameters of modules, and actions that are refused, are told when their tasks run; wrong
            keywords of a play when its turn comes.
        selects: whether tasks with such tags may run.
    """

    def __init__(self, roles_path: Sequence[Path] = ()) -> None:
        self.roles_path = tuple(roles_path)
        self.arguments_later = False
        self.selects: Callable[[Collection[str]], bool] = lambda tags: True
        self._loaded: dict[Path, Any] = {}

    @property
    def read(self) -> list[Path]:
        """The files that were read so far."""
        return list(self._loaded)

    def load(self, path: Path, problems: Problems) -> Any:
        """The one YAML document of a file; see ``Problems.load``.

        Raises:
            PlaybookError: it cannot be read or is not valid YAML.
        """
        key = path.resolve()
        if key in self._loaded:
            return self._loaded[key]
        before = len(problems.found)
        loaded = problems.load(path)
        if len(problems.found) == before:
            self._loaded[key] = loaded
        return loaded

    def find_role(self, name: str, playbook_folder: Path, beside: Path | None, search: Sequence[str] = ()) -> FoundRole:
        """A role, and where it was looked for.

        Args:
            beside: the folder of the role that uses it.
            search: the collections in which a short name is looked for, before all else.

        Raises:
            CollectionError: what a collection says of itself cannot be read.
        """
        given = Path(name).expanduser()
        if given.is_absolute():
            return FoundRole(name, given if given.is_dir() else None, [given])
        for full in [name] if name.count(".") >= 2 else [f"{each}.{name}" for each in search]:
            found = installed.current().role(full)
            if found is not None:
                return FoundRole(full, found[1], [], found[0].name)
        places = [playbook_folder / "roles", *self.roles_path]
        if beside is not None:
            places.append(beside.parent)
        places.append(playbook_folder)
        tried = [place / name for place in places]
        folder = next((path for path in tried if path.is_dir()), None)
        here = given.absolute()  # a path from where the command was called, as ansible-core takes it
        if folder is None and here.is_dir():
            return FoundRole(str(here), here, [])
        return FoundRole(name, folder, tried)

    def in_role(self, folder: Path, kind: str, name: str | None) -> list[Path]:
        """The files that make up a part of a role: ``main``, or the one that is named.

        Variables (``vars``, ``defaults``) may be a folder of files, merged in the order of their names.
        """
        base = folder / kind
        stem = name or "main"
        endings = ("", *_ENDINGS) if name else (*_ENDINGS, "")
        for ending in endings:
            path = base / f"{stem}{ending}"
            if path.is_file():
                return [path]
            if path.is_dir() and ending == "" and kind in ("vars", "defaults"):
                return sorted(p for p in path.rglob("*") if p.is_file() and p.suffix in (*_ENDINGS, ""))
        return []


def inside(path: Path, folder: Path) -> bool:
    """Whether a path is below a folder, links followed."""
    return path.resolve().is_relative_to(folder.resolve())


def no_access(path: Path) -> str:
    """What ansible-core says of a file that is not there."""
    return f"Could not find or access '{path.absolute()}' on the Ansible Controller."


def missing(
    what: str, name: str, tried: Sequence[Path], where: Origin | None, hint: str | None = None
) -> PlaybookError:
    """The error for something that is nowhere."""
    places = list(dict.fromkeys(str(path) for path in tried))
    message = f"{what} '{name}' was not found"
    if what == "the role":
        message += f" in {':'.join(place.removesuffix(f'/{name}') for place in places)}"
    elif places:
        message += f": {no_access(tried[0])}"
        hint = hint or f"looked at {', '.join(places)}"
    problem = PlaybookError(message, where=where, hint=hint)
    problem.rule = "missing-file"
    problem.exit_code = 1  # ansible-core has this apart from what is no valid playbook
    return problem
