"""The play on one host far away: 50 ms for a round trip, so that each one shows in the time.

Both parts go through a proxy, one that is late and one that is not, so what differs is the delay alone.
"""

from __future__ import annotations

from benchmarks.works import play
from benchmarks.works.steps import Part, Work

_DELAY = 0.05

WORK = Work(
    name="delay",
    hosts=1,
    steps=play.WORK.steps,
    parts=(
        Part(name="delay-base", title="the play, without delay", fresh=True, delay=0.0),
        Part(
            name="delay",
            title="the play behind a 50 ms round trip",
            asked={"bare": 0.5},
            fresh=True,
            delay=_DELAY,
            base="delay-base",
            trips_asked={"stella-ops": 30, "stella-pipelined": 14},
        ),
    ),
    materials=play.WORK.materials,
)
