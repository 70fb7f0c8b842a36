"""Trying a host again and again, over a new connection each time, until it answers or the time is up."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable

from stella_ops.actions.base import ActionContext, ActionFailure
from stella_ops.errors import StellaError

# A host that is half gone takes a connection and never says a word on it.
PATIENCE = 30.0


class NotBack(Exception):
    """The time is up; the text says what was waited for, ``last`` what was seen last."""

    def __init__(self, text: str, last: str = "") -> None:
        self.last = last
        super().__init__(text)


async def until_it_answers(
    context: ActionContext,
    attempt: Callable[[], Awaitable[None]],
    *,
    what: str,
    seconds: float,
    first_pause: float,
    longest_pause: float,
    patience: float = PATIENCE,
) -> None:
    """Call ``attempt`` until it raises nothing.

    Args:
        attempt: raises ``StellaError``, ``ActionFailure`` or ``NotBack`` while the host is not as wanted.
        what: what is waited for, for the message.
        seconds: time until it is given up.
        first_pause, longest_pause: seconds between attempts; each pause is twice the one before.
        patience: seconds that one attempt may take.

    Raises:
        NotBack: it was given up.
    """
    end = time.monotonic() + seconds
    pause, last = first_pause, "it was not tried once"
    while True:
        left = end - time.monotonic()
        if left <= 0:
            raise NotBack(what, last)
        try:
            await anew(context)
            async with asyncio.timeout(min(patience, left)):
                await attempt()
            return
        except TimeoutError:
            last = "no answer in time"
        except ActionFailure as problem:
            last = str(problem)
        except (StellaError, NotBack, OSError) as problem:
            last = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        # A little chance keeps a thousand hosts from knocking at the same moment.
        await asyncio.sleep(max(0.0, min(pause * (1 + random.random() / 10), end - time.monotonic())))
        pause = min(pause * 2, longest_pause)


async def anew(context: ActionContext) -> None:
    """Drop the connection, so that the next call makes a new one; one that hangs holds nobody up."""
    with contextlib.suppress(StellaError, OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await context.session.close()
