"""Where playbooks, roles and task files lie, and reading them: each once.

Looked for as ansible-core does: a task file beside the file that names it, or in its role's ``tasks``; a role in
``roles`` beside the playbook, in the roles path, beside the role that uses it, then beside the playbook itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stella_ops.errors import PlaybookError
from stella_ops.origins import Origin, load_yaml_file

_ENDINGS = (".yml", ".yaml", ".json")

# Renders what must be known before the play runs, with what is known then: extra variables and the play's own.
Render = Callable[[Any], Any]


def as_written(value: Any) -> Any:
    """Renders nothing."""
    return value


class PlaybookFiles:
    """The files of one playbook run.

    Args:
        roles_path: folders of roles besides those beside playbooks.
    """

    def __init__(self, roles_path: Sequence[Path] = ()) -> None:
        self.roles_path = tuple(roles_path)
        self._loaded: dict[Path, Any] = {}

    def load(self, path: Path) -> Any:
        """The one YAML document of a file.

        Raises:
            PlaybookError: it cannot be read or is not valid YAML.
        """
        key = path.resolve()
        if key not in self._loaded:
            self._loaded[key] = load_yaml_file(path, error=PlaybookError)
        return self._loaded[key]

    def find_role(self, name: str, playbook_folder: Path, beside: Path | None) -> tuple[Path | None, list[Path]]:
        """The folder of a role, or None, and where it was looked for.

        Args:
            beside: the folder of the role that uses it.
        """
        given = Path(name).expanduser()
        if given.is_absolute():
            return (given if given.is_dir() else None), [given]
        places = [playbook_folder / "roles", *self.roles_path]
        if beside is not None:
            places.append(beside.parent)
        places.append(playbook_folder)
        tried = [place / name for place in places]
        return next((path for path in tried if path.is_dir()), None), tried

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


def missing(what: str, name: str, tried: Sequence[Path], where: Origin | None) -> PlaybookError:
    """The error for something that is nowhere."""
    places = ", ".join(dict.fromkeys(str(path) for path in tried))
    return PlaybookError(f"{what} '{name}' was not found", where=where, hint=f"looked at {places}")
