"""How long to wait before the next attempt, so that a fleet does not come back all at once."""

import random

LONGEST = 300.0


class Backoff(object):
    """Exponential backoff with full jitter.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Args:
        base: the first wait's upper bound in seconds; each failure doubles it, up to ``longest``.
        draw: gives a number of [0, 1).
    """

    def __init__(self, base, longest=LONGEST, draw=random.random):
        self.base = base
        self.longest = longest
        self._draw = draw
        self._failures = 0

    def reset(self):
        """The last attempt did well: begin from ``base`` again."""
        self._failures = 0

    def next(self):
        """Seconds to wait after one more failure."""
        bound = min(self.longest, self.base * 2 ** min(self._failures, 40))
        self._failures += 1
        return bound * self._draw()

    def slow(self):
        """Seconds to wait where hurry is of no use: from half of the longest wait up to the whole."""
        return self.longest * (0.5 + 0.5 * self._draw())


def jittered(seconds, share=0.1, draw=random.random):
    """``seconds``, up to that share longer or shorter."""
    return seconds * (1 + share * (2 * draw() - 1))
