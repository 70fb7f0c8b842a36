"""Finds a secret wherever a run may have left it: output, files, the journal, processes while they live.

A secret is looked for by its whole text and by its core (a long run of letters and digits within it), each also
in base64 at any offset, in hex, percent-encoded and JSON-escaped, so that a half-masked secret is found too.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

_LARGEST_FILE = 256 * 1024 * 1024
_CORE = re.compile(r"[A-Za-z0-9]{16,}")


def forms(secret: str) -> set[bytes]:
    """Every text that gives a secret away, as bytes."""
    found: set[bytes] = set()
    for text in {secret, *_CORE.findall(secret)}:
        raw = text.encode()
        found |= {raw, raw.hex().encode(), raw.hex().upper().encode()}
        quoted = json.dumps(text)[1:-1]
        disguises = [quoted, quoted.replace("/", "\\/"), json.dumps(quoted)[1:-1], repr(text)[1:-1]]
        disguises += [quote(text, safe=""), quote(text), quote_plus(text), shlex.quote(text)]
        found |= {disguise.encode() for disguise in disguises}
        found |= {re.sub("%[0-9A-F]{2}", lambda m: m.group().lower(), d).encode() for d in disguises if "%" in d}
        for offset in range(3):
            coded = base64.b64encode(b"\0" * offset + raw).decode()
            # The first and last characters are shared with the neighbours.
            middle = coded[(0, 2, 3)[offset] : (None, -3, -2)[(offset + len(raw)) % 3]]
            found |= {middle.encode(), middle.replace("+", "-").replace("/", "_").encode()}
    return found


@dataclass(frozen=True)
class Leak:
    """One place where a secret was found; ``secret`` is its name, never its text."""

    secret: str
    place: str


@dataclass
class Detector:
    """Knows secrets by name, and looks for them.

    ``excluded`` are files and folders that the test itself keeps the secrets in.
    """

    excluded: list[Path] = field(default_factory=list)
    _forms: dict[str, set[bytes]] = field(default_factory=dict)

    def add(self, name: str, secret: str) -> None:
        """Take a secret."""
        self._forms[name] = forms(secret)

    @property
    def names(self) -> list[str]:
        """What is looked for."""
        return list(self._forms)

    def in_bytes(self, data: bytes, place: str) -> list[Leak]:
        """The secrets within some bytes."""
        # One plain search a form is many times faster than a pattern of them all.
        return [Leak(name, place) for name, known in self._forms.items() if any(form in data for form in known)]

    def in_files(self, folders: Iterable[Path], *, changed_since: float | None = None) -> list[Leak]:
        """The secrets within names and bytes of all files below some folders.

        Args:
            changed_since: seconds since the epoch; files that were last touched before are passed over.
        """
        leaks: list[Leak] = []
        for path in _files(folders, self.excluded):
            try:
                about = path.lstat()
                if changed_since is not None and max(about.st_mtime, about.st_ctime) < changed_since:
                    continue
                leaks += self.in_bytes(os.fsencode(path), f"name of {path}")
                if path.is_symlink():
                    leaks += self.in_bytes(os.fsencode(os.readlink(path)), f"link {path}")
                elif path.is_file() and about.st_size <= _LARGEST_FILE:
                    leaks += self.in_bytes(path.read_bytes(), str(path))
            except OSError:
                continue  # gone meanwhile
        return leaks

    def in_journal(self, since: float) -> list[Leak]:
        """The secrets within the system's journal, where there is one."""
        if shutil.which("journalctl") is None:
            return []
        said = subprocess.run(
            ["journalctl", "--no-pager", "--all", "--output=json", f"--since=@{int(since)}"],
            capture_output=True,
            check=False,
        )
        return self.in_bytes(said.stdout, "the journal")


def _files(folders: Iterable[Path], excluded: Iterable[Path]) -> Iterator[Path]:
    left_out = {os.path.realpath(path) for path in excluded}
    for folder in folders:
        for root, directories, names in os.walk(os.path.realpath(folder)):
            directories[:] = [name for name in directories if os.path.join(root, name) not in left_out]
            for name in (*names, *directories):
                path = os.path.join(root, name)
                if path not in left_out:
                    yield Path(path)


def _read(path: str) -> bytes:
    """A small file of /proc; nothing of one that is gone or closed to us."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        found = b""
        while more := os.read(file, 1 << 20):
            found += more
        return found
    except OSError:
        return b""
    finally:
        os.close(file)


class ProcessWatch:
    """Reads command line and environment of every process on this machine, over and over, in a thread.

    Nothing is looked for while it samples: all that was seen is kept once, and searched by ``leaks``. It goes round
    some 75 times a second, so what costs is spared: an environment is read when its process is new or has become
    another program, and once in a while.
    """

    _EACH = 20  # rounds

    def __init__(self) -> None:
        self._seen: dict[tuple[str, bytes], str] = {}
        self._programs: dict[str, bytes] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="process-watch", daemon=True)
        self.rounds = 0

    def __enter__(self) -> ProcessWatch:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.is_set():
            before = {} if self.rounds % self._EACH == 0 else self._programs
            self._programs = {}
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    self._look(entry, before.get(entry))
            self.rounds += 1
            time.sleep(0.01)

    def _look(self, pid: str, before: bytes | None) -> None:
        program = _read(f"/proc/{pid}/cmdline")
        if not program:
            return  # a part of the kernel, or ended
        if program != before:
            environment = _read(f"/proc/{pid}/environ")
            self._seen.setdefault(("cmdline", program), pid)
            if not environment:
                return  # just beginning, perhaps: it is looked at again
            self._seen.setdefault(("environ", environment), pid)
        self._programs[pid] = program

    def leaks(self, detector: Detector) -> list[Leak]:
        """What of the secrets has been seen so far."""
        seen = list(self._seen.items())
        return [leak for (what, data), pid in seen for leak in detector.in_bytes(data, f"{what} of process {pid}")]

    def saw(self, text: bytes) -> bool:
        """Whether some text was in a command line: proof that the watch was quick enough to see a process."""
        return any(what == "cmdline" and text in data for what, data in list(self._seen))
