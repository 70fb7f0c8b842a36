from __future__ import annotations

import pytest

from stella_ops.actions.registry import action, action_file, action_names
from stella_ops.module_source import constants


def test_every_action_can_be_run_and_read_without_being_imported() -> None:
    assert {"debug", "assert", "set_fact", "copy", "template", "raw", "pause", "fail"} <= action_names()
    for name in action_names():
        found = action(name)
        assert found is not None and callable(found.run)
        assert constants(action_file(name)).get("ARGUMENTS") == found.ARGUMENTS


@pytest.mark.parametrize("name", ["base", "arguments", "registry", "_agent", "_encrypted", "ping", "no such"])
def test_what_is_no_action(name: str) -> None:
    assert action(name) is None
