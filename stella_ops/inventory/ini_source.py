"""Reads inventories in INI syntax.

    web0 ansible_host=10.0.0.7          hosts before any section are in no group
    [web]                               hosts, one name or range a line, with variables behind
    web[01:20]:2222 weight=3 note="two words"
    [prod:children]                     groups below a group
    web
    [web:vars]                          variables of a group, one a line
    http_port = 8080

As in Ansible, a value that reads as a Python literal is that (``8080`` is a number, ``yes`` is text), ``#``
and ``;`` start comment lines, and ``#`` ends a host line.
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from typing import Any, Literal

from stella_ops.errors import InventoryError
from stella_ops.inventory.model import Group, Inventory
from stella_ops.inventory.ranges import expand_host_pattern, is_ipv6
from stella_ops.origins import Origin, SourceText
from stella_ops.spelling import did_you_mean, nearest

Kind = Literal["hosts", "children", "vars"]
_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:[#;].*)?")
_CHILD = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
# What can begin a Python literal; anything else needs no attempt.
_MAYBE_LITERAL = re.compile(r"[\s0-9+\-.(\[{'\"]|(?:True|False|None)\b|[bBuUrR]{1,2}['\"]")


def read_ini(text: str, source: str, inventory: Inventory) -> None:
    """Add what an INI inventory says.

    Raises:
        InventoryError: with the line that is wrong.
    """
    _Reader(source, inventory).read(text)


class _Reader:
    def __init__(self, source: str, inventory: Inventory) -> None:
        self._source = source
        self._inventory = inventory
        self._kind: Kind = "hosts"
        self._group: Group = inventory.groups["ungrouped"]
        # A child that is named before its own section is one from there on: so children come in that order.
        self._awaited: dict[str, list[tuple[Group, Origin]]] = {}
        self._children: list[tuple[str, Origin, Group]] = []
        self._declared: set[str] = set(inventory.groups)
        self._with_vars: list[tuple[str, Origin]] = []

    def read(self, text: str) -> None:
        for number, written in enumerate(text.split("\n"), 1):
            line = written.strip()
            if not line or line[0] in "#;":
                continue
            where = Origin(self._source, number, written.index(line[0]) + 1)
            if line[0] == "[" and (section := _SECTION.fullmatch(line)):
                self._start_section(section, where)
            elif line[0] == "[" and line[-1] == "]" and not is_ipv6(line[1:-1]):
                raise InventoryError(
                    f"'{line}' is not a section",
                    where=where,
                    hint="a section is [group], [group:children] or [group:vars], without spaces",
                )
            elif self._kind == "hosts":
                self._read_host(line, where)
            elif self._kind == "children":
                self._read_child(line, where)
            else:
                self._read_variable(line, where, written)
        self._relate()

    def _start_section(self, section: re.Match[str], where: Origin) -> None:
        name, kind = section[1], section[2] or "hosts"
        if kind not in ("hosts", "children", "vars"):
            raise InventoryError(
                f"section [{name}:{kind}] is of no known kind",
                where=where,
                hint=did_you_mean(kind, ["children", "vars", "hosts"]) or "known: children, vars, hosts",
            )
        self._kind = kind  # type: ignore[assignment]
        self._group = self._inventory.ensure_group(name, where)
        if kind == "vars":
            self._with_vars.append((name, where))
        else:
            self._declared.add(name)
            for parent, there in self._awaited.pop(name, []):
                self._inventory.add_child(parent, self._group, there)

    def _read_host(self, line: str, where: Origin) -> None:
        words = _words(line, where)
        if words[0] == "---":
            raise InventoryError(
                "'---' starts a YAML document, but this is read as INI",
                where=where,
                hint="give the file the extension .yml",
            )
        names, port = expand_host_pattern(words[0], where)
        found: dict[str, Any] = {}
        for number, word in enumerate(words[1:], 1):
            key, equals, value = word.partition("=")
            if not equals or not key:
                raise InventoryError(
                    # not shown: it may be the second half of a password
                    f"word {number} behind host '{words[0]}' is not name=value",
                    where=where,
                    hint="quote a value with spaces: name='two words'; a comment starts with '#'",
                )
            found[key] = read_value(value, Origin(where.source, where.line))
        for name in names:
            host = self._inventory.ensure_host(name, where, port)
            self._inventory.put(host, self._group)
            host.vars.update(found)

    def _read_child(self, line: str, where: Origin) -> None:
        child = _CHILD.fullmatch(line)
        if not child:
            raise InventoryError(
                f"the line in [{self._group.name}:children] is not a group name",
                where=where,
                hint="write one group a line, without variables",
            )
        name = child[1]
        self._children.append((name, where, self._group))
        known = self._inventory.groups.get(self._inventory.names.fit(name))
        if known is None:
            self._awaited.setdefault(name, []).append((self._group, where))
        else:
            self._inventory.add_child(self._group, known, where)

    def _read_variable(self, line: str, where: Origin, written: str) -> None:
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not key:
            raise InventoryError(
                f"the line in [{self._group.name}:vars] is not name=value",
                where=where,
                hint="write one name=value a line; in INI there is no 'name: value'",
            )
        place = written.index("=") + 1
        column = place + len(written[place:]) - len(written[place:].lstrip()) + 1
        origin = Origin(where.source, where.line, column if value else 0)
        self._group.set_variable(key, read_value(value, origin), where)

    def _relate(self) -> None:
        for name, where in self._with_vars:
            if name not in self._declared:
                raise InventoryError(
                    f"section [{name}:vars] is for a group that nothing defines",
                    where=where,
                    hint=self._hint(name),
                )
        for name, where, parent in self._children:
            if name not in self._declared:
                raise InventoryError(
                    f"[{parent.name}:children] names '{name}', which is not a group",
                    where=where,
                    hint=self._hint(name),
                )

    def _hint(self, name: str) -> str:
        if name in self._inventory.hosts:
            return f"'{name}' is a host: groups and hosts stand in sections of their own"
        near = nearest(name, self._declared)
        return f"did you mean '{near}'?" if near else f"define it with a section [{name}]"


def _words(line: str, where: Origin) -> list[str]:
    # shlex takes 50 microseconds a line; most lines need none of it
    if not any(special in line for special in "\"'\\#"):
        return re.split(r"[ \t\r]+", line)
    try:
        return shlex.split(line, comments=True)
    except ValueError as problem:
        raise InventoryError(
            f"the host line cannot be split into words: {str(problem).lower()}",
            where=where,
            hint="close the quote, or put the value with the quote in it into other quotes",
        ) from None


def read_value(text: str, origin: Origin) -> Any:
    """The value that a text in an INI inventory stands for: a Python literal, or else text."""
    if not _MAYBE_LITERAL.match(text):
        return SourceText(text, origin)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in somebody's regular expression
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return SourceText(text, origin)
    return _with_origin(value, text, origin)


def _with_origin(value: Any, text: str, origin: Origin) -> Any:
    """The literal in terms of what YAML knows; strings can be templates."""
    if isinstance(value, str):
        return SourceText(value, origin)
    if isinstance(value, bytes):
        return SourceText(value.decode("utf-8", "surrogateescape"), origin)
    if isinstance(value, (list, tuple, set)):
        return [_with_origin(item, text, origin) for item in value]
    if isinstance(value, dict):
        return {key: _with_origin(item, text, origin) for key, item in value.items()}
    if value is ... or isinstance(value, complex):
        return SourceText(str(value) if isinstance(value, complex) else "...", origin)
    return value
