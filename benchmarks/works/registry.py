"""All works, by name, in the order of the report."""

from __future__ import annotations

from benchmarks.works import commands, file, ping, play
from benchmarks.works.steps import Work

WORKS: dict[str, Work] = {work.name: work for work in (ping.WORK, play.WORK, commands.WORK, file.WORK)}
