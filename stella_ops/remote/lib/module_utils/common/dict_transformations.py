"""Mappings compared, merged and renamed."""

import re
from collections.abc import MutableMapping
from copy import deepcopy


def camel_dict_to_snake_dict(camel_dict, reversible=False, ignore_list=()):
    """Keys ``likeThis`` as ``like_this``, at any depth but below the keys of ``ignore_list``."""

    def value_of(value):
        if isinstance(value, dict):
            return camel_dict_to_snake_dict(value, reversible)
        if isinstance(value, list):
            return [value_of(item) for item in value]
        return value

    snake = {}
    for key, value in camel_dict.items():
        snake[_camel_to_snake(key, reversible)] = value if key in ignore_list else value_of(value)
    return snake


def snake_dict_to_camel_dict(snake_dict, capitalize_first=False):
    """Keys ``like_this`` as ``likeThis`` (``LikeThis``), at any depth."""

    def rename(value):
        if isinstance(value, dict):
            return {_snake_to_camel(key, capitalize_first): rename(item) for key, item in value.items()}
        if isinstance(value, list):
            return [rename(item) for item in value]
        return value

    return rename(snake_dict)


def _snake_to_camel(snake, capitalize_first=False):
    parts = snake.split("_")
    first = parts[0].capitalize() if capitalize_first else parts[0]
    return first + "".join(part.capitalize() or "_" for part in parts[1:])


def _camel_to_snake(name, reversible=False):
    def under(match):
        return "_" + match.group(0).lower()

    if reversible:
        return re.sub(r"[A-Z]", under, name)
    # Plural abbreviations, as in TargetGroupARNs, count as one word.
    text = re.sub(r"[A-Z]{3,}s$", under, name)
    if text.startswith("_") and not name.startswith("_"):
        text = text[1:]
    text = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", text)
    return re.sub(r"([a-z0-9])([A-Z]+)", r"\1_\2", text).lower()


def dict_merge(a, b):
    """A copy of ``a`` with the items of ``b``, mappings merged into each other."""
    if not isinstance(b, dict):
        return b
    merged = deepcopy(a)
    for key, value in b.items():
        if key in merged and isinstance(merged[key], dict):
            merged[key] = dict_merge(merged[key], value)
        else:
            merged[key] = deepcopy(value)
    return merged


def recursive_diff(dict1, dict2):
    """What only the first has and what only the second has; None where they are equal."""
    if not all(isinstance(item, MutableMapping) for item in (dict1, dict2)):
        raise TypeError(
            "Unable to diff 'dict1' {} and 'dict2' {}. Both must be a dictionary.".format(type(dict1), type(dict2))
        )
    left = {key: value for key, value in dict1.items() if key not in dict2}
    right = {key: value for key, value in dict2.items() if key not in dict1}
    for key in set(dict1) & set(dict2):
        if isinstance(dict1[key], dict) and isinstance(dict2[key], dict):
            deeper = recursive_diff(dict1[key], dict2[key])
            if deeper:
                left[key], right[key] = deeper
        elif dict1[key] != dict2[key]:
            left[key], right[key] = dict1[key], dict2[key]
    return (left, right) if left or right else None
