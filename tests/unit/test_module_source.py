import ast
import functools
from pathlib import Path

import pytest

from stella_ops import content, module_source
from stella_ops.module_source import NotLiteral, constants, imports, is_own

HERE = Path(content.__file__).parent
OWN = [
    path
    for folder in (content.builtin_folder("modules"), HERE / "actions", HERE / "remote" / "lib")
    for path in sorted(folder.rglob("*.py"))
]


def whole_constants(text):
    found = {}
    for node in ast.parse(text).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id in module_source.CONSTANTS:
            found[target.id] = eval(compile(ast.Expression(node.value), "constant", "eval"), library())
    return found


@functools.cache
def library():
    """What modules take in, by its name, from the imported library itself."""
    from stella_ops.remote.lib import dnf_arguments, files, web

    return {name: value for home in (files, web, dnf_arguments) for name, value in vars(home).items() if name.isupper()}


def test_there_are_sources_to_compare():
    assert len(OWN) > 50
    assert any("ARGUMENTS" in constants(path) for path in OWN)


@pytest.mark.parametrize("path", OWN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_is_cut_out_of_our_own_sources_is_what_the_whole_tree_says(path):
    source = path.read_bytes()
    assert is_own(path)
    assert constants(path) == whole_constants(source.decode())
    ours = {found for found in imports(source, own=False) if found.module.startswith("stella_ops.")}
    assert set(imports(source, own=True)) == ours
    assert module_source._cut_out(module_source._CONSTANT, source.decode()) is not None
    assert module_source._cut_out(module_source._IMPORT, source.decode()) is not None


@pytest.fixture
def module(tmp_path):
    def write(text):
        path = tmp_path / "mine.py"
        path.write_text(text)
        return path

    return write


def test_a_users_module_is_read_as_a_whole(module):
    path = module(
        '"""\nARGUMENTS = 1\n"""\nimport stella_ops.remote.lib.files\nif 1:\n    FREE_FORM = "x"\nARGUMENTS = {}\n'
    )
    assert not is_own(path)
    assert constants(path) == {"ARGUMENTS": {}}
    assert list(imports(path.read_bytes(), own=False)) == [("stella_ops.remote.lib.files", (), False)]


def test_a_module_that_changed_is_read_again(module):
    assert constants(module("FREE_FORM = 'a'\n")) == {"FREE_FORM": "a"}
    assert constants(module("FREE_FORM = 'other'\n")) == {"FREE_FORM": "other"}


def test_the_first_of_two_constants_counts(module):
    assert constants(module("A = FREE_FORM = 'a'\nFREE_FORM: str = 'b'\nARGUMENTS: dict\n")) == {"FREE_FORM": "a"}


def test_a_constant_that_is_computed_is_refused_with_its_line(module):
    with pytest.raises(NotLiteral, match="SUPPORTS_CHECK must be written as a literal") as caught:
        constants(module("FREE_FORM = None\nSUPPORTS_CHECK = not True\n"))
    assert caught.value.line == 2


def test_a_constant_takes_in_what_the_library_has(module):
    taken = "from stella_ops.remote.lib.files import FILE_ATTRIBUTES\n"
    found = constants(module(taken + "ARGUMENTS = {'path': {}, **FILE_ATTRIBUTES, 'mode': {'type': 'int'}}\n"))
    assert list(found["ARGUMENTS"])[:3] == ["path", "mode", "owner"]
    assert found["ARGUMENTS"]["mode"] == {"type": "int"}


@pytest.mark.parametrize(
    "text",
    [
        "OTHER = {}\nARGUMENTS = {**OTHER}\n",
        "from os.path import OTHER\nARGUMENTS = {**OTHER}\n",
        "from stella_ops.remote.lib.files import wanted\nARGUMENTS = {**wanted}\n",
        "from stella_ops.remote.lib.files import FILE_ATTRIBUTES\nARGUMENTS = {**FILE_ATTRIBUTES.copy()}\n",
    ],
)
def test_a_constant_takes_in_nothing_else(module, text):
    with pytest.raises(NotLiteral) as caught:
        constants(module(text))
    assert caught.value.line == 2


def test_our_own_source_that_cannot_be_cut_is_parsed_as_a_whole():
    source = b"from stella_ops.remote.lib import (  # a note)\n    files,\n)\n"
    assert list(imports(source, own=True)) == [("stella_ops.remote.lib", ("files",), False)]


@pytest.mark.parametrize("own", [True, False])
def test_an_import_in_a_function_is_told_from_one_at_the_top(own):
    source = b"from stella_ops.remote.lib import files\ndef run(task):\n    from stella_ops.remote.lib import process\n"
    assert list(imports(source, own=own)) == [
        ("stella_ops.remote.lib", ("files",), False),
        ("stella_ops.remote.lib", ("process",), True),
    ]
