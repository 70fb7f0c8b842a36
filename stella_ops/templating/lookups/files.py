"""Lookups that read the controller's files and run its programs."""

from __future__ import annotations

import glob
import subprocess
from pathlib import Path
from typing import Any

from stella_ops.errors import TemplateError, VaultError
from stella_ops.templating.filters.text import boolean
from stella_ops.templating.lazy import plain_text
from stella_ops.vault.envelope import is_encrypted
from stella_ops.vault.keyring import reveal

_SUBFOLDERS = ("files", "templates", "vars")


def _names(terms: list[Any]) -> list[str]:
    """The terms as text; a term may be a list of them."""
    return [plain_text(name) for term in terms for name in (term if isinstance(term, list) else [term])]


def _candidates(scope: Any, name: str, subfolder: str) -> list[Path]:
    path = Path(name).expanduser()
    if path.is_absolute():
        return [path]
    folders = scope.search_path or (Path.cwd(),)
    return [place for folder in folders for place in (folder / subfolder / path, folder / path)]


def _find(scope: Any, name: str, subfolder: str, lookup: str) -> Path:
    places = _candidates(scope, name, subfolder)
    for place in places:
        if place.is_file():
            return place
    searched = ", ".join(str(place) for place in places)
    raise TemplateError(f"lookup '{lookup}': there is no file '{name}'", hint=f"looked at {searched}")


def _read(path: Path, lookup: str) -> str:
    try:
        data = path.read_bytes()
        if is_encrypted(data):
            data = reveal(data, path)
        return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except VaultError as problem:
        raise TemplateError(f"lookup '{lookup}': {path}: {problem.message}", hint=problem.hint) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise TemplateError(f"lookup '{lookup}': cannot read {path}: {problem}") from None


def file(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The text of files without the white space at their end (``rstrip=false`` keeps it).

    Files that are encrypted are decrypted.
    """
    right, left = options.get("rstrip", True), options.get("lstrip", False)
    found = []
    for name in _names(terms):
        text = _read(_find(scope, name, "files", "file"), "file")
        text = text.rstrip() if boolean(right) else text
        found.append(text.lstrip() if boolean(left) else text)
    return found


def unvault(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The text of files as it is, decrypted where it is encrypted."""
    return [_read(_find(scope, name, "files", "unvault"), "unvault") for name in _names(terms)]


def template(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Template files, rendered with the variables in scope and those of ``template_vars``."""
    from stella_ops.templating.templar import Templar

    variables = {**scope.variables, **options.pop("template_vars", {})}
    options.pop("convert_data", None)
    templar = Templar(search_path=scope.search_path)
    found = []
    for name in _names(terms):
        path = _find(scope, name, "templates", "template")
        found.append(templar.render_file(_read(path, "template"), str(path), variables, **options))
    return found


def _output(scope: Any, command: str, lookup: str) -> str:
    scope.in_turn()
    # The command is the operator's own, run as a shell line by definition of this lookup.
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    if done.returncode:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise TemplateError(f"lookup '{lookup}': '{command}' failed: {said}")
    return done.stdout.rstrip()


def pipe(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The output of shell commands."""
    return [_output(scope, command, "pipe") for command in _names(terms)]


def lines(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The lines that shell commands print."""
    return [line for command in _names(terms) for line in _output(scope, command, "lines").splitlines()]


def fileglob(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The files that match patterns, sorted; a relative pattern is looked for in ``files/`` first."""
    found: list[str] = []
    for name in _names(terms):
        for place in _candidates(scope, name, "files"):
            matches = sorted(
                path
                for path in glob.glob(str(place))  # noqa: PTH207 - a pattern may be absolute
                if Path(path).is_file()
            )
            if matches:
                found.extend(matches)
                break
    return found


def first_found(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The first file that exists.

    A term is a name, or a mapping of ``files``, ``paths`` and ``skip`` (nothing found is then no error).
    """
    skip = bool(boolean(options.get("skip", False)))
    names: list[str] = []
    for term in terms or [options]:
        if not isinstance(term, dict):
            names.extend(_names([term]))
            continue
        skip = skip or bool(boolean(term.get("skip", False)))
        folders = _words(term.get("paths", options.get("paths", []))) or [""]
        files = _words(term.get("files", options.get("files", [])))
        names.extend(f"{folder}/{name}" if folder else name for folder in folders for name in files)
    for name in names:
        for subfolder in _SUBFOLDERS:
            for place in _candidates(scope, name, subfolder):
                if place.is_file():
                    return [str(place)]
    if skip:
        return []
    raise TemplateError(f"lookup 'first_found': there is none of {', '.join(names) or 'no names'}")


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return [word.strip() for word in value.replace(";", ",").split(",") if word.strip()]
    return [plain_text(item) for item in value]


LOOKUPS = {
    "file": file,
    "template": template,
    "unvault": unvault,
    "pipe": pipe,
    "lines": lines,
    "fileglob": fileglob,
    "first_found": first_found,
}
