"""Lookups in CSV and INI files."""

from __future__ import annotations

import configparser
import csv
import re
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.templating.filters.text import boolean
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.lookups.files import find_file, read_file
from stella_ops.templating.lookups.inline import check_options, inline_options

_CSV: dict[str, Any] = {
    **{"file": "ansible.csv", "delimiter": "TAB", "col": 1, "keycol": 0, "default": None, "encoding": "utf-8"},
}
_INI: dict[str, Any] = {
    **{"file": "ansible.ini", "section": "global", "type": "ini", "re": False, "default": "", "encoding": "utf-8"},
    **{"case_sensitive": False, "allow_no_value": False, "allow_none": False, "interpolation": True},
}
_PROPERTIES = "java_properties"


def _listed(found: Any) -> list[Any]:
    return [] if found is None else found if isinstance(found, list) else [found]


def csvfile(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """A column of the row of a CSV file whose first column is the term.

    Options: ``file``, ``delimiter`` (TAB), ``col`` (1), ``keycol`` (0), ``default``, ``encoding``.
    """
    check_options(options, _CSV, "csvfile")
    if not terms:
        raise TemplateError("Search key is required but was not found")
    found: list[Any] = []
    settings = {**_CSV, **options}
    for term in terms:
        key, inline = inline_options(plain_text(term), _CSV, "csvfile")
        settings.update(inline)
        if not key:
            raise TemplateError("Search key is required but was not found")
        found.extend(_listed(_column(scope, key, settings)))
    return found


def _column(scope: Any, key: str, settings: dict[str, Any]) -> Any:
    delimiter = {"TAB": "\t", "\\t": "\t"}.get(str(settings["delimiter"]), str(settings["delimiter"]))
    path = find_file(scope, plain_text(settings["file"]), "files", "csvfile")
    text = read_file(path, "csvfile", str(settings["encoding"]))
    try:
        column, key_column = int(settings["col"]), int(settings["keycol"])
        for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter):
            if row and row[key_column] == key:
                return row[column]
    except IndexError:
        raise TemplateError(f"lookup 'csvfile': the row '{key}' of {path} has not so many columns") from None
    except (csv.Error, TypeError, ValueError) as problem:
        raise TemplateError(f"lookup 'csvfile': {path}: {problem}") from None
    return settings["default"]


def ini(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The value of a key in a section of an INI file, or of a key of a Java properties file.

    Options: ``file``, ``section`` (global), ``type`` (ini, properties), ``re`` (the term is a regular expression),
    ``default``, ``encoding``, ``case_sensitive``, ``allow_no_value``, ``interpolation``.
    """
    check_options(options, _INI, "ini")
    found: list[Any] = []
    settings = {**_INI, **options}
    for term in terms:
        key, inline = inline_options(plain_text(term), _INI, "ini")
        settings.update(inline)
        found.extend(_listed(_entry(scope, key, settings)))
    return found


def _entry(scope: Any, key: str, settings: dict[str, Any]) -> Any:
    path = find_file(scope, plain_text(settings["file"]), "files", "ini")
    text = read_file(path, "ini", str(settings["encoding"]))
    section = str(settings["section"])
    if settings["type"] == "properties":
        text, section = f"[{_PROPERTIES}]\n{text}", _PROPERTIES
    parser = configparser.ConfigParser(
        allow_no_value=boolean(settings["allow_no_value"]) or boolean(settings["allow_none"]),
        interpolation=configparser.BasicInterpolation() if boolean(settings["interpolation"]) else None,
    )
    if boolean(settings["case_sensitive"]):
        parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text, str(path))
        if boolean(settings["re"]):
            return [value for name, value in parser.items(section) if re.match(key, name)]
        return parser.get(section, key)
    except configparser.NoOptionError:
        return settings["default"]
    except configparser.NoSectionError:
        hint = f"it has: {', '.join(parser.sections()) or 'none'}"
        raise TemplateError(f"No section {section!r} in {str(path)!r}.", hint=hint) from None
    except (configparser.Error, re.error) as problem:
        raise TemplateError(f"lookup 'ini': {path}: {' '.join(str(problem).split())}") from None


LOOKUPS = {"csvfile": csvfile, "ini": ini}
