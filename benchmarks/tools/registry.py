"""All tools, by name, in the order of the report."""

from __future__ import annotations

from benchmarks.tools.ansible import Ansible, Mitogen
from benchmarks.tools.bare import Bare, BareExec
from benchmarks.tools.base import Tool
from benchmarks.tools.pyinfra import Pyinfra
from benchmarks.tools.stella import StellaOps, StellaPipelined, StellaRaw

_ALL: tuple[Tool, ...] = (
    StellaOps(),
    StellaPipelined(),
    StellaRaw(),
    BareExec(),
    Bare(),
    Pyinfra(),
    Mitogen(),
    Ansible(),
)
TOOLS: dict[str, Tool] = {tool.name: tool for tool in _ALL}
