"""Host patterns: which hosts a play, a command or ``--limit`` means.

    all  *            every host                    web            a host, or the hosts of a group
    web*  web?.eu     glob, over groups and hosts   ~web[0-9]+     regular expression, from the name's start
    web:db  web,db    one or the other              web:&prod      both
    web:!old          but not                       web[0]  web[-1]  web[0:2]   by place; both ends belong

Terms are taken in this order, however they are written: plain ones (all hosts when there are none), then
``&``, then ``!``. Hosts come in the order of the plain terms and, within a term, in that of the inventory.
``--limit`` takes ``@FILE`` too: a file with one term on a line.

Unlike Ansible, a term that names nothing is an error: a mistyped ``!old`` would otherwise run on the very
hosts it should spare. A group that exists and is empty is fine. ``Inventory.mismatch`` can ask for Ansible's way.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stella_ops.errors import PatternError
from stella_ops.inventory.ranges import is_ipv6
from stella_ops.origins import Origin, origin_of
from stella_ops.spelling import did_you_mean

if TYPE_CHECKING:
    from stella_ops.inventory.model import Inventory

_SUBSCRIPT = re.compile(r"(.+)\[(?:(-?[0-9]{1,9})|(-?[0-9]{1,9})?:(-?[0-9]{1,9})?)\]")
#: The names that mean this machine when the inventory does not have them (Ansible's implicit localhost).
LOCALHOST = ("localhost", "127.0.0.1", "::1")

_CLOSING = {"[": "]", "(": ")", "{": "}"}


class Term(NamedTuple):
    """One part of a pattern: ``operator`` is "", "&" or "!"."""

    operator: str
    text: str
    where: Origin


def select_hosts(inventory: Inventory, pattern: str | Sequence[str], limit: str | None, mismatch: str) -> list[str]:
    """The names of the hosts that a pattern, and a limit if given, mean; see ``Inventory.select``."""
    chosen = _evaluate(inventory, parse_pattern(pattern, inventory.hosts), mismatch)
    if limit is None:
        return chosen
    terms = list(_read_lists(parse_pattern(limit, inventory.hosts, source="--limit")))
    if not terms:
        return []  # a list file without a line: nothing is left to do
    allowed = set(_evaluate(inventory, terms, mismatch))
    return [name for name in chosen if name in allowed]


def without_files(limit: str, known: Container[str] = ()) -> str:
    """A limit with what its lists of hosts (``@FILE``) say now in their place.

    Raises:
        PatternError: a list cannot be read.
    """
    terms = list(_read_lists(parse_pattern(limit, known, source="--limit")))
    return ",".join(f"{term.operator}{term.text}" for term in terms) or limit


def parse_pattern(pattern: str | Sequence[str], known: Container[str] = (), source: str | None = None) -> list[Term]:
    """The terms of a pattern, or of a list of patterns, in the order written.

    Args:
        known: host names, which are never taken apart at their colons.
        source: where the pattern stands, for patterns without an origin of their own.

    Raises:
        PatternError: there is no term, or an operator without a name.
    """
    patterns = [pattern] if isinstance(pattern, str) else list(pattern)
    terms: list[Term] = []
    for one in patterns:
        where = origin_of(one) or Origin(source or f"host pattern '{one}'")
        if not isinstance(one, str):
            raise PatternError(f"a host pattern must be text, not {one!r}", where=where)
        for text in _split(one, known):
            operator = text[0] if text[0] in "&!" else ""
            name = text[len(operator) :]
            if not name:
                raise PatternError(f"'{operator}' names no host or group", where=where)
            terms.append(Term(operator, name, where))
    if not terms:
        where = origin_of(pattern) or Origin(source or "host pattern")
        raise PatternError("the host pattern is empty", where=where, hint="'all' means every host")
    return terms


def _split(text: str, known: Container[str]) -> Iterator[str]:
    if text.startswith("@") and "," not in text:  # one file, whose name may hold anything
        yield text.strip()
        return
    for chunk in _cut(text, lambda character: character == "," or character.isspace()):
        name = chunk.lstrip("&!")
        if is_ipv6(name) or name in known:
            yield chunk
        else:
            yield from _cut(chunk, lambda character: character == ":")


def _cut(text: str, separates: Callable[[str], bool]) -> Iterator[str]:
    """Cut where a character separates, outside of [ ], and outside of ( ) and { } in a regular expression."""
    term, awaited, escaped = "", "", False
    for character in text:
        regex = term.lstrip("&!").startswith("~")
        if not awaited and not escaped and separates(character):
            if term:
                yield term
            term = ""
            continue
        term += character
        if escaped:
            escaped = False
        elif regex and character == "\\":
            escaped = True
        elif character == awaited[-1:]:
            awaited = awaited[:-1]
        elif character in ("[({" if regex else "[") and awaited[-1:] != "]":
            awaited += _CLOSING[character]
    if term:
        yield term


def _read_lists(terms: Iterable[Term]) -> Iterator[Term]:
    for term in terms:
        if not term.text.startswith("@") or term.operator:
            yield term
            continue
        path = Path(term.text[1:]).expanduser()
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise PatternError(f"the host list '{path}' is not UTF-8 text", where=term.where) from None
        except OSError as problem:
            said = f"Unable to find limit file '{path}': cannot read the host list: {problem.strerror}"
            missing = PatternError(said, where=term.where)
            missing.exit_code = 1  # as in ansible-core
            raise missing from None
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            operator = text[0] if text[0] in "&!" else ""
            yield Term(operator, text[len(operator) :].strip(), Origin(str(path), number))


def _evaluate(inventory: Inventory, terms: Sequence[Term], mismatch: str) -> list[str]:
    plain = [term for term in terms if not term.operator]
    chosen: dict[str, None] = {}
    if plain:
        for term in plain:
            chosen.update(dict.fromkeys(_matches(inventory, term, mismatch)))
    else:
        chosen.update(dict.fromkeys(inventory.members("all")))
    for operator in ("&", "!"):
        for term in terms:
            if term.operator == operator:
                matched = set(_matches(inventory, term, mismatch))
                chosen = {name: None for name in chosen if (name in matched) == (operator == "&")}
    return list(chosen)


def _matches(inventory: Inventory, term: Term, mismatch: str) -> list[str]:
    text = term.text
    if text in inventory.hosts:
        return [text]
    if text in inventory.groups:
        return list(inventory.members(text))
    subscript = None if text.startswith("~") else _SUBSCRIPT.fullmatch(text)
    if not subscript:
        found = _named(inventory, text, term)
        return _without(inventory, term, text, mismatch) if found is None else found
    found = _named(inventory, subscript[1], term)
    if found is None:
        return _without(inventory, term, subscript[1], mismatch)
    try:
        return _by_place(found, subscript, term)
    except PatternError:
        if mismatch == "error":
            raise
        return _without(inventory, term, text, mismatch)


def _without(inventory: Inventory, term: Term, text: str, mismatch: str) -> list[str]:
    """No host, where that is taken for an answer."""
    if mismatch == "error":
        raise _nothing(inventory, term, text)
    said = f"Could not match supplied host pattern, ignoring: {term.text}"
    if mismatch == "warning" and said not in inventory.warnings:
        inventory.warnings.append(said)
    return []


def _named(inventory: Inventory, text: str, term: Term) -> list[str] | None:
    """The hosts that a term without subscript names; None when no host and no group has such a name."""
    if text in inventory.hosts:
        return [text]
    if text in inventory.groups:
        return list(inventory.members(text))
    if text.startswith("~"):
        try:
            matches = re.compile(text[1:]).match
        except re.error as problem:
            raise PatternError(f"'{text}' is not a regular expression: {problem}", where=term.where) from None
    elif any(special in text for special in "*?["):
        matches = re.compile(fnmatch.translate(text)).match
    else:
        if text not in LOCALHOST:
            return None
        # An inventory's host by one of these names is meant by each of them.
        return [next((name for name in inventory.hosts if name in LOCALHOST), text)]
    found: dict[str, None] = {}
    groups = [name for name in inventory.groups if matches(name)]
    for name in groups:
        found.update(dict.fromkeys(inventory.members(name)))
    found.update(dict.fromkeys(name for name in inventory.hosts if matches(name)))
    return list(found) if found or groups else None


def _by_place(found: list[str], subscript: re.Match[str], term: Term) -> list[str]:
    single, first, last = subscript[2], subscript[3], subscript[4]
    count = len(found)
    if not count:
        return []
    if single is not None:
        place = int(single)
        chosen = [found[place]] if -count <= place < count else []
    else:
        start = _from_start(int(first or 0), count)
        end = _from_start(int(last), count) if last else count - 1
        chosen = found[max(start, 0) : max(end + 1, 0)]
    if not chosen:
        raise PatternError(
            f"'{term.text}' names no host: '{subscript[1]}' has {count}",
            where=term.where,
            hint=f"places run from 0 to {count - 1}",
        )
    return chosen


def _from_start(place: int, count: int) -> int:
    return place if place >= 0 else count + place


def _nothing(inventory: Inventory, term: Term, text: str) -> PatternError:
    if not inventory.hosts:
        hint: str | None = "the inventory has no hosts: name one with -i"
    elif text.startswith("~") or any(special in text for special in "*?["):
        hint = None
    else:
        hint = did_you_mean(text, [*inventory.groups, *inventory.hosts])
    return PatternError(f"'{text}' matches no host or group", where=term.where, hint=hint)
