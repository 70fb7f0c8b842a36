"""How code is taken in: as bytecode where it fits, else as source."""

import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stella_ops.remote.runner import loader
from stella_ops.transport import frames, launch
from stella_ops.transport.bytecode import MAGIC_NUMBER, compiled, pack

ANSWERS = "ARGUMENTS = {{}}\ndef run(task):\n    return {{'from': {0!r}}}\n"


def packed(key: str, source: bytes, bytecode: bytes, magic: bytes = MAGIC_NUMBER) -> bytes:
    head = key.encode() + b"\n" + magic + len(bytecode).to_bytes(4, "big")
    return head + bytecode + zlib.compress(source)


def two_faced(magic: bytes = MAGIC_NUMBER) -> bytes:
    """A module that tells which half of it was run."""
    source, other = (ANSWERS.format(half).encode() for half in ("source", "bytecode"))
    return packed("both@1", source, compiled(other, "x"), magic)


def is_our_own(interpreter: Path) -> bool:
    ask = "import importlib.util as u, sys; sys.stdout.write(u.MAGIC_NUMBER.hex())"
    said = subprocess.run([interpreter, "-c", ask], capture_output=True, text=True, check=True).stdout
    return said == MAGIC_NUMBER.hex()


def test_bytecode_is_for_our_own_version(runner: Any, interpreter: Path) -> None:
    runner.write(frames.encode(frames.CODE, 0, two_faced()))
    half = "bytecode" if is_our_own(interpreter) else "source"
    for keep in (True, False):
        answer = runner.call(ANSWERS.format("neither"), module="both@1", keep=keep)
        assert answer["from"] == half


def test_an_unknown_magic_number_means_source(kept: Any) -> None:
    kept.write(frames.encode(frames.CODE, 0, two_faced(b"\0\0\r\n")))
    assert kept.call(ANSWERS.format("neither"), module="both@1")["from"] == "source"


def test_a_first_task_imports_nothing_of_the_library_in_python(kept: Any, ends: Path) -> None:
    """Each such import costs every host of every run; what is needed of them is in C, or comes when it is needed."""
    asks = (
        "import sys\nARGUMENTS = {'text': {'type': 'str'}}\ndef run(task):\n    return {'modules': list(sys.modules)}\n"
    )
    names = set(kept.call(asks, {"text": "a"}, keep=True)["modules"])
    own = "import sys, os, zlib, marshal; print(*sys.modules)"
    start = subprocess.run([ends, "-I", "-S", "-c", own], capture_output=True, text=True, check=True).stdout.split()
    find = "import sys, importlib.util as u\n"
    find += "print(*(name for name in sys.argv[1:] if (u.find_spec(name).origin or '').endswith('.py')))"
    asked = [name for name in names - set(start) if not name.startswith("stella_ops") and name != "__main__"]
    slow = subprocess.run([ends, "-I", "-c", find, *asked], capture_output=True, text=True, check=True).stdout
    assert slow.split() == []


def test_what_arrives_late_reaches_a_kept_child(kept: Any) -> None:
    child = "import os\nARGUMENTS = {}\ndef run(task):\n    return {'pid': os.getpid()}\n"
    first = kept.call(child, keep=True)["pid"]
    later = "import os\nfrom stella_ops.remote.lib import modes\nARGUMENTS = {}\ndef run(task):\n"
    later += "    return {'pid': os.getpid(), 'from': modes.__spec__.origin, 'doc': bool(modes.__doc__)}\n"
    answer = kept.call(later, keep=True)
    assert (answer["pid"], answer["from"], answer["doc"]) == (first, "stella:stella_ops.remote.lib.modes", True)


def test_tracebacks_name_the_file_and_show_the_line(runner: Any) -> None:
    source = "from stella_ops.remote.lib import pidfile\nARGUMENTS = {}\ndef run(task):\n    pidfile.no_such_thing()\n"
    for keep in (True, False):
        told = runner.call(source, keep=keep)["exception"]
        assert 'File "stella:modules/m' in told
    source = "from stella_ops.remote.lib import process\nARGUMENTS = {}\ndef run(task):\n    process.find(None)\n"
    told = runner.call(source, keep=True)["exception"]
    assert 'File "stella:stella_ops.remote.lib.process"' in told
    assert "path = os.path.join(folder, name)" in told


def said(interpreter: Path, program: launch.Program, code: str | None = None) -> bytes:
    """What a runner says that was started from a program; its input ends behind it."""
    code = code or launch.boot_code(program).replace('\\"', '"')
    done = subprocess.run(
        [interpreter, "-I", "-S", "-c", code], input=program.whole, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 88, done.stderr.decode()
    return done.stdout


def test_the_loader_starts_under_any_version(interpreter: Path) -> None:
    """It and what it loads are read as bytecode or as source, and told apart by the magic number alone."""
    program = launch.runner_program()
    if is_our_own(interpreter):
        program = replace(program, source=zlib.compress(b"raise SystemExit('source')"))
    else:
        program = replace(program, bytecode=b"not for you")
    assert said(interpreter, program).startswith(frames.MAGIC)


def test_a_loader_of_another_version_is_taken_from_source() -> None:
    program = replace(launch.runner_program(), bytecode=b"broken")
    code = launch.boot_code(program).replace('\\"', '"')
    assert MAGIC_NUMBER.hex() in code
    broken = code.replace(MAGIC_NUMBER.hex(), "00000000")
    assert said(Path(sys.executable), program, broken).startswith(frames.MAGIC)


def test_the_runners_own_files_fall_back_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file by itself: the loader fits, and one that it loads does not."""
    sources = {
        "loader.py": Path(loader.__file__).read_bytes(),
        "program.py": b"def main(finder):\n    import os\n    os.write(1, b'from source')\n    os._exit(88)\n",
    }
    program = launch.pack_program(sources)
    key = "stella_ops.remote.runner.program"
    unit = packed(key, sources["program.py"], b"broken", b"\0\0\r\n")
    program = replace(program, units=(unit,))
    assert said(Path(sys.executable), program) == b"from source"


@pytest.mark.parametrize(
    ("key", "origin"),
    [
        ("ping@0123", "stella:modules/ping.py"),
        ("doctor/disk_space@01", "stella:modules/doctor/disk_space.py"),
        ("stella_ops.remote.lib.files", "stella:stella_ops.remote.lib.files"),
        ("stella_ops.remote.lib.facts.__init__", "stella:stella_ops.remote.lib.facts.__init__"),
    ],
)
def test_a_piece_of_code_is_read_as_it_was_packed(key: str, origin: str) -> None:
    source = "text = '\u00e4'\n# a comment\n".encode()
    code = loader.Code(pack(key, source, key.replace("stella:", "")))
    assert (code.name, code.origin, code.source()) == (key, origin, source.decode())
    names: dict[str, Any] = {}
    exec(code.load(), names)
    assert names["text"] == "\u00e4"
    assert code.load() is code.load()


def test_source_that_we_cannot_compile_travels_without_bytecode() -> None:
    code = loader.Code(pack("later@1", b"def (\n", "modules/later.py"))
    with pytest.raises(SyntaxError) as caught:
        code.load()
    assert caught.value.filename == "stella:modules/later.py"
