"""One large file to many hosts. Its bytes are random, so compression helps nobody."""

from __future__ import annotations

import random

from benchmarks.works.steps import Copy, Part, Work

_SIZE = 20 * 1024 * 1024

WORK = Work(
    name="file",
    hosts=20,
    steps=(Copy("large.bin", "large.bin"),),
    parts=(Part(name="file", title="one file of 20 MiB", asked={"pyinfra": 2.0, "bare": 0.5}),),
    materials={"large.bin": random.Random(20).randbytes(_SIZE)},
)
