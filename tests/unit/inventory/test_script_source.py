import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stella_ops.errors import InventoryError
from stella_ops.inventory.loader import load_inventory
from stella_ops.inventory.model import Inventory
from stella_ops.inventory.script_source import read_script
from stella_ops.origins import SourceText

ANSWER = {
    "web": {"hosts": ["w1", "w2"], "vars": {"x": "{{ y }}"}, "children": ["eu"]},
    "eu": ["e1"],
    "_meta": {"hostvars": {"w1": {"ansible_host": "10.0.0.7", "list": ["a", {"b": "c"}]}, "ghost": {"z": 1}}},
}


@pytest.fixture
def program(write: Callable[..., Path]) -> Callable[..., Path]:
    """An executable Python program of the given text."""

    def _program(text: str, mode: int = 0o755, name: str = "inv/cloud") -> Path:
        path = write(name, f"#!{sys.executable}\n{text}\n")
        path.chmod(mode)
        return path

    return _program


def _group(web: object, **hostvars: object) -> str:
    return _printing({"web": web, "_meta": {"hostvars": hostvars}})


def _printing(document: object) -> str:
    return f"print({json.dumps(document)!r})"


def test_reads_what_it_prints(program: Callable[..., Path], write: Callable[..., Path]) -> None:
    path = program(f"import sys; assert sys.argv[1:] == ['--list']\n{_printing(ANSWER)}")
    write("inv/group_vars/web.yml", "g: 1\n")
    inventory = load_inventory([path])
    assert inventory.groups_to_hosts() == {
        "all": ["w1", "w2", "e1"],
        "ungrouped": [],
        "web": ["w1", "w2", "e1"],
        "eu": ["e1"],
    }
    assert inventory.variables("w1") == {
        "g": 1,
        "x": "{{ y }}",
        "ansible_host": "10.0.0.7",
        "list": ["a", {"b": "c"}],
    }
    value = inventory.variables("w2")["x"]
    assert isinstance(value, SourceText)
    assert str(value.origin) == f"{path} --list"
    assert "ghost" not in inventory.hosts


def test_in_a_folder_and_with_an_extension(program: Callable[..., Path], tmp_path: Path) -> None:
    program(_printing(ANSWER), name="inv/aws.py")
    assert "w1" in load_inventory([tmp_path / "inv"]).hosts


def test_an_executable_yaml_file_is_still_yaml(write: Callable[..., Path]) -> None:
    path = write("hosts.yml", "web: {hosts: {y1: }}")
    path.chmod(0o755)
    assert list(load_inventory([path]).hosts) == ["y1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import sys; sys.exit('no credentials')",
            "Inventory script returned non-zero exit code 1: the program failed (exit status 1): no credentials",
        ),
        ("import os; os.kill(os.getpid(), 9)", "the program failed (signal 9): no message"),
        ("print('hello')", "what the program prints is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("print('[]')", "the program must print a JSON object of groups"),
        (_printing({"_meta": []}), "the '_meta' that the program prints has no 'hostvars'"),
        (_group(3), "group 'web' must be an object"),
        (_group({"hosts": "w1"}), "'hosts' of group 'web' must be a list"),
        (_group({"vars": []}), "'vars' of group 'web' must be an object"),
        (_group([1]), "'hosts' of group 'web' holds 1, not a name"),
        (_group(["a b"]), "'a b' is not a host name"),
        (_group(["a"], a=1), "'_meta.hostvars.a' must be an object"),
        (_group({"children": ["web"]}), "group 'web' contains itself: web > web"),
    ],
)  # fmt: skip
def test_says_what_is_wrong(program: Callable[..., Path], text: str, message: str) -> None:
    path = program(text)
    with pytest.raises(InventoryError) as caught:
        load_inventory([path])
    assert caught.value.message == message
    assert caught.value.where == f"{path} --list"


def test_a_program_without_the_right_to_run(program: Callable[..., Path]) -> None:
    path = program(_printing(ANSWER), mode=0o644)
    with pytest.raises(InventoryError) as caught:
        load_inventory([path])
    assert caught.value.message == "the file is a program that may not be executed"
    assert caught.value.hint == f"chmod +x {path}"


def test_a_missing_interpreter(write: Callable[..., Path]) -> None:
    path = write("cloud", "#!/nonexistent/python\n")
    path.chmod(0o755)
    with pytest.raises(InventoryError) as caught:
        load_inventory([path])
    assert caught.value.message == "cannot run the program: No such file or directory"
    assert caught.value.hint is not None
    assert "interpreter" in caught.value.hint


def test_a_program_that_hangs_is_ended(program: Callable[..., Path]) -> None:
    path = program("import time; time.sleep(60)")
    start = time.monotonic()
    with pytest.raises(InventoryError, match=r"did not end within 0\.3 s"):
        read_script(path, Inventory(), timeout=0.3)
    assert time.monotonic() - start < 20


def test_nothing_comes_from_standard_input(program: Callable[..., Path]) -> None:
    path = program(f"import sys; assert sys.stdin.read() == ''\n{_printing(ANSWER)}")
    assert "w1" in load_inventory([path]).hosts


def test_without_meta_each_host_is_asked_for(program: Callable[..., Path]) -> None:
    path = program(
        "import json, sys\n"
        "if sys.argv[1] == '--list': print(json.dumps({'web': {'hosts': ['w1', 'w2']}, 'old': {'x': 1}}))\n"
        "elif sys.argv[2] == 'w1': print(json.dumps({'one': 1}))\n"
    )
    inventory = load_inventory([path])
    assert inventory.variables("w1") == {"one": 1}
    assert inventory.variables("w2") == {}
    assert inventory.variables("old") == {"x": 1}
    assert list(inventory.members("old")) == ["old"]
