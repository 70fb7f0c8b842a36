"""The SSH agent, asked once for all the hosts of a run: which keys it has, on one connection to it.

asyncssh opens a connection to the agent for every host, and asks each time what keys there are. With hundreds of
hosts at once that is more than some agents (those on a smart card, or forwarded from far away) can take.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from typing import Any

import asyncssh


class SharedAgent:
    """Stands in for ``asyncssh.SSHAgentClient``. Connections may close it; it stays open until ``end``.

    Args:
        path: the agent's socket.
    """

    def __init__(self, path: str) -> None:
        self._client = asyncssh.SSHAgentClient(path)
        self._lock = asyncio.Lock()
        self._keys: Sequence[Any] | None = None

    async def get_keys(self, identities: Sequence[bytes] | None = None) -> Sequence[Any]:
        """The agent's keys, or those of them whose public halves are given.

        Raises:
            ValueError: the agent cannot be asked.
        """
        async with self._lock:
            if self._keys is None:
                self._keys = await self._client.get_keys()
        # Which signature a key makes is noted in it for each server.
        return [copy.copy(key) for key in self._keys if not identities or key.public_data in identities]

    def close(self) -> None:
        """A connection needs it no longer; others do."""

    async def wait_closed(self) -> None:
        """Nothing to wait for: see ``close``."""

    async def end(self) -> None:
        """Close the connection to the agent."""
        self._client.close()
        await self._client.wait_closed()


class Agents:
    """The agents that a run asks, one for each socket."""

    def __init__(self) -> None:
        self._shared: dict[str, SharedAgent] = {}

    def share(self, connection: Any) -> None:
        """Give a connection that is to ask an agent the one that the others have."""
        own = getattr(connection, "_agent", None)
        path = getattr(own, "_agent_path", None)
        if isinstance(own, asyncssh.SSHAgentClient) and isinstance(path, str):
            connection._agent = self._shared.setdefault(path, SharedAgent(path))

    async def close(self) -> None:
        """Close the connections to all of them."""
        shared, self._shared = list(self._shared.values()), {}
        await asyncio.gather(*(agent.end() for agent in shared))
