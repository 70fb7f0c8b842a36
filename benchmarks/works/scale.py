"""A ping on very many hosts: does time grow with their number alone, and does memory stay small?"""

from __future__ import annotations

from benchmarks.works.steps import Part, Ping, Work

WORK = Work(
    name="scale",
    hosts=500,
    steps=(Ping(),),
    parts=(Part(name="scale", title="one ping on very many hosts", asked={"bare": 0.5}),),
)
