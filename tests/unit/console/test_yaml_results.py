"""Results as YAML, with what a playbook's output cannot show of commands."""

from __future__ import annotations

import yaml

from stella_ops.console.yaml_results import dump_yaml


def test_lines_that_say_the_same_are_left_out() -> None:
    shown = dump_yaml({"stdout": "a\nb", "stdout_lines": ["a", "b"], "stderr": "", "stderr_lines": []}, "command", 0)
    assert shown.startswith("\n    stderr: ''\n    stderr_lines: <omitted>\n    stdout: |-\n")
    assert yaml.safe_load(shown) == {
        "stderr": "",
        "stderr_lines": "<omitted>",
        "stdout": "a\nb",
        "stdout_lines": "<omitted>",
    }


def test_any_value_is_shown() -> None:
    again: list[object] = []
    again.append(again)
    shown = dump_yaml({"n": float("nan"), "b": b"\xff", "s": {1}, "a": again[:0], "t": "\x1b[31mred\nx"}, "command", 0)
    assert "\x1b" not in shown
    assert yaml.safe_load(shown)["n"] is None


def test_what_is_told_elsewhere_is_not_there() -> None:
    assert dump_yaml({"failed": True, "warnings": ["w"], "msg": "m", "_ansible_x": 1}, "command", 0) == "\n    msg: m"
