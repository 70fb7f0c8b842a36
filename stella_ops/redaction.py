"""Keeps known secrets out of everything that leaves: output, events, logs, the store.

A secret is replaced wherever its text occurs, also in the disguises it takes on its way: inside JSON, YAML or
Python source, in a URL, quoted for a shell, in hex, in base64 at any offset (``Authorization: Basic …``), and line by
line when it has several lines (a private key in ``stdout_lines``).
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

MASK = "********"
SHORTEST = 4  # shorter texts occur by chance everywhere; masking them would only make results unreadable
_SHORTEST_BASE64 = 6  # a cut base64 form carries fewer bits than its length tells
_SHORTEST_LINE = 8
_DEEPEST = 200
_GRAM = SHORTEST
_ONE_PATTERN = 256  # forms; beyond, an alternation of them all gets slow and its compilation slower


class Redactor:
    """Holds secrets and masks them in any value.

    ``scrub`` returns the very same object when it holds no secret, so clean values cost no copies. A few
    secrets are searched by one compiled pattern. Many (a token for each of 2,000 hosts) are found through the
    first characters of their forms, so that the cost grows with the text and not with the number of secrets.
    """

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._forms: set[str] = set()
        self._by_gram: dict[str, list[str]] = {}
        self._pattern: re.Pattern[str] | None = None
        self._longest = 0
        self._beginnings: set[str] = set()
        self._of_lines: list[tuple[str, str]] = []

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._secrets)} secrets>"

    def add(self, secret: object) -> bool:
        """Take a secret; False when it is too short (after trimming line ends) or no text at all."""
        if isinstance(secret, bytes):
            secret = secret.decode("utf-8", "replace")
        if not isinstance(secret, str):
            return False
        text = str.__str__(secret).strip("\r\n")
        if len(text) < SHORTEST:
            return False
        if text in self._secrets:
            return True
        self._secrets.add(text)
        for form in set(_forms(text)) - self._forms:
            self._forms.add(form)
            self._by_gram.setdefault(form[:_GRAM], []).append(form)
            self._longest = max(self._longest, len(form))
            self._beginnings.update(form[:size] for size in range(1, _GRAM))
            if "\n" in form:
                self._of_lines.append((form[: form.index("\n") + 1], form))
        self._pattern = None
        return True

    def scrub(self, value: Any) -> Any:
        """A value with every secret masked: texts, bytes, mappings with their keys, lists, dataclasses."""
        return self._deep(value, 0) if self._forms else value

    def cut(self, text: str, wanted: int) -> int:
        """Where a text that goes on may be cut, so that its parts show no more than the whole would, each scrubbed.

        Args:
            text: what is there of it.
            wanted: where one would like to cut: so many characters from its start.

        Returns:
            That, or less: the place before what is a secret, or may become one with what follows.
        """
        if not self._forms:
            return wanted
        place = min(wanted, self._begun(text))
        pattern = self._pattern_for(text) if place < len(text) else None
        for match in pattern.finditer(text) if pattern is not None else ():
            if match.end() > place:
                return min(place, match.start())
        return place

    def _begun(self, text: str) -> int:
        """Where the longest end of a text stands that a form begins with, and goes on."""
        # Most forms are of one line, and begin in the last one.
        for at in range(max(text.rfind("\n") + 1, len(text) - self._longest + 1), len(text)):
            if len(text) - at < _GRAM:
                if text[at:] in self._beginnings:
                    return min(at, self._begun_lines(text))
                continue
            for form in self._by_gram.get(text[at : at + _GRAM], ()):
                if len(form) > len(text) - at and text.endswith(form[: len(text) - at]):
                    return min(at, self._begun_lines(text))
        return self._begun_lines(text)

    def _begun_lines(self, text: str) -> int:
        """The same for forms of several lines, of which the first is there whole."""
        begun = len(text)
        for first, form in self._of_lines:
            at = text.find(first, max(0, len(text) - len(form) + 1))
            while 0 <= at < begun:
                if text.endswith(form[: len(text) - at]):
                    begun = at
                at = text.find(first, at + 1)
        return begun

    def _deep(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth > _DEEPEST:  # also what contains itself ends here, and nothing slips through
            return "(nested too deeply to be searched for secrets)"
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._sequence(value, depth)
        if isinstance(value, bytes):
            text = value.decode("utf-8", "surrogateescape")
            clean = self._text(text)
            return value if clean is text else clean.encode("utf-8", "surrogateescape")
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._record(value, depth)
        return value

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        clean: dict[Any, Any] = {}
        same = True
        for key, item in value.items():
            new_key, new_item = self._deep(key, depth + 1), self._deep(item, depth + 1)
            same = same and new_key is key and new_item is item
            while new_key is not key and new_key in clean:
                new_key = f"{new_key}*"  # two secret keys must not become one
            clean[new_key] = new_item
        return value if same else clean

    def _sequence(self, value: Any, depth: int) -> Any:
        items = list(value)
        clean = [self._deep(item, depth + 1) for item in items]
        if all(new is old for new, old in zip(clean, items, strict=True)):
            return value
        for kind in (tuple, frozenset, set):  # plain ones: a named tuple's or subclass's own form is not kept
            if isinstance(value, kind):
                return kind(clean)
        return clean

    def _record(self, value: Any, depth: int) -> Any:
        changes: dict[str, Any] = {}
        for field in dataclasses.fields(value):
            old = getattr(value, field.name)
            new = self._deep(old, depth + 1)
            if new is not old and field.init:
                changes[field.name] = new
        return dataclasses.replace(value, **changes) if changes else value

    def _text(self, text: str) -> str:
        if len(text) < SHORTEST:
            return text
        pattern = self._pattern_for(text)
        if pattern is None:
            return text
        clean, count = pattern.subn(MASK, text)
        return clean if count else text

    def _pattern_for(self, text: str) -> re.Pattern[str] | None:
        if len(self._forms) <= _ONE_PATTERN:
            if self._pattern is None:
                self._pattern = _any_of(self._forms)
            return self._pattern
        grams = self._by_gram.keys() & {text[i : i + _GRAM] for i in range(len(text) - _GRAM + 1)}
        found = [form for gram in grams for form in self._by_gram[gram] if form in text]
        return _any_of(found) if found else None


def without_login(address: str) -> str:
    """A URL as ansible-core tells it in results: neither who logs in, nor with what."""
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    hidden = "****:****" if ":" in user else "****"
    return urlunsplit(parts._replace(netloc=f"{hidden}@{host}")) if at else address


def without_password(address: str) -> str:
    """A URL as it may be shown: without its password, nor a token that stands in the place of a user's name."""
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return address
    name, colon, _ = user.partition(":")
    if colon:
        user = f"{name}:{MASK}"
    elif parts.scheme in ("http", "https"):
        user = MASK
    return urlunsplit(parts._replace(netloc=f"{user}@{host}"))


