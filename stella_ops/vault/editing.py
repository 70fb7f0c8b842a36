"""Has a person edit a plaintext that is nowhere but in memory.

The editor gets a file in a folder of a memory-backed file system, mode 0600 in a folder of mode 0700. The folder is
erased afterwards, whatever ended the editor or this program: a small process that nothing but our own end can wake
removes it even after a SIGKILL. What an editor writes elsewhere is turned off for Vim, which has its swap and undo
files and registers in other places.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from stella_ops.errors import VaultError

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_REAPER = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)
# Not -n alone: a vimrc may turn all of this on again, and -c comes after it.
_VIM_QUIET = (
    *("-n", "-i", "NONE", "--cmd", "set noswapfile nobackup nowritebackup"),
    *("-c", "silent! set noswapfile nobackup nowritebackup noundofile viminfo= backupskip+=*"),
)
_NVIM_QUIET = tuple(part.replace("viminfo=", "shada=") for part in _VIM_QUIET)


def edit(plaintext: bytes, name: str, editor: Sequence[str]) -> bytes:
    """What a person makes of a plaintext.

    Args:
        name: the file's name, for the editor to tell its kind by.
        editor: a program and its arguments.

    Raises:
        VaultError: there is no memory-backed folder, the editor cannot be run, or it fails: then nothing counts.
    """
    with _folder() as folder:
        file = folder / name
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(plaintext)
        _run([*_quiet(editor), str(file)])
        try:
            return file.read_bytes()
        except OSError:
            raise VaultError("the editor left no file behind", hint="nothing was changed") from None


def memory_folders() -> list[Path]:
    """Folders of memory-backed file systems that this user may write to."""
    candidates = [os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{os.getuid()}", "/dev/shm"]  # noqa: S108
    found = [Path(one) for one in candidates if one and Path(one).is_dir() and os.access(one, os.W_OK | os.X_OK)]
    mounts = _mounts()
    return [folder for folder in found if _file_system(folder.resolve(), mounts) in _IN_MEMORY]


def _mounts() -> dict[str, str]:
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return {}
    fields = [line.split(" ") for line in lines]
    return {each[1]: each[2] for each in fields if len(each) > 2}


def _file_system(folder: Path, mounts: dict[str, str]) -> str | None:
    return next((mounts[str(place)] for place in (folder, *folder.parents) if str(place) in mounts), None)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    places = memory_folders()
    if not places:
        raise VaultError(
            "there is no memory-backed folder for the text to be edited in",
            hint="mount a tmpfs at /dev/shm, or set XDG_RUNTIME_DIR to a folder on one",
        )
    with _ended_by_signals():
        folder = Path(tempfile.mkdtemp(prefix="stella-vault-", dir=places[0]))  # made with mode 0700
        reaper = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-I", "-S", "-c", _REAPER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield folder
        finally:
            _erase(folder)
            assert reaper.stdin is not None
            reaper.stdin.close()
            reaper.wait()


def _erase(folder: Path) -> None:
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink():
                size = path.stat().st_size
                with path.open("r+b") as file:
                    file.write(bytes(size))
    shutil.rmtree(folder, ignore_errors=True)


class _Ended(BaseException):
    """A signal that ends programs has come."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let signals that end this program unwind it first."""

    def end(number: int, frame: Any) -> None:
        raise _Ended(number)

    before: dict[int, Callable[..., Any] | int | None] = {}
    with contextlib.suppress(ValueError):  # not the main thread: signals are somebody else's business there
        before = {number: signal.signal(number, end) for number in _ENDINGS}
    try:
        yield
    except _Ended as ended:
        signal.signal(ended.number, signal.SIG_DFL)
        os.kill(os.getpid(), ended.number)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(command: Sequence[str]) -> None:
    try:
        process = subprocess.Popen(command)  # noqa: S603 - the operator's own editor
    except OSError as problem:
        raise VaultError(
            f"cannot run the editor {command[0]}: {problem.strerror}", hint="name one in EDITOR: EDITOR=nano"
        ) from None
    try:
        status = _wait(process)
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
        if process.poll() is None:
            process.kill()
            process.wait()
        raise
    if status:
        ended = f"exit status {status}" if status > 0 else f"signal {-status}"
        raise VaultError(f"the editor failed ({ended})", hint="nothing was changed")


def _wait(process: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # Ctrl-C is the editor's: it runs on the same terminal


def _quiet(editor: Sequence[str]) -> list[str]:
    program = shutil.which(editor[0]) or editor[0]
    names = {Path(program).name, Path(os.path.realpath(program)).name}
    if "nvim" in names:
        return [*editor, *_NVIM_QUIET]
    if any(name in ("vim", "gvim", "mvim") or name.startswith("vim.") for name in names):
        return [*editor, *_VIM_QUIET]
    return list(editor)
