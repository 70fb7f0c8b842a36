"""Editors are shell scripts; what they see and leave is looked at from outside."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stella_ops.errors import VaultError
from stella_ops.vault.editing import _quiet, edit, memory_folders

pytestmark = pytest.mark.skipif(not memory_folders(), reason="this machine has no memory-backed folder")


@pytest.fixture
def editor(tmp_path: Path):
    def write(body: str) -> list[str]:
        path = tmp_path / "editor"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o700)
        return [str(path)]

    return write


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """Where editors note the file that they were given."""
    return tmp_path / "seen"


def test_what_the_editor_gets_and_leaves(editor, seen: Path) -> None:
    body = f'stat -c "%a %n" "$1" "$(dirname "$1")" > {seen}; stat -f -c %T "$1" >> {seen}; cat "$1"; echo two >> "$1"'
    assert edit(b"one\n", "vars.yml", editor(body)) == b"one\ntwo\n"
    file, folder, kind = seen.read_text().splitlines()
    assert file.startswith("600 ") and file.endswith("/vars.yml")
    assert folder.startswith("700 ")
    assert kind in ("tmpfs", "ramfs")
    assert not Path(folder.split()[1]).exists()


def test_an_editor_that_replaces_the_file(editor) -> None:
    assert edit(b"one\n", "v", editor('echo new > "$1.x"; mv "$1.x" "$1"')) == b"new\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [("exit 1", r"exit status 1"), ("kill -9 $$", "signal 9"), ('rm "$1"', "left no file behind")],
)
def test_an_editor_that_fails(editor, seen: Path, body: str, message: str) -> None:
    with pytest.raises(VaultError, match=message) as caught:
        edit(b"secret", "v", editor(f'echo "$1" > {seen}; cp "$1" "$1~"; {body}'))
    assert caught.value.hint == "nothing was changed"
    assert not Path(seen.read_text().strip()).parent.exists()


def test_an_editor_that_is_not_there() -> None:
    with pytest.raises(VaultError, match="cannot run the editor /none"):
        edit(b"", "v", ["/none"])


def test_nothing_but_memory(monkeypatch: pytest.MonkeyPatch, editor) -> None:
    monkeypatch.setattr("stella_ops.vault.editing._mounts", lambda: {"/": "ext4"})
    with pytest.raises(VaultError, match="no memory-backed folder"):
        edit(b"", "v", editor("true"))


# The program that edits; it and its editor are ended by signals.
PROGRAM = """
import sys
from stella_ops.vault.editing import edit
edit(b"secret", "v", [sys.argv[1]])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_when_this_program_is_killed(editor, tmp_path: Path, number: int) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # The editor says where its file is, and lives until the file is gone.
    body = f'echo "$1" > {fifo}; while [ -e "$1" ]; do sleep 0.05; done; timeout 30 sh -c "echo gone > {fifo}"'
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, *editor(body)], start_new_session=True)
    try:
        file = Path(fifo.read_text().strip())
        assert file.read_bytes() == b"secret"
        program.send_signal(number)
        assert program.wait(30) == -number
        if number == signal.SIGKILL:
            assert fifo.read_text() == "gone\n"
        assert not file.exists()
    finally:
        if program.poll() is None:
            program.kill()
            program.wait()


def test_nothing_is_left_when_everybody_is_killed(editor, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = [sys.executable, "-c", PROGRAM, *editor(f'echo "$1" > {fifo}; exec sleep 60')]
    program = subprocess.Popen(command, start_new_session=True)
    file = Path(fifo.read_text().strip())
    os.killpg(program.pid, signal.SIGKILL)
    assert program.wait(30) == -signal.SIGKILL
    # Nobody is left to tell of it: the file is looked for.
    deadline = time.monotonic() + 20
    while file.parent.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not file.parent.exists()


@pytest.mark.parametrize("name", ["vim", "nvim"])
def test_vim_writes_nowhere_else(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / name).chmod(0o700)
    (tmp_path / "vi").symlink_to(name)
    monkeypatch.setenv("PATH", str(tmp_path))
    for program in (name, "vi"):
        words = _quiet([program])
        assert words[:4] == [program, "-n", "-i", "NONE"]
        assert any("noundofile" in word and "noswapfile" in word for word in words)
    assert _quiet(["nano", "-w"]) == ["nano", "-w"]


@pytest.mark.skipif(shutil.which("vim") is None, reason="there is no vim on this machine")
def test_with_vim_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".vimrc").write_text(f"set undofile undodir={tmp_path} backup backupdir={tmp_path} dir={tmp_path}\n")
    made = edit(b"one\n", "v.yml", ["vim", "-es", "-c", "normal yyp", "-c", "wq"])
    assert made == b"one\none\n"
    assert os.listdir(tmp_path) == [".vimrc"]
