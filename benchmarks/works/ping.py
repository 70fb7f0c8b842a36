"""The smallest work there is: reach every host and run one thing on it. Start-up counts most."""

from __future__ import annotations

from benchmarks.works.steps import Part, Ping, Work

WORK = Work(
    name="ping",
    hosts=50,
    steps=(Ping(),),
    parts=(Part(name="ping", title="one ping", asked={"pyinfra": 1.3, "bare": 0.5}),),
)
