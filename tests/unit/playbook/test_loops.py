"""The older loops are translated; what they mean is what rendering them gives."""

from __future__ import annotations

from typing import Any

import pytest

from stella_ops.playbook.parser import parse_tasks
from stella_ops.source_files import load_yaml
from stella_ops.templating.templar import Templar

VARIABLES = {
    "names": ["a", "b"],
    "deep": [["a", ["b"]], "c"],
    "users": [{"name": "x", "keys": [1, 2]}, {"name": "y", "keys": [3]}],
    "pair": {"k": 1, "l": 2},
    "one": "single",
}


@pytest.mark.parametrize(
    ("written", "items"),
    [
        ("with_items: '{{ names }}'", ["a", "b"]),
        ("with_items: ['{{ names }}', c]", ["a", "b", "c"]),
        ("with_items: '{{ deep }}'", ["a", ["b"], "c"]),
        ("with_items: [[a, b], c]", ["a", "b", "c"]),
        ("with_items: '{{ one }}'", ["single"]),
        ("with_list: '{{ deep }}'", [["a", ["b"]], "c"]),
        ("with_flattened: ['{{ deep }}', d]", ["a", "b", "c", "d"]),
        ("with_dict: '{{ pair }}'", [{"key": "k", "value": 1}, {"key": "l", "value": 2}]),
        ("with_dict: {k: 1}", [{"key": "k", "value": 1}]),
        ("with_indexed_items: '{{ names }}'", [[0, "a"], [1, "b"]]),
        ("with_nested: [['{{ one }}'], [1, 2]]", [["single", 1], ["single", 2]]),
        ("with_together: ['{{ names }}', [1]]", [["a", 1], ["b", None]]),
        ("with_sequence: start=1 end=5 stride=2 format=h%02d", ["h01", "h03", "h05"]),
        ("with_sequence: count=3", ["1", "2", "3"]),
        ("with_sequence: 2-4:n%d", ["n2", "n3", "n4"]),
        ("with_ansible.builtin.items: [x]", ["x"]),
    ],
)
def test_older_loops(modules, written: str, items: list[Any]) -> None:
    [task] = parse_tasks(load_yaml(f"- ping:\n  {written}", "t.yml"), modules=modules)
    variables: dict[str, Any] = dict(VARIABLES)
    for level in task.inherited.vars:
        variables.update(level)
    assert Templar().render(task.loop, variables) == items


def test_subelements(modules) -> None:
    raw = load_yaml("- ping:\n  with_subelements: ['{{ users }}', keys]", "t.yml")
    [task] = parse_tasks(raw, modules=modules)
    variables = {**VARIABLES, **task.inherited.vars[-1]}
    found = Templar().render(task.loop, variables)
    assert [(user["name"], key) for user, key in found] == [("x", 1), ("x", 2), ("y", 3)]