def _any_of(forms: Any) -> re.Pattern[str]:
    # The longest first: a form must not be half masked by another that it begins with.
    return re.compile("|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form))))


def _forms(secret: str) -> Iterator[str]:
    """Every text that gives a secret away."""
    yield from _disguises(secret)
    lines = secret.splitlines()
    if len(lines) > 1:
        for line in lines:
            # A PEM's first and last line are no secret.
            if len(line.strip()) >= _SHORTEST_LINE and not line.startswith("-----"):
                yield from _disguises(line.strip())


def _disguises(text: str) -> Iterator[str]:
    yield text
    for ascii_only in (True, False):
        quoted = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield quoted
        yield quoted.replace("/", "\\/")  # as PHP and others escape it
        yield json.dumps(quoted, ensure_ascii=ascii_only)[1:-1]  # JSON inside JSON
    yield repr(text)[1:-1]
    yield shlex.quote(text)
    yield shlex.quote(text).removeprefix("'").removesuffix("'")
    yield text.replace("'", "'\\''")
    yield re.sub(r"([^A-Za-z0-9_@%+=:,./-])", r"\\\1", text)  # each character escaped, as bash's %q does
    yield re.sub(r'([$`"\\])', r"\\\1", text)  # within double quotes
    raw = text.encode("utf-8", "surrogatepass")
    for url in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield url
        yield re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), url)
    yield raw.hex()
    yield raw.hex().upper()
    for form in _base64_forms(raw):
        if len(form) >= _SHORTEST_BASE64:
            yield form


def _base64_forms(raw: bytes) -> Iterator[str]:
    """The base64 text of some bytes wherever they stand: at each of the three offsets, without the characters
    that they share with their neighbours."""
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw).decode()
        if offset == 0:
            yield from _both_alphabets(coded)
        start = (0, 2, 3)[offset]
        end = (None, -3, -2)[(offset + len(raw)) % 3]
        yield from _both_alphabets(coded[start:end])


def _both_alphabets(coded: str) -> Iterator[str]:
    yield coded
    yield coded.replace("+", "-").replace("/", "_")
