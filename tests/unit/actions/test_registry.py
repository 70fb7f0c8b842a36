from __future__ import annotations

import pytest

from stella_ops import content
from stella_ops.actions.registry import action, action_arguments, action_file, action_names
from stella_ops.module_source import constants


def test_every_action_can_be_run_and_read_without_being_imported() -> None:
    assert {"debug", "assert", "set_fact", "copy", "template", "raw", "pause", "fail"} <= action_names()
    for name in action_names():
        found = action(name)
        assert found is not None and callable(found.run)
        assert constants(action_file(name)).get("ARGUMENTS") == getattr(found, "ARGUMENTS", None)


@pytest.mark.parametrize("name", ["uri", "unarchive", "assemble"])
def test_an_action_without_arguments_takes_what_its_module_takes(name: str) -> None:
    taken = action_arguments(name)
    module = constants(content.builtin_folder("modules") / f"{name}.py")["ARGUMENTS"]
    assert taken == {key: each for key, each in module.items() if not key.startswith("_")}
    assert taken and "dest" in taken


def test_an_action_with_arguments_takes_those() -> None:
    assert "flat" in (action_arguments("fetch") or {})


@pytest.mark.parametrize("name", ["base", "arguments", "registry", "_agent", "_encrypted", "ping", "no such"])
def test_what_is_no_action(name: str) -> None:
    assert action(name) is None
