"""All works, by name, in the order of the report."""

from __future__ import annotations

from benchmarks.works import commands, delay, file, ping, play, scale
from benchmarks.works.steps import Work

_ALL = (ping.WORK, play.WORK, commands.WORK, file.WORK, delay.WORK, scale.WORK)
WORKS: dict[str, Work] = {work.name: work for work in _ALL}
