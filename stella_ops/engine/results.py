"""The shape of results, as ansible-core gives them to playbooks and to people."""

from __future__ import annotations

from typing import Any

from stella_ops.booleans import says_yes

CENSORED = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
# What a failure says of its traceback where none is shown.
NO_TRACEBACK = "(traceback unavailable)"
SKIPPED: dict[str, Any] = {"changed": False, "skipped": True}


def is_true(value: Any) -> bool:
    """A keyword's value as a truth: YAML's and Ansible's words for yes count."""
    if isinstance(value, str):
        return says_yes(value)
    return bool(value)


def finish_result(result: dict[str, Any]) -> dict[str, Any]:
    """Fill in what every result has."""
    result.setdefault("changed", False)
    result.setdefault("failed", False)
    return result
