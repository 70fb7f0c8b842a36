"""Connect to all hosts of a plan at once and run one command on each: ``python bare_exec.py PLAN.json``."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import asyncssh


async def main(plan: dict[str, Any]) -> None:
    """Print a line for every host."""
    key = asyncssh.read_private_key(plan["key"])
    known_hosts = asyncssh.read_known_hosts(plan["known_hosts"])

    async def ask(host: dict[str, Any]) -> None:
        connection = asyncssh.connect(
            host["address"],
            host["port"],
            username=host["user"],
            client_keys=[key],
            known_hosts=known_hosts,
            agent_path=None,
            config=None,
        )
        async with connection as connected:
            answer = await connected.run("echo pong", check=True)
            print(host["name"], str(answer.stdout).strip())

    async with asyncio.TaskGroup() as group:
        for host in plan["hosts"]:
            group.create_task(ask(host))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
