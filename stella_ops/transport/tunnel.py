"""One host's tunnel: the orchestrator's API at a UNIX socket of the host, over the host's own SSH connection.

The order of things, where ``agent_tunnel`` is the module that works on the host:

    login ─▶ agent_tunnel prepared ─▶ listen (sshd makes the socket) ─▶ agent_tunnel opened (the agent may use it)
    … agent_tunnel held, now and then …
    close ─▶ agent_tunnel closed (the socket is removed)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stella_ops.errors import StellaError, TunnelError, TunnelTakenError, UnreachableError
from stella_ops.transport.base import Become, HostSession, ModuleCall, RemoteSocket
from stella_ops.transport.traffic import Endpoint, Traffic

MODULE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What all tunnels of a run share.

    Attributes:
        endpoint: the orchestrator, as reached from here.
        id: tells this run's tunnels from those of others, on the host.
        holder: who holds them, for people: ``alice@controller (process 4711)``.
        replace: take over from another tunnel that holds a host's socket.
    """

    endpoint: Endpoint
    id: str
    holder: str
    replace: bool = False


@dataclass(eq=False, slots=True)
class HostTunnel:
    """The tunnel of one host.

    Args:
        session: the host's session, asked for anew each time: a run may have dropped the one before.
        become: the user who may hand the socket over; None for the login user.
        prefix: where the agent is installed; None for the place that the host's privileges suggest.

    Attributes:
        socket: its path on the host, once it is known.
        user: the agent's user there; None where no agent is installed yet.
    """

    session: Callable[[], HostSession]
    become: Become | None
    prefix: str | None
    purpose: Purpose
    traffic: Traffic = field(default_factory=Traffic)
    socket: str | None = None
    user: str | None = None
    _login: str = ""
    _listening: RemoteSocket | None = None
    _was_up: bool = False

    @property
    def listening(self) -> RemoteSocket | None:
        """The open socket; None while the tunnel is down."""
        return self._listening

    async def foretell(self) -> bool:
        """Whether opening would change something on the host; nothing is done.

        Raises:
            HostError: it could not be opened.
        """
        session = self.session()
        self._login = await session.login()
        answer = await self._module(session, "prepared", check=True)
        return bool(answer.get("changed"))

    async def open(self) -> None:
        """Open it; one that is open is closed before.

        Raises:
            HostError: no connection, forbidden, held by another tunnel, no rights.
        """
        await self._stop_listening()
        session = self.session()
        self._login = await session.login()
        answer = await self._module(session, "prepared")
        self.socket = str(answer.get("socket") or "")
        listening: RemoteSocket | None = None
        try:
            listening = await session.listen(self.socket, self.purpose.endpoint, self.traffic)
            answer = await self._module(session, "opened")
        except BaseException as problem:
            if listening is not None:
                await listening.close()
            if not isinstance(problem, UnreachableError):
                # What was prepared goes again. Where the connection is gone, the next tunnel finds it.
                with contextlib.suppress(StellaError):
                    await self._module(session, "closed")
            raise
        self.user = answer.get("user") or None
        self._listening = listening
        # From now on it is ours: whoever is found in its place later has taken it away.
        self._was_up = True

    async def is_held(self) -> bool:
        """Whether the socket on the host is still this tunnel's.

        Raises:
            TunnelTakenError: another tunnel has taken over.
            HostError: the host could not be asked.
        """
        session = self.session()
        answer = await self._module(session, "held")
        if answer.get("replaced_by"):
            raise TunnelTakenError(
                f"the tunnel was taken over by {answer['replaced_by']}",
                where=session.spec.name,
                hint="one tunnel to a host is enough; take it back with --replace",
            )
        self.user = answer.get("user") or None
        return bool(answer.get("held")) and self._listening is not None and not self._listening.lost.is_set()

    async def close(self) -> None:
        """End it. What cannot be removed on the host, since the connection is gone, the next tunnel removes."""
        listening = self._listening
        reached = listening is not None and not listening.lost.is_set()
        await self._stop_listening()
        if reached:
            with contextlib.suppress(StellaError):
                await self._module(self.session(), "closed")

    async def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.close()

    async def _module(self, session: HostSession, state: str, *, check: bool = False) -> dict[str, Any]:
        purpose = self.purpose
        args = {
            "state": state,
            "login": self._login,
            "id": purpose.id,
            "holder": purpose.holder,
            "orchestrator": str(purpose.endpoint),
            # It is for the first time alone: two of the kind would take it from each other for ever.
            "replace": purpose.replace and not self._was_up,
        }
        if self.prefix is not None:
            args["prefix"] = self.prefix
        answer = await session.call(
            ModuleCall(module="agent_tunnel", args=args, check=check, timeout=MODULE_SECONDS), self.become
        )
        if answer.get("failed"):
            hint = answer.get("hint")
            kind = TunnelTakenError if answer.get("held_by") else TunnelError
            raise kind(str(answer.get("msg")), where=session.spec.name, hint=str(hint) if hint else None)
        return answer
