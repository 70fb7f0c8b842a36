from pathlib import Path
from types import CodeType

import pytest

from stella_ops.errors import TaskError
from stella_ops.remote.runner.loader import Code
from stella_ops.transport.code import CodeLibrary

LIB = "stella_ops.remote.lib"


def library(folder: Path, source: str, name: str = "mine") -> CodeLibrary:
    (folder / f"{name}.py").write_text(source)
    return CodeLibrary((folder,))


def test_a_module_comes_with_the_library_it_needs_in_order(tmp_path: Path) -> None:
    module = library(tmp_path, f"from {LIB} import files\nimport json\n").module("mine")
    names = module.lib_names
    assert f"{LIB}.task" in names and f"{LIB}.files" in names
    assert names.index(f"{LIB}.arguments") < names.index(f"{LIB}.task")
    assert len(names) == len(set(names))


def test_imports_anywhere_in_the_code_count(tmp_path: Path) -> None:
    source = f"def run(task):\n    if task:\n        import {LIB}.modes as m\n        from {LIB}.atomic import write\n"
    module = library(tmp_path, source).module("mine")
    later = module.later_names
    assert f"{LIB}.modes" in later and f"{LIB}.atomic" in later and f"{LIB}.files" in later
    # They travel with the module, and wait to be imported.
    assert {unit.key for unit in module.libs} >= set(later)
    assert module.lib_names and not set(later) & set(module.lib_names)


def test_what_is_imported_at_once_in_one_place_is_imported_at_once(tmp_path: Path) -> None:
    source = f"from {LIB} import files\ndef run(task):\n    from {LIB} import inode\n    import {LIB}.files\n"
    module = library(tmp_path, source).module("mine")
    assert f"{LIB}.files" in module.lib_names
    assert f"{LIB}.inode" in {*module.lib_names, *module.later_names}


def test_a_package_of_the_library_travels_as_one(tmp_path: Path) -> None:
    module = library(tmp_path, f"from {LIB}.facts import collect\n").module("mine")
    keys = [unit.key for unit in module.libs]
    assert f"{LIB}.facts.__init__" in keys
    assert f"{LIB}.facts" in module.lib_names
    assert keys.index(f"{LIB}.facts.__init__") < keys.index(f"{LIB}.facts.collect")


def test_a_unit_is_named_for_its_content_and_packed(tmp_path: Path) -> None:
    first = library(tmp_path, "def run(task): return {}\n").module("mine").unit
    second = library(tmp_path, "def run(task): return {'a': 1}\n").module("mine").unit
    assert first.key.startswith("mine@") and first.key != second.key
    code = Code(second.packed)
    assert code.name == second.key
    assert code.source() == "def run(task): return {'a': 1}\n"
    assert isinstance(code.load(), CodeType)


def test_a_users_own_module_comes_before_a_built_in_one(tmp_path: Path) -> None:
    mine = library(tmp_path, "def run(task): return {'mine': True}\n", "ping").module("ping")
    assert mine.unit.key != CodeLibrary().module("ping").unit.key


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (f"from {LIB} import files, no_such\nimport {LIB}.no_such\n", "imports .*no_such.*does not exist"),
        ("def run(task) return\n", r"mine\.py:1: not valid Python"),
        ("x = '\0'\n", "not valid Python"),
    ],
)
def test_what_cannot_travel_is_an_error(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        library(tmp_path, source).module("mine")


def test_every_built_in_module_can_travel() -> None:
    from stella_ops import content

    names = content.module_names()
    assert "ping" in names
    for name in names:
        assert CodeLibrary().module(name).libs
