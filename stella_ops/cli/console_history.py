"""The lines that a person has typed into ``stella-ops console``, at hand in the next session.

They may hold what is nobody else's business: the file is its owner's alone, and a line that begins with a blank is
not kept.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_MOST = 1000


@contextlib.contextmanager
def at_hand(file: Path) -> Iterator[None]:
    """Have lines of earlier sessions at hand, and keep those of this one; not where no person types."""
    if not sys.stdin.isatty():
        yield
        return
    import readline

    readline.parse_and_bind("tab: complete")
    with contextlib.suppress(OSError):
        readline.read_history_file(file)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
            file.chmod(0o600)
            readline.set_history_length(_MOST)
            readline.write_history_file(file)


def forget_last() -> None:
    """The line that was typed last is not kept."""
    if sys.stdin.isatty():
        import readline

        if readline.get_current_history_length():
            readline.remove_history_item(readline.get_current_history_length() - 1)
