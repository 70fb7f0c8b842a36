from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.content import module_names
from stella_ops.errors import PlaybookError
from stella_ops.playbook.module_index import ModuleSpec, SourceModuleIndex


def test_a_source_states_its_arguments_without_being_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        'raise SystemExit("run")\nARGUMENTS = {"a": {"type": "str"}}\nFREE_FORM: str = "a"\n',
        encoding="utf-8",
    )
    spec = SourceModuleIndex([tmp_path]).spec("mine")
    assert spec == ModuleSpec("mine", {"a": {"type": "str"}}, "a")


def test_without_constants_anything_goes(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def run(task):\n    return {}\n", encoding="utf-8")
    assert SourceModuleIndex([tmp_path]).spec("mine") == ModuleSpec("mine", None, None)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def run(:\n", "is not valid Python"),
        ("A = 1\nARGUMENTS = dict(a=A)\n", "must be written as a literal"),
        ("ARGUMENTS = ['a']\n", "must be a dict"),
    ],
)
def test_a_source_that_cannot_be_read(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    with pytest.raises(PlaybookError, match=message) as caught:
        SourceModuleIndex([tmp_path]).spec("mine")
    assert caught.value.where is not None
    assert caught.value.where.startswith(str(tmp_path / "mine.py"))


def test_actions_and_own_folders_come_first(tmp_path: Path) -> None:
    (tmp_path / "ping.py").write_text("ARGUMENTS = {'own': {}}\n", encoding="utf-8")
    index = SourceModuleIndex([tmp_path], {"copy": ModuleSpec("copy", {"from_action": {}})})
    assert index.spec("ping") == ModuleSpec("ping", {"own": {}})
    assert index.spec("copy") == ModuleSpec("copy", {"from_action": {}})
    assert {"ping", "copy"} <= set(index.names())


@pytest.mark.parametrize("name", ["no_such_module", "../ping", "doctor/disk", "", "a.b"])
def test_no_such_module(name: str) -> None:
    assert SourceModuleIndex().spec(name) is None


def test_every_module_that_ships_can_be_read() -> None:
    index = SourceModuleIndex()
    assert module_names()
    for name in module_names():
        spec = index.spec(name)
        assert spec is not None
        assert spec.arguments is not None, f"{name} states no ARGUMENTS"
        assert spec.free_form is None or spec.free_form in spec.arguments, name
