"""Lookups that read the controller's files and run its programs."""

from __future__ import annotations

import glob
import subprocess
from pathlib import Path
from typing import Any

from stella_ops.collections import current
from stella_ops.errors import TemplateError, UndefinedVariableError, VaultError
from stella_ops.templating.filters.text import boolean
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.lookups.inline import check_options
from stella_ops.templating.undefined import MissingValue
from stella_ops.vault.envelope import is_encrypted
from stella_ops.vault.keyring import reveal

_TEMPLATE_OPTIONS = frozenset(
    {
        "template_vars",
        "convert_data",
        "jinja2_native",
        "trim_blocks",
        "variable_start_string",
        "variable_end_string",
    }
    | {"comment_start_string", "comment_end_string", "block_start_string", "block_end_string", "newline_sequence"}
)

# What each lookup says of a file that is not there.
_NO_FILE = "Unable to access the file '{name}': File not found. Use -vvvvv to see paths searched."
_NOT_THERE = {
    "template": "the template file {name} could not be found for the lookup",
    "unvault": 'Unable to find file matching "{name}"',
}


def _names(terms: list[Any]) -> list[str]:
    """The terms as text; a term may be a list of them."""
    return [plain_text(name) for term in terms for name in (term if isinstance(term, list) else [term])]


def candidates(scope: Any, name: str, subfolder: str) -> list[Path]:
    """Where a file may be that a template or a plug-in names; ``subfolder`` of each folder comes first."""
    path = Path(name).expanduser()
    if path.is_absolute():
        return [path]
    folders = scope.search_path or (Path.cwd(),)
    return [place for folder in folders for place in (folder / subfolder / path, folder / path)]


def playbook_folder(scope: Any) -> Path:
    """The folder of the playbook, from which relative names of what a lookup writes go."""
    from stella_ops.templating.scope import NOT_THERE

    named = scope.lookup("playbook_dir")
    if isinstance(named, str) and named is not NOT_THERE:
        return Path(named)
    return scope.search_path[0] if scope.search_path else Path.cwd()


def find_file(scope: Any, name: str, subfolder: str, lookup: str) -> Path:
    """A file of the controller, absolute or in the folders that a task looks in.

    Args:
        subfolder: of each folder, looked at first.

    Raises:
        TemplateError: there is none.
    """
    places = candidates(scope, name, subfolder)
    for place in places:
        if place.is_file():
            return place
    if lookup != "file":
        _say_not_found(name)
    searched = ", ".join(str(place) for place in places)
    raise TemplateError(_NOT_THERE.get(lookup, _NO_FILE).format(name=name), hint=f"looked at {searched}")


def _say_not_found(name: str) -> None:
    current().say(f"Unable to find '{name}' in expected paths (use -vvvvv to see paths)")


def read_file(path: Path, lookup: str, encoding: str = "utf-8", *, as_it_is: bool = False) -> str:
    """The text of a file, decrypted where it is encrypted.

    Args:
        as_it_is: line ends are kept, too.

    Raises:
        TemplateError: it cannot be read, is no text, or cannot be decrypted.
    """
    try:
        data = path.read_bytes()
        if is_encrypted(data):
            data = reveal(data, path)
        # what is no text comes through, and can be written again as it was
        text = data.decode(encoding, "surrogateescape")
        return text if as_it_is else text.replace("\r\n", "\n").replace("\r", "\n")
    except VaultError as problem:
        raise TemplateError(f"lookup '{lookup}': {path}: {problem.message}", hint=problem.hint) from None
    except (OSError, UnicodeDecodeError, LookupError) as problem:
        raise TemplateError(f"lookup '{lookup}': cannot read {path}: {problem}") from None


def file(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The text of files without the white space at their end (``rstrip=false`` keeps it).

    Files that are encrypted are decrypted.
    """
    right, left = options.get("rstrip", True), options.get("lstrip", False)
    found = []
    for name in _names(terms):
        text = read_file(find_file(scope, name, "files", "file"), "file", as_it_is=True)
        text = text.rstrip() if boolean(right) else text
        found.append(text.lstrip() if boolean(left) else text)
    return found


def unvault(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The text of files as it is, decrypted where it is encrypted."""
    return [read_file(find_file(scope, name, "files", "unvault"), "unvault", as_it_is=True) for name in _names(terms)]


def template(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Template files, rendered with the variables in scope and those of ``template_vars``.

    Options: also those of Jinja2's environment, such as ``trim_blocks`` and ``variable_start_string``.
    """
    from stella_ops.templating.of_template_files import about_template
    from stella_ops.templating.templar import Templar

    check_options(options, _TEMPLATE_OPTIONS, "template")
    given = {name: value for name, value in options.items() if value is not None}
    own = given.pop("template_vars", {})
    for name in ("convert_data", "jinja2_native"):
        given.pop(name, None)
    if "trim_blocks" in given:
        given["trim_blocks"] = boolean(given["trim_blocks"])
    found = []
    for name in _names(terms):
        path = find_file(scope, name, "templates", "template")
        variables = {**scope.variables, **about_template(path, name, scope.variables), **own}
        templar = Templar(search_path=(path.parent, *scope.search_path))
        text = read_file(path, "template", as_it_is=True)
        try:
            found.append(templar.file_value(text, str(path), variables, **given))
        except UndefinedVariableError as problem:  # so that ``default`` can be asked
            found.append(MissingValue(name=name, cause=problem))
    return found


def _output(scope: Any, command: str, lookup: str) -> str:
    scope.in_turn()
    # The command is the operator's own, run as a shell line by definition of this lookup.
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    if done.returncode:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise TemplateError(f"lookup_plugin.{lookup}({command}) returned {done.returncode}", hint=said)
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
        # the folders of a pattern are names, whatever they look like
        places = [place for place in candidates(scope, name, "files") if place.parent.is_dir()]
        if not places:
            _say_not_found(name.rpartition("/")[0])
        for place in places:
            matches = sorted(
                path
                for path in glob.glob(str(Path(glob.escape(str(place.parent)), place.name)))  # noqa: PTH207 - a pattern may be absolute
                if Path(path).is_file()
            )
            if matches:
                found.extend(matches)
                break
    return found


LOOKUPS = {
    "file": file,
    "template": template,
    "unvault": unvault,
    "pipe": pipe,
    "lines": lines,
    "fileglob": fileglob,
}
