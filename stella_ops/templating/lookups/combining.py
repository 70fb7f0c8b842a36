"""Lookups that lay lists out for a loop; ``with_items`` and its kin are these."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.templating.filters.collections import flatten
from stella_ops.templating.filters.mappings import subelements
from stella_ops.templating.filters.text import boolean
from stella_ops.templating.undefined import kind_of


def _listed(term: Any) -> list[Any]:
    return list(term) if isinstance(term, list | tuple | range) else [term]


def _elements(term: Any, name: str) -> list[Any]:
    """What a term holds, of text its characters."""
    if not isinstance(term, Iterable):
        raise TemplateError(f"lookup '{name}': '{kind_of(term)}' object is not iterable")
    return list(term)


def items(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The terms, with lists among them laid out one level deep."""
    return [item for term in terms for item in _listed(term)]


def indexed_items(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The terms laid out as by ``items``, as ``[position, item]``."""
    return [[position, item] for position, item in enumerate(items(scope, terms, options))]


def flattened(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The terms with lists laid out at every level."""
    return flatten(terms)


def nested(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Every combination of one element from each list."""
    if not terms:
        raise TemplateError("with_nested requires at least one element in the nested list")
    if len(terms) == 1:
        return [flatten(_elements(item, "nested"), 1) for item in _elements(terms[0], "nested")]
    return [flatten(list(group), 1) for group in itertools.product(*(_elements(term, "nested") for term in terms))]


def cartesian(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Every combination of one element from each list; what is no list counts as one of itself alone."""
    if not terms:
        raise TemplateError("lookup 'cartesian': needs at least one list")
    return [flatten(list(group), 1) for group in itertools.product(*map(_listed, terms))]


def together(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The lists side by side, as long as the longest."""
    if not terms:
        raise TemplateError("with_together requires at least one element in each list")
    return [list(group) for group in itertools.zip_longest(*(_elements(term, "together") for term in terms))]


def random_choice(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """One of the terms."""
    return [random.SystemRandom().choice(terms)] if terms else []


def inner_elements(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """A list, the path of a list inside its elements, and options: ``skip_missing``."""
    wanted = "subelements lookup expects a list of two or three items,"
    if len(terms) not in (2, 3):
        raise TemplateError(wanted)
    if not isinstance(terms[0], list | tuple | Mapping) or not isinstance(terms[1], str):
        raise TemplateError(f"{wanted} first a dict or a list, second a string pointing to the subkey")
    flags = terms[2] if len(terms) == 3 else options
    if not isinstance(flags, dict):
        said = "the optional third item must be a dict with flags skip_missing"
        raise TemplateError(f"subelements lookup expects a list of two or three items, {said}")
    found = terms[0]
    if not isinstance(found, list | tuple | Mapping) or not isinstance(terms[1], str):
        said = "first a dict or a list, second a string pointing to the subkey"
        raise TemplateError(f"subelements lookup expects a list of two or three items, {said}")
    if isinstance(found, Mapping):
        found = [] if found.get("skipped", False) is not False else list(found.values())
    elements = [each for each in found if not isinstance(each, Mapping) or each.get("skipped", False) is False]
    pairs = subelements(elements, terms[1], boolean(flags.get("skip_missing", False)))
    keys = terms[1].split(".")
    return [[_without(element, keys), item] for element, item in pairs]


def _without(element: Mapping[Any, Any], keys: list[str]) -> dict[Any, Any]:
    """A copy of an element without what is at a path: as ansible-core has it, and unlike the filter."""
    rest = {key: value for key, value in element.items() if key != keys[0] or len(keys) > 1}
    if len(keys) > 1:
        rest[keys[0]] = _without(element[keys[0]], keys[1:])
    return rest


LOOKUPS = {
    "items": items,
    "list": lambda scope, terms, options: list(terms),
    "indexed_items": indexed_items,
    "flattened": flattened,
    "nested": nested,
    "cartesian": cartesian,
    "together": together,
    "random_choice": random_choice,
    "subelements": inner_elements,
}
