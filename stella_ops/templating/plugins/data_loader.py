"""The ``DataLoader`` of ansible-core, which finds and reads the controller's files for users' plug-ins."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from stella_ops.templating.lookups.files import candidates, playbook_folder, read_file
from stella_ops.templating.plugins.ansible_errors import AnsibleError, AnsibleFileNotFound, AnsibleParserError
from stella_ops.templating.plugins.both_errors import told_to_plugin
from stella_ops.vault.envelope import is_encrypted


class Loader:
    """Finds and reads files as ansible-core's ``DataLoader`` does, as far as lookups ask."""

    def __init__(self, scope: Any) -> None:
        self._scope = scope

    def get_basedir(self) -> str:
        """The folder of the playbook."""
        return str(playbook_folder(self._scope))

    def path_dwim(self, given: str) -> str:
        """A path as seen from the playbook's folder."""
        return os.path.normpath(playbook_folder(self._scope) / Path(given).expanduser())

    def path_dwim_relative(self, path: str, dirname: str, source: str, is_role: bool = False) -> str:
        """A file in a folder of its kind (``files``, ``templates``) below another folder, or in that one itself."""
        given = Path(source).expanduser()
        if given.is_absolute():
            return os.path.normpath(given)
        places = [Path(path) / dirname / given, Path(path) / given, playbook_folder(self._scope) / dirname / given]
        found = next((place for place in places if place.exists()), places[0])
        return os.path.normpath(found)

    def path_exists(self, path: str) -> bool:
        return Path(self.path_dwim(path)).exists()

    def is_file(self, path: str) -> bool:
        return Path(self.path_dwim(path)).is_file()

    def is_directory(self, path: str) -> bool:
        return Path(self.path_dwim(path)).is_dir()

    def is_executable(self, path: str) -> int:
        """The bits of its mode that let a file be run; 0 where there is none."""
        place = Path(self.path_dwim(path))
        return place.stat().st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH) if place.exists() else 0

    def list_directory(self, path: str) -> list[str]:
        return os.listdir(self.path_dwim(path))  # noqa: PTH208 - names, as DataLoader gives

    def get_text_file_contents(self, path: str, encoding: str | None = None) -> str:
        """A file's text, decrypted where it is encrypted.

        Raises:
            AnsibleFileNotFound: it is not there.
            AnsibleError: it cannot be read.
        """
        place = Path(self.path_dwim(path))
        if not place.exists():
            cause = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(place))
            raise AnsibleFileNotFound("Unable to retrieve file contents.", file_name=place, orig_exc=cause)
        with told_to_plugin():
            return read_file(place, "file", encoding or "utf-8")

    def _get_file_contents(self, path: str) -> tuple[bytes, bool]:
        return self.get_text_file_contents(path).encode("utf-8", "surrogateescape"), False

    def get_real_file(self, path: str, decrypt: bool = True) -> str:
        """The path of a file whose content can be read; none is made of what is encrypted.

        Raises:
            AnsibleFileNotFound: it is not there.
            AnsibleError: it is encrypted; what it holds goes onto no disk in the clear.
        """
        place = Path(self.path_dwim(path))
        if not place.is_file():
            raise AnsibleFileNotFound(file_name=place)
        if decrypt and is_encrypted(place.read_bytes()):
            raise AnsibleError(f"{place} is encrypted: its content is to be had from get_text_file_contents() alone")
        return str(place)

    def cleanup_tmp_file(self, file_path: str) -> None:
        """Nothing: there are no copies in the clear."""

    def cleanup_all_tmp_files(self) -> None:
        """Nothing, for the same reason."""

    def load_from_file(self, path: str, **options: Any) -> Any:
        """The value of a YAML or JSON file."""
        return self.load(self.get_text_file_contents(path))

    def load(self, text: str, **options: Any) -> Any:
        """The value of a YAML or JSON text."""
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as problem:
            raise AnsibleParserError(f"YAML parsing failed: {problem}") from None

    def path_dwim_relative_stack(self, paths: Sequence[str], dirname: str, source: str, is_role: bool = False) -> str:
        """A file or folder in the given folders, else in those that the task looks in.

        Raises:
            AnsibleFileNotFound: it is in none of them.
        """
        given = Path(source).expanduser()
        places = [place for path in paths for place in (Path(path) / dirname / given, Path(path) / given)]
        places += [] if self._scope is None else candidates(self._scope, source, dirname)
        places.append(Path(self.path_dwim(source)))
        for place in places:
            if place.exists():
                return str(place)
        searched = list(dict.fromkeys(os.path.normpath(place) for place in places))
        raise AnsibleFileNotFound(file_name=source, paths=searched)
