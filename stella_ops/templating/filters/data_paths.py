"""Paths into data, and comparing data, as in the collection ansible.utils."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jinja2 import pass_environment
from jinja2.runtime import Undefined

from stella_ops.errors import TemplateError
from stella_ops.spelling import did_you_mean
from stella_ops.templating.lazy import finalize, plain_text
from stella_ops.templating.undefined import kind_of

_STEP = re.compile(r"""\.?([A-Za-z_][\w-]*)|\[\s*(-?\d+)\s*\]|\[\s*'([^']*)'\s*\]|\[\s*"([^"]*)"\s*\]|\.(\d+)""")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _steps(path: str, name: str) -> list[Any]:
    steps: list[Any] = []
    place = 0
    while place < len(path):
        found = _STEP.match(path, place)
        if not found:
            raise TemplateError(f"{name}: cannot read the path '{path}' from '{path[place:]}' on")
        word, index, single, double, number = found.groups()
        steps.append(int(index or number) if (index or number) is not None else word or single or double or "")
        place = found.end()
    return steps


@pass_environment
def get_path(environment: Any, data: Any, path: Any, wantlist: bool = False) -> Any:
    """What is at a path such as ``a.b[0]['c.d']`` of some data."""
    found = data
    for step in _steps(plain_text(path), "get_path"):
        found = environment.getitem(found, step)
        if isinstance(found, Undefined):
            return found
    return [found] if wantlist and not isinstance(found, list) else found


def to_paths(data: Any, prepend: str | None = None, wantlist: bool = False) -> Any:
    """Data laid flat: a mapping of the path of each value to the value."""
    if prepend is not None and not isinstance(prepend, str):
        raise TemplateError(f"to_paths: 'prepend' must be text, not {kind_of(prepend)}")
    found = dict(_leaves(finalize(data), prepend or ""))
    return [found] if wantlist else found


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, path + _key(key, bool(path)))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _key(key: Any, inner: bool) -> str:
    if isinstance(key, str) and (not inner or _NAME.fullmatch(key)):
        return f".{key}" if inner else key
    if isinstance(key, str):
        return f'["{key}"]' if "'" in key else f"['{key}']"
    return f"[{key}]"


@pass_environment
def index_of(
    environment: Any,
    data: Any,
    test: str,
    value: Any = None,
    key: Any = None,
    fail_on_missing: bool = False,
    wantlist: bool = False,
) -> Any:
    """Where in a list the elements are that pass a test: one number, or a list of them.

    Args:
        test: the name of a test, as in ``eq``; with ``not `` or ``!`` before it, those that do not pass.
        value: what the test compares with.
        key: the key of the elements that is tested.
    """
    if not isinstance(data, list | tuple | str):
        raise TemplateError(f"index_of: needs a list, not {kind_of(data)}")
    word = plain_text(test).strip()
    negated = word.startswith(("!", "not "))
    word = re.sub(r"^(?:!|not\s)\s*", "", word)
    name = {"in": "in", "==": "eq"}.get(word, word)
    if name not in environment.tests:
        raise TemplateError(f"index_of: unknown test '{word}'", hint=did_you_mean(word, environment.tests))
    arguments = [] if value is None and name not in ("eq", "ne") else [value]
    found = []
    for index, item in enumerate(data):
        tested = item
        for part in key.split(".") if isinstance(key, str) else [key] if key is not None else []:
            tested = environment.getitem(tested, part)
        if isinstance(tested, Undefined):
            if fail_on_missing:
                raise TemplateError(f"index_of: element {index} has no '{key}'")
            continue
        if bool(environment.call_test(name, tested, arguments)) is not negated:
            found.append(index)
    return found[0] if len(found) == 1 and not wantlist else found


def fact_diff(before: Any, after: Any, plugin: Any = None, common: bool = False) -> str:
    """How data changed, as a unified diff of its lines in JSON."""
    old, new = _lines(before), _lines(after)
    context = max(len(old), len(new)) if common else 3
    return "\n".join(difflib.unified_diff(old, new, "before", "after", lineterm="", n=context))


