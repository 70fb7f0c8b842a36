"""How long a playbook took, as a line at the end: what the callback ``timer`` of ansible.posix prints."""

from __future__ import annotations

from typing import TextIO

from stella_ops.console.text import banner
from stella_ops.engine.events import Event, RunFinished


class DurationLine:
    """Prints the line when the run has ended; it stands behind another reporter."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def handle(self, event: Event) -> None:
        """Print it."""
        if isinstance(event, RunFinished):
            minutes, seconds = divmod(int(event.duration), 60)
            hours, minutes = divmod(minutes, 60)
            days, hours = divmod(hours, 24)
            self._stream.write(f"\n{banner('PLAYBOOK RECAP')}\n")
            self._stream.write(f"Playbook run took {days} days, {hours} hours, {minutes} minutes, {seconds} seconds\n")
            self._stream.flush()

    def close(self) -> None:
        """Nothing is held back."""


class Silent:
    """Prints nothing: the callback ``null``."""

    def handle(self, event: Event) -> None:
        """Pass over an event."""

    def close(self) -> None:
        """Nothing is held back."""
