"""A log of what runs print (``log_path``): every line with its time, process and user, as ansible-core writes it."""

from __future__ import annotations

import getpass
import os
from datetime import datetime
from pathlib import Path

from stella_ops.errors import UsageError


class LogSink:
    """Takes finished lines and appends them to a file, which is made with mode 0600 when it is not there.

    Args:
        path: is only ever appended to.

    Raises:
        UsageError: it cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise UsageError(
                f"cannot write to the log file {path}: {problem.strerror}",
                hint="log_path in ansible.cfg, or ANSIBLE_LOG_PATH, names it",
            ) from None
        self._file = os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = str(os.getuid())
        self._who = f"p={os.getpid()} u={user} n=stella-ops"

    def line(self, text: str, style: str | None = None) -> None:
        """Append what is shown; empty lines set blocks apart on a screen and are left out."""
        if text.strip():
            self._write("INFO", text)

    def warn(self, text: str) -> None:
        """Append a warning or an error."""
        self._write("ERROR" if text.startswith(("ERROR", "[ERROR]", "fatal:")) else "WARNING", text)

    def flush(self) -> None:
        """Hand on what was written. A disk that is full ends no run."""
        try:
            self._file.flush()
        except OSError:
            pass

    def _write(self, level: str, text: str) -> None:
        now = datetime.now()
        time = f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03}"
        try:
            self._file.write(f"{time} {self._who} {level}| {text}\n")
        except OSError:
            pass
