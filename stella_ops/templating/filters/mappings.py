"""Mappings: merging them, and to and from lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import pass_environment
from jinja2.runtime import Undefined

from stella_ops.errors import TemplateError
from stella_ops.templating.lazy import finalize, printed
from stella_ops.templating.undefined import kind_of

_LIST_MERGES = ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp")


def combine(*terms: Any, recursive: bool = False, list_merge: str = "replace") -> dict[Any, Any]:
    """Mappings merged from left to right.

    Args:
        terms: mappings, or lists of mappings.
        recursive: merge mappings inside, instead of replacing them.
        list_merge: what to do with two lists under one key: ``replace``, ``keep``, ``append``, ``prepend``,
            and ``append_rp``, ``prepend_rp``, which drop from the left what the right has too.
    """
    if list_merge not in _LIST_MERGES:
        raise TemplateError(f"list_merge is one of {', '.join(_LIST_MERGES)}, not '{list_merge}'")
    if len(terms) == 1 and not isinstance(terms[0], list | tuple):
        alone: dict[Any, Any] = terms[0]  # as it is, whatever it is: there is nothing to merge
        return alone
    given = [term for term in (terms[0] if len(terms) == 1 else _flat(terms)) if term is not None]
    wrong = [place for place, term in enumerate(given) if not isinstance(term, Mapping)]
    if wrong:
        # ansible-core merges from the right, and names the two where it comes to one that is none.
        last = wrong[-1] == len(given) - 1
        kinds = [kind_of(each) for each in (given[-2:] if last else [given[wrong[-1]], {}])]
        raise TemplateError(
            f"failed to combine variables, expected dicts but got a {' and a '.join(map(repr, kinds))}."
        )
    merged: dict[Any, Any] = {}
    for term in given:
        merged = _merge(merged, term, recursive, list_merge)
    return merged


def _flat(terms: Any) -> list[Any]:
    found: list[Any] = []
    for term in terms:
        found.extend(term if isinstance(term, list | tuple) else [term])
    return found


def _merge(left: Mapping[Any, Any], right: Mapping[Any, Any], recursive: bool, lists: str) -> dict[Any, Any]:
    merged = dict(left)
    for key, value in right.items():
        old = merged.get(key)
        if recursive and isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(old, value, recursive, lists)
        elif key in merged and isinstance(old, list) and isinstance(value, list):
            merged[key] = _merge_lists(list(old), list(value), lists)
        else:
            merged[key] = value
    return merged


def _merge_lists(old: list[Any], new: list[Any], how: str) -> list[Any]:
    if how == "replace":
        return new
    if how == "keep":
        return old
    if how.endswith("_rp"):
        old = [item for item in old if item not in new]
    return old + new if how.startswith("append") else new + old


def dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    """A mapping as a list of ``{key: …, value: …}``."""
    if not isinstance(value, Mapping):
        raise TemplateError(f"dict2items requires a dictionary, got <class '{kind_of(value)}'> instead.")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    """The mapping of a list of ``{key: …, value: …}``."""
    if not isinstance(value, list):
        raise TemplateError(f"items2dict requires a list, got <class '{kind_of(value)}'> instead.")
    try:
        return {item[key_name]: item[value_name] for item in value}
    except KeyError:
        raise TemplateError(
            "items2dict requires each dictionary in the list to contain the keys "
            f"'{key_name}' and '{value_name}', got {printed(value)} instead."
        ) from None
    except TypeError:
        raise TemplateError(f"items2dict requires a list of dictionaries, got {printed(value)} instead.") from None


@pass_environment
def extract(environment: Any, key: Any, container: Any, morekeys: Any = None) -> Any:
    """What a container has under a key, and under more keys inside of that."""
    found = environment.getitem(container, key)
    for inner in morekeys if isinstance(morekeys, list) else [] if morekeys is None else [morekeys]:
        if isinstance(found, Undefined):
            break
        found = environment.getitem(found, inner)
    return found


def subelements(value: Any, subelements: Any, skip_missing: bool = False) -> list[list[Any]]:
    """Each element of a list paired with each element of a list inside it.

    Args:
        subelements: the key of the inner list, or a dotted path or list of keys.
        skip_missing: pass over elements without it.
    """
    elements = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(elements, list):
        raise TemplateError("obj must be a list of dicts or a nested dict")
    keys = subelements.split(".") if isinstance(subelements, str) else list(subelements)
    pairs: list[list[Any]] = []
    for element in elements:
        inner = element
        for key in keys:
            if not isinstance(inner, Mapping):
                raise TemplateError(f"the key {key} should point to a dictionary, got '{printed(inner)}'")
            if key not in inner:
                if skip_missing:
                    inner = []
                    break
                raise TemplateError(f"could not find {key!r} key in iterated item {finalize(inner)!r}")
            inner = inner[key]
        if not isinstance(inner, list):
            raise TemplateError(f"the key {keys[-1]!r} should point to a list, got {finalize(inner)!r}")
        pairs.extend([element, item] for item in inner)
    return pairs


FILTERS: dict[str, Callable[..., Any]] = {
    "combine": combine,
    "dict2items": dict2items,
    "items2dict": items2dict,
    "extract": extract,
    "subelements": subelements,
}
