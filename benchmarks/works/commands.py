"""Two hundred commands on one host, a task each: what one task costs when nothing runs beside it."""

from __future__ import annotations

from benchmarks.works.steps import Command, Part, Work

WORK = Work(
    name="commands",
    hosts=1,
    steps=tuple(Command(f"command{number}") for number in range(200)),
    parts=(Part(name="commands", title="200 commands", asked={"pyinfra": 5.0, "bare": 0.5}),),
)
