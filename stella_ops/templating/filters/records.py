"""Lists of mappings and the keys of mappings, as in the collections community.general and ansible.utils."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.templating.filters.collections import once
from stella_ops.templating.filters.mappings import combine
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.undefined import kind_of

_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "equal": lambda key, wanted: key == wanted,
    "starts_with": lambda key, wanted: key.startswith(wanted),
    "ends_with": lambda key, wanted: key.endswith(wanted),
    "regex": lambda key, wanted: re.match(wanted, key) is not None,
}
_MATCHES["equality"] = _MATCHES["equal"]


def lists_mergeby(*terms: Any, recursive: bool = False, list_merge: str = "replace") -> list[Any]:
    """Lists of mappings as one, in which mappings with the same value under a key, the last term, are merged."""
    if len(terms) < 2:
        raise TemplateError("lists_mergeby: needs lists of mappings, and a key")
    lists, index = terms[:-1], plain_text(terms[-1])
    found: dict[Any, Any] = {}
    for each in _flat(lists):
        if not isinstance(each, Mapping):
            raise TemplateError(f"lists_mergeby: merges mappings, not {kind_of(each)}")
        if index in each:
            known = found.get(each[index], {})
            found[each[index]] = combine(known, each, recursive=recursive, list_merge=list_merge)
    return [found[key] for key in sorted(found, key=lambda key: (str(type(key)), key))]


def _flat(lists: Iterable[Any]) -> Iterable[Any]:
    for each in lists:
        if not isinstance(each, list | tuple):
            raise TemplateError(f"lists_mergeby: needs lists, not {kind_of(each)}")
        for item in each:
            if isinstance(item, list | tuple):
                yield from item
            else:
                yield item


def groupby_as_dict(value: Any, attribute: str) -> dict[Any, Any]:
    """The mappings of a list, by the value under a key that each has."""
    found: dict[Any, Any] = {}
    for item in _list(value, "groupby_as_dict"):
        if not isinstance(item, Mapping) or attribute not in item:
            raise TemplateError(f"groupby_as_dict: an element has no '{attribute}'")
        if item[attribute] in found:
            raise TemplateError(f"groupby_as_dict: '{item[attribute]}' occurs twice under '{attribute}'")
        found[item[attribute]] = item
    return found


def _list(value: Any, name: str) -> list[Any]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise TemplateError(f"{name}: needs a list, not {kind_of(value)}")
    return list(value)


def dict_kv(value: Any, key: Any) -> dict[Any, Any]:
    """A mapping with this value under a key."""
    return {key: value}


def from_pairs(value: Any) -> dict[Any, Any]:
    """The mapping of a list of pairs ``[key, value]``."""
    try:
        return dict(_list(value, "dict"))
    except (TypeError, ValueError):
        raise TemplateError("dict: needs a list of pairs of a key and a value") from None


def counter(value: Any) -> dict[Any, int]:
    """How often each element is in a list."""
    try:
        return dict(Counter(list(value) if isinstance(value, str) else _list(value, "counter")))
    except TypeError:
        raise TemplateError("counter: counts texts and numbers, not lists and mappings") from None


def accumulate(value: Any) -> list[Any]:
    """The sums of the first one, two, three … elements."""
    sums: list[Any] = []
    for item in list(value) if isinstance(value, str) else _list(value, "accumulate"):
        sums.append(sums[-1] + item if sums else item)
    return sums


def _matcher(target: Any, how: str, name: str, *, one_pattern: bool = False) -> Callable[[Any], bool]:
    if how not in _MATCHES:
        raise TemplateError(f"{name}: unknown matching_parameter '{how}'", hint=f"known: {', '.join(_MATCHES)}")
    wanted = [plain_text(item) for item in ([target] if isinstance(target, str) else target or [])]
    if not wanted:
        raise TemplateError(f"{name}: 'target' names no keys")
    if how == "regex":
        if name.endswith("_keys") and one_pattern and len(wanted) > 1:
            raise TemplateError(f"{name}: with matching_parameter=regex 'target' is one pattern")
        for pattern in wanted:
            try:
                re.compile(pattern)
            except re.error as problem:
                raise TemplateError(f"{name}: '{pattern}' is no regular expression: {problem}") from None
    return lambda key: any(_MATCHES[how](str(key), each) for each in wanted)


def _records(value: Any, name: str) -> list[Mapping[Any, Any]]:
    items = _list(value, name)
    for item in items:
        if not isinstance(item, Mapping):
            raise TemplateError(f"{name}: needs a list of mappings, not of {kind_of(item)}")
    return items


def keep_keys(value: Any, target: Any = None, matching_parameter: str = "equal") -> list[dict[Any, Any]]:
    """The mappings of a list with those of their keys alone that match."""
    matches = _matcher(target, matching_parameter, "keep_keys", one_pattern=True)
    return [{key: item for key, item in each.items() if matches(key)} for each in _records(value, "keep_keys")]


def remove_keys(value: Any, target: Any = None, matching_parameter: str = "equal") -> list[dict[Any, Any]]:
    """The mappings of a list without the keys that match."""
    matches = _matcher(target, matching_parameter, "remove_keys", one_pattern=True)
    return [{key: item for key, item in each.items() if not matches(key)} for each in _records(value, "remove_keys")]


def _renaming(target: Any, how: str) -> Callable[[Any], Any]:
    pairs = [target] if isinstance(target, Mapping) else _list(target or [], "replace_keys")
    if not all(isinstance(pair, Mapping) and {"before", "after"} <= set(pair) for pair in pairs):
        raise TemplateError("replace_keys: 'target' is a list of {before: …, after: …}")
    matchers = [(_matcher([pair["before"]], how, "replace_keys"), pair["after"]) for pair in pairs]
    return lambda key: next((after for matches, after in matchers if matches(key)), key)


def replace_keys(value: Any, target: Any = None, matching_parameter: str = "equal") -> list[dict[Any, Any]]:
    """The mappings of a list with other names for the keys that match; ``target``: ``[{before: …, after: …}]``."""
    rename = _renaming(target, matching_parameter)
    return [{rename(key): item for key, item in each.items()} for each in _records(value, "replace_keys")]


def _deep(value: Any, change: Callable[[Mapping[Any, Any]], dict[Any, Any]]) -> Any:
    if isinstance(value, Mapping):
        return {key: _deep(item, change) for key, item in change(value).items()}
    return [_deep(item, change) for item in value] if isinstance(value, list | tuple) else value


def _kept(value: Any, matches: Callable[[Any], bool]) -> Any:
    if isinstance(value, list | tuple):
        return [kept for kept in (_kept(item, matches) for item in value) if kept not in ({}, [], None)]
    if not isinstance(value, Mapping):
        return None
    found: dict[Any, Any] = {}
    for key, item in value.items():
        inner = item if matches(key) else _kept(item, matches)
        if matches(key) or inner not in ({}, [], None):
            found[key] = inner
    return found


def keep_keys_deep(data: Any, target: Any, matching_parameter: str = "equality") -> Any:
    """Data with those keys alone that match, at any depth."""
    return _kept(data, _matcher(target, matching_parameter, "keep_keys"))


def remove_keys_deep(data: Any, target: Any, matching_parameter: str = "equality") -> Any:
    """Data without the keys that match, at any depth."""
    matches = _matcher(target, matching_parameter, "remove_keys")
    return _deep(data, lambda each: {key: item for key, item in each.items() if not matches(key)})


def replace_keys_deep(data: Any, target: Any, matching_parameter: str = "equality") -> Any:
    """Data with other names for the keys that match, at any depth."""
    rename = _renaming(target, matching_parameter)
    return _deep(data, lambda each: {rename(key): item for key, item in each.items()})


def _folded(function: Callable[[Any, Any], list[Any]]) -> Callable[..., list[Any]]:
    def over_all(*lists: Any, flatten: bool = False) -> list[Any]:
        given = [each for item in lists for each in item] if flatten else list(lists)
        found = given[0] if given else []
        for each in given[1:]:
            found = function(found, each)
        return list(found)

    return over_all


def _in_one(left: Any, right: Any) -> list[Any]:
    return once([*(item for item in left if item not in right), *(item for item in right if item not in left)])


COMMUNITY: dict[str, Callable[..., Any]] = {
    "lists_mergeby": lists_mergeby,
    "groupby_as_dict": groupby_as_dict,
    "dict_kv": dict_kv,
    "dict": from_pairs,
    "counter": counter,
    "accumulate": accumulate,
    "keep_keys": keep_keys,
    "remove_keys": remove_keys,
    "replace_keys": replace_keys,
    "lists_union": _folded(lambda left, right: once([*left, *right])),
    "lists_intersect": _folded(lambda left, right: once(item for item in left if item in right)),
    "lists_difference": _folded(lambda left, right: once(item for item in left if item not in right)),
    "lists_symmetric_difference": _folded(_in_one),
}
UTILS: dict[str, Callable[..., Any]] = {
    "keep_keys": keep_keys_deep,
    "remove_keys": remove_keys_deep,
    "replace_keys": replace_keys_deep,
}