def _lines(value: Any) -> list[str]:
    plain = finalize(value)
    text = plain if isinstance(plain, str) else json.dumps(plain, indent=4, sort_keys=True, default=str)
    return text.splitlines()


def consolidate(
    data_sources: Any,
    fail_missing_match_key: bool = False,
    fail_missing_match_value: bool = False,
    fail_duplicate: bool = False,
) -> dict[Any, Any]:
    """Lists of mappings side by side: for each value under their key, what each source has.

    Args:
        data_sources: ``[{data: [{…}], match_key: KEY, name: NAME}]``.
        fail_missing_match_key: an element without the key is an error.
        fail_missing_match_value: a value that a source does not have is an error.
        fail_duplicate: a value that a source has twice is an error.
    """
    by_source: dict[str, dict[Any, Any]] = {}
    for source in data_sources:
        if not isinstance(source, Mapping) or not {"data", "match_key", "name"} <= set(source):
            raise TemplateError("consolidate: each source needs 'data', 'match_key' and 'name'")
        name, key = plain_text(source["name"]), source["match_key"]
        found = by_source.setdefault(name, {})
        for item in source["data"]:
            if not isinstance(item, Mapping) or key not in item:
                if fail_missing_match_key:
                    raise TemplateError(f"consolidate: an element of '{name}' has no '{key}'")
                continue
            if item[key] in found and fail_duplicate:
                raise TemplateError(f"consolidate: '{name}' has '{item[key]}' twice under '{key}'")
            found[item[key]] = item
    values = dict.fromkeys(value for found in by_source.values() for value in found)
    for name, found in by_source.items():
        lacking = [value for value in values if value not in found]
        if lacking and fail_missing_match_value:
            raise TemplateError(f"consolidate: '{name}' has no {', '.join(map(repr, lacking))}")
    return {value: {name: found.get(value, {}) for name, found in by_source.items()} for value in values}


def validate(data: Any, criteria: Any, engine: str = "ansible.utils.jsonschema", **options: Any) -> list[Any]:
    """What is wrong with data by a JSON Schema, one mapping a fault; nothing where it is well.

    Raises:
        TemplateError: the library jsonschema is not installed.
    """
    if engine.rpartition(".")[2] != "jsonschema":
        raise TemplateError(f"validate: the engine '{engine}' is not supported", hint="use 'ansible.utils.jsonschema'")
    try:
        import jsonschema
    except ImportError:
        raise TemplateError("validate: needs the library jsonschema", hint="pip install 'stella-ops[data]'") from None
    found: list[Any] = []
    for schema in criteria if isinstance(criteria, list | tuple) else [criteria]:
        rules = json.loads(schema) if isinstance(schema, str) else finalize(schema)
        checker = jsonschema.validators.validator_for(rules)(rules)
        for fault in sorted(checker.iter_errors(_document(data)), key=lambda each: str(each.json_path)):
            found.append(
                {
                    "message": fault.message,
                    "data_path": ".".join(map(str, fault.absolute_path)),
                    "json_path": fault.json_path,
                    "schema_path": ".".join(map(str, fault.absolute_schema_path)),
                    "relative_schema": json.dumps(fault.schema),
                    "expected": fault.validator_value,
                    "validator": fault.validator,
                    "found": fault.instance,
                }
            )
    return found


def _document(data: Any) -> Any:
    if not isinstance(data, str):
        return finalize(data)
    try:
        return json.loads(data)
    except ValueError as problem:
        raise TemplateError(f"validate: the data is not valid JSON: {problem}") from None


UTILS: dict[str, Callable[..., Any]] = {
    "get_path": get_path,
    "to_paths": to_paths,
    "index_of": index_of,
    "fact_diff": fact_diff,
    "consolidate": consolidate,
    "validate": validate,
}
