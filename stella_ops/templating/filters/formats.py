"""CSV and INI, JMESPath, and other forms that the collection community.general reads and writes."""

from __future__ import annotations

import configparser
import csv
import io
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.templating.conditions.versions import Loose
from stella_ops.templating.lazy import finalize, plain_text
from stella_ops.templating.undefined import kind_of


def json_query(data: Any, expression: str) -> Any:
    """What a JMESPath expression (https://jmespath.org) finds in data.

    Raises:
        TemplateError: the expression is wrong, or the library jmespath is not installed.
    """
    try:
        import jmespath
    except ImportError:
        raise TemplateError(
            "json_query: needs the library jmespath", hint="pip install 'stella-ops[data]', or use selectattr and map"
        ) from None
    try:
        return jmespath.search(plain_text(expression), finalize(data))
    except jmespath.exceptions.JMESPathError as problem:
        raise TemplateError(f"json_query: '{expression}': {problem}") from None


def from_csv(
    value: Any,
    dialect: str = "excel",
    fieldnames: Any = None,
    delimiter: str | None = None,
    skipinitialspace: bool | None = None,
    strict: bool | None = None,
) -> list[dict[str, str]]:
    """The rows of a CSV text as mappings, by the names in its first row, or by ``fieldnames``."""
    given = {"delimiter": delimiter, "skipinitialspace": skipinitialspace, "strict": strict}
    options: dict[str, Any] = {name: setting for name, setting in given.items() if setting is not None}
    if dialect not in csv.list_dialects():
        raise TemplateError(f"from_csv: unknown dialect '{dialect}'", hint=f"known: {', '.join(csv.list_dialects())}")
    try:
        reader = csv.DictReader(io.StringIO(plain_text(value)), fieldnames=fieldnames, dialect=dialect, **options)
        return [dict(row) for row in reader]
    except (csv.Error, TypeError) as problem:
        raise TemplateError(f"from_csv: {problem}") from None


def _parser() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    return parser


def from_ini(value: Any) -> dict[str, Any]:
    """The sections of an INI text, each a mapping."""
    if not isinstance(value, str):
        raise TemplateError(f"from_ini: needs text, not {kind_of(value)}")
    parser = _parser()
    try:
        parser.read_string(plain_text(value))
    except configparser.Error as problem:
        raise TemplateError(f"from_ini: {problem}") from None
    return {name: dict(parser.items(name)) for name in parser.sections()}


def to_ini(value: Any) -> str:
    """A mapping of mappings as an INI text."""
    if not isinstance(value, Mapping) or not value:
        raise TemplateError("to_ini: needs a mapping of sections that is not empty")
    parser = _parser()
    written = io.StringIO()
    try:
        parser.read_dict(finalize(value))
        parser.write(written)
    except (configparser.Error, AttributeError, TypeError) as problem:
        raise TemplateError(f"to_ini: {problem}") from None
    return written.getvalue().removesuffix("\n")


def version_sort(value: Any, reverse: bool = False) -> list[Any]:
    """Versions in their order: 1.9 before 1.10."""
    if isinstance(value, str | Mapping):
        raise TemplateError(f"version_sort: needs a list, not {kind_of(value)}")
    return sorted(value, key=lambda item: Loose(plain_text(item)), reverse=reverse)


def unicode_normalize(value: Any, form: str = "NFC") -> str:
    """The text in a normal form of Unicode: NFC, NFD, NFKC or NFKD."""
    if form not in ("NFC", "NFD", "NFKC", "NFKD"):
        raise TemplateError(f"unicode_normalize: unknown form '{form}'", hint="known: NFC, NFD, NFKC, NFKD")
    if not isinstance(value, str):
        raise TemplateError(f"unicode_normalize: needs text, not {kind_of(value)}")
    return unicodedata.normalize(form, plain_text(value))  # type: ignore[arg-type]


def crc32(value: Any) -> str:
    """The CRC-32 of a text's bytes, in hexadecimal."""
    if not isinstance(value, str | bytes):
        raise TemplateError(f"crc32: needs text, not {kind_of(value)}")
    return f"{zlib.crc32(plain_text(value).encode()) & 0xFFFFFFFF:x}"


COMMUNITY: dict[str, Callable[..., Any]] = {
    "json_query": json_query,
    "from_csv": from_csv,
    "from_ini": from_ini,
    "to_ini": to_ini,
    "version_sort": version_sort,
    "unicode_normalize": unicode_normalize,
    "crc32": crc32,
}
