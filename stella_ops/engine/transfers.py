"""Tells how far long transfers are."""

from __future__ import annotations

import time
from collections.abc import Callable

from stella_ops.engine.events import TransferProgress

# What is over before that is not worth a word; afterwards one is said this often.
SILENT_SECONDS = 2.0
EVERY_SECONDS = 1.0


class Transfers:
    """The transfers of one task on one host.

    Args:
        emit: takes the events, and knows the number of the task.
        name: makes a file's name fit to be shown.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        emit: Callable[[TransferProgress], None],
        host: str,
        name: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emit = emit
        self._host = host
        self._name = name
        self._clock = clock

    def __call__(self, name: str) -> Callable[[int, int], None]:
        """A transfer begins; what is returned is told of bytes sent and bytes in all, as often as one likes."""
        due = self._clock() + SILENT_SECONDS

        def tell(sent: int, total: int) -> None:
            nonlocal due
            now = self._clock()
            if now < due:
                return
            due = now + EVERY_SECONDS
            self._emit(
                TransferProgress(
                    time=time.time(),
                    task_id=0,
                    host=self._host,
                    name=self._name(name),
                    sent=sent,
                    total=total,
                )
            )

        return tell
