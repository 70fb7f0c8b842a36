"""Lists and sets."""

from __future__ import annotations

import builtins
import itertools
import operator
import random as randomness
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from jinja2 import pass_environment
from jinja2.filters import do_unique, ignore_case, make_attrgetter

from stella_ops.errors import TemplateError
from stella_ops.templating.undefined import kind_of

_NUMBERS = (int, float, bool)


def once(items: Iterable[Any]) -> list[Any]:
    """The items in their order, each once; also items that cannot be hashed."""
    found: list[Any] = []
    seen: set[Any] = set()
    for item in items:
        try:
            new = item not in seen
            seen.add(item)
        except TypeError:
            new = item not in found
        if new:
            found.append(item)
    return found


def _items(value: Any, name: str) -> list[Any]:
    if not isinstance(value, Iterable):
        raise TemplateError(f"{name}: '{kind_of(value)}' object is not iterable")
    return list(value)


def _as_sets(operation: Callable[[Any, Any], Any], left: Iterable[Any], right: Iterable[Any]) -> list[Any] | None:
    """What an operation on sets gives, for numbers alone: in the order that sets of them have, as ansible-core's."""
    first, second = list(left), list(right)
    if not all(type(item) in _NUMBERS for item in (*first, *second)):
        return None
    return list(operation(set(first), set(second)))


def union(left: Any, right: Any) -> list[Any]:
    """What is in one list or the other, each once."""
    first, second = _items(left, "union"), _items(right, "union")
    found = _as_sets(operator.or_, first, second)
    return once([*first, *second]) if found is None else found


def intersect(left: Any, right: Any) -> list[Any]:
    """What is in both lists, each once."""
    first, second = _items(left, "intersect"), _items(right, "intersect")
    found = _as_sets(operator.and_, first, second)
    return once(item for item in first if item in second) if found is None else found


def difference(left: Any, right: Any) -> list[Any]:
    """What is in the first list alone, each once."""
    first, second = _items(left, "difference"), _items(right, "difference")
    found = _as_sets(operator.sub, first, second)
    return once(item for item in first if item not in second) if found is None else found


def symmetric_difference(left: Any, right: Any) -> list[Any]:
    """What is in exactly one of the lists, each once."""
    first, second = _items(left, "symmetric_difference"), _items(right, "symmetric_difference")
    found = _as_sets(operator.xor, first, second)
    if found is not None:
        return found
    return once([*(x for x in first if x not in second), *(x for x in second if x not in first)])


@pass_environment
def unique(environment: Any, value: Any, case_sensitive: bool | None = None, attribute: Any = None) -> list[Any]:
    """The elements, each once, in their order; texts that differ in case alone are one, unless told otherwise."""
    items = _items(value, "unique")
    try:
        return list(do_unique(environment, items, bool(case_sensitive), attribute))
    except TypeError as problem:  # elements that cannot be hashed
        if case_sensitive is False or attribute:
            raise TemplateError(
                "Jinja2's unique filter failed and we cannot fall back to Ansible's version as it does not support the "
                f"parameters supplied: {problem}"
            ) from None
    return once(items)


def flatten(value: Any, levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    """A list without inner lists, down to ``levels`` of them; none values are dropped."""
    found: list[Any] = []
    for item in _items(value, "flatten"):
        if skip_nulls and (item is None or (isinstance(item, str) and item in ("None", "null"))):
            continue
        if isinstance(item, list | tuple | range) and (levels is None or levels > 0):
            found.extend(flatten(item, None if levels is None else levels - 1, skip_nulls))
        else:
            found.append(item)
    return found


def zipped(*lists: Any) -> list[list[Any]]:
    """Lists side by side, as long as the shortest."""
    return [list(group) for group in zip(*lists, strict=False)]


def zip_longest(*lists: Any, fillvalue: Any = None) -> list[list[Any]]:
    """Lists side by side, as long as the longest."""
    return [list(group) for group in itertools.zip_longest(*lists, fillvalue=fillvalue)]


def product(*lists: Any, repeat: int = 1) -> list[list[Any]]:
    """Every combination of one element from each list."""
    return [list(group) for group in itertools.product(*lists, repeat=repeat)]


def permutations(value: Any, length: int | None = None) -> list[list[Any]]:
    """Every order of ``length`` of the elements."""
    return [list(group) for group in itertools.permutations(value, length)]


def combinations(value: Any, length: int) -> list[list[Any]]:
    """Every choice of ``length`` of the elements."""
    return [list(group) for group in itertools.combinations(value, length)]


def _generator(seed: Any) -> randomness.Random:
    return randomness.Random(seed) if seed is not None else randomness.SystemRandom()


def random(value: Any, start: int | None = None, step: int | None = None, seed: Any = None) -> Any:
    """A random element of a list, or a number from ``start`` up to (without) ``value``; a seed repeats it."""
    generator = _generator(seed)
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return generator.randrange(start or 0, value, step or 1)
        except ValueError:
            raise TemplateError(f"random: there is no number from {start or 0} up to {value}") from None
    if isinstance(value, Mapping):
        raise TemplateError("random can only be used on sequences and integers")
    if start or step:
        raise TemplateError("start and step can only be used with integer values")
    if not isinstance(value, Iterable):
        raise TemplateError("random can only be used on sequences and integers")
    choices = list(value)
    if not choices:
        raise TemplateError("Cannot choose from an empty sequence")
    return generator.choice(choices)


def shuffle(value: Any, seed: Any = None) -> Any:
    """The elements in a random order; a seed repeats it. What has no elements stays as it is."""
    if not isinstance(value, Iterable):
        return value
    shuffled = list(value)
    _generator(seed).shuffle(shuffled)
    return shuffled


class GroupTuple(NamedTuple):
    """What ``groupby`` makes of elements that have the same value."""

    grouper: Any
    list: builtins.list[Any]


@pass_environment
def groupby(
    environment: Any, value: Any, attribute: Any, default: Any = None, case_sensitive: bool = False
) -> list[GroupTuple]:
    """Elements by the value of an attribute, as ``[value, elements]``, sorted by it."""
    own = make_attrgetter(environment, attribute, default=default)
    key = own if case_sensitive else make_attrgetter(environment, attribute, ignore_case, default=default)
    found = [list(group) for _, group in itertools.groupby(sorted(value, key=key), key)]
    return [GroupTuple(own(elements[0]), elements) for elements in found]


def rekey_on_member(value: Any, key: str, duplicates: str = "error") -> dict[Any, Any]:
    """The mappings of a list, by the value each has under ``key``."""
    if duplicates not in ("error", "overwrite"):
        raise TemplateError(f"duplicates parameter to rekey_on_member has unknown value {duplicates!r}")
    if not isinstance(value, Iterable) or isinstance(value, str):
        raise TemplateError("Type is not a valid list, set, or dict")
    elements = value.values() if isinstance(value, Mapping) else list(value)
    found: dict[Any, Any] = {}
    for element in elements:
        if not isinstance(element, Mapping):
            raise TemplateError("List item is not a valid dict")
        if key not in element:
            raise TemplateError(f"Key {key!r} was not found.")
        if element[key] in found and duplicates == "error":
            raise TemplateError(f"Key {element[key]!r} is not unique, cannot convert to dict.")
        found[element[key]] = element
    return found


FILTERS: dict[str, Callable[..., Any]] = {
    "union": union,
    "intersect": intersect,
    "difference": difference,
    "symmetric_difference": symmetric_difference,
    "unique": unique,
    "flatten": flatten,
    "zip": zipped,
    "zip_longest": zip_longest,
    "product": product,
    "permutations": permutations,
    "combinations": combinations,
    "random": random,
    "shuffle": shuffle,
    "groupby": groupby,
    "rekey_on_member": rekey_on_member,
}
