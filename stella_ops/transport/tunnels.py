"""The tunnels of many hosts: opened side by side, watched, and opened again when a connection was cut."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from stella_ops.errors import StellaError, TaskError, TunnelError, UnreachableError
from stella_ops.transport.base import ConnectionSpec, HostSession
from stella_ops.transport.tunnel import HostTunnel, Purpose

State = Literal["waiting", "opening", "up", "lost", "failed", "closed", "possible"]

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
# So often it is looked whether the host still has the socket: whoever stops the agent's service may remove it.
LOOK_SECONDS = 15.0
# A host that does not answer in the end holds nobody up.
CLOSE_SECONDS = 8.0


@dataclass(eq=False, slots=True)
class Tunnelled:
    """A host and its tunnel.

    Attributes:
        state: ``waiting`` for its turn, ``opening``, ``up``, ``lost`` (it is opened again soon), ``failed`` (it is
            not tried again), ``closed``; ``possible`` where it was only looked whether one could be opened.
        problem: why it is not up.
        pause: seconds until it is tried again, in the state ``lost``.
        opened: how often it was opened.
        settled: set when the first try is over, whatever its outcome.
    """

    host: str
    tunnel: HostTunnel
    state: State = "waiting"
    problem: StellaError | None = None
    pause: float = 0.0
    opened: int = 0
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class Tunnels:
    """Keeps tunnels.

    Args:
        slots: bounds how many hosts are opened or closed at once.
        tell: told of each change of a host's state.
        keep_trying: go on with hosts that could not be reached at first.
        look: seconds between two looks at an open tunnel.
        sleep, jitter: of this module's pauses, for tests.
    """

    def __init__(
        self,
        slots: contextlib.AbstractAsyncContextManager[object],
        tell: Callable[[Tunnelled], None] = lambda host: None,
        *,
        keep_trying: bool = False,
        look: float = LOOK_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2),
    ) -> None:
        self._slots = slots
        self._tell = tell
        self._keep_trying = keep_trying
        self._look = look
        self._sleep = sleep
        self._jitter = jitter
        self._hosts: dict[str, Tunnelled] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}

    @property
    def hosts(self) -> list[Tunnelled]:
        """All hosts, in the order in which they came."""
        return list(self._hosts.values())

    def get(self, host: str) -> Tunnelled | None:
        """The host of a name, if a tunnel was asked for."""
        return self._hosts.get(host)

    def add(self, host: str, tunnel: HostTunnel) -> Tunnelled:
        """Begin with a host's tunnel; one that failed begins anew."""
        entry = self._hosts[host] = Tunnelled(host, tunnel)
        self._keepers[host] = asyncio.create_task(self._keep(entry), name=f"tunnel to {host}")
        return entry

    async def opened(self, host: str, tunnel: HostTunnel) -> Tunnelled:
        """Begin with a host's tunnel and wait until it is up.

        Raises:
            HostError: it is not.
        """
        entry = self.add(host, tunnel)
        await entry.settled.wait()
        if entry.problem is not None and entry.state != "up":
            raise entry.problem
        return entry

    async def wait(self) -> None:
        """Wait until no host is left that is worth waiting for."""
        while pending := [task for task in self._keepers.values() if not task.done()]:
            await asyncio.wait(pending)

    def idle(self) -> float:
        """Seconds since the last use of any tunnel."""
        return min((entry.tunnel.traffic.idle() for entry in self._hosts.values()), default=0.0)

    async def close(self) -> None:
        """End all tunnels, and have the hosts remove their sockets."""
        keepers = list(self._keepers.values())
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await asyncio.gather(*(self._close(entry) for entry in self._hosts.values()))

    async def _close(self, entry: Tunnelled) -> None:
        async with self._slots:
            with contextlib.suppress(StellaError, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await entry.tunnel.close()
        if entry.state not in ("failed", "closed"):
            self._turn(entry, "closed")

    # -- one host

    async def _keep(self, entry: Tunnelled) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._slots:
                    self._turn(entry, "opening")
                    await entry.tunnel.open()
                entry.opened += 1
                pause = FIRST_PAUSE
                self._turn(entry, "up")
                entry.settled.set()
                problem: StellaError = await self._watch(entry)
            except StellaError as error:
                problem = error
            except Exception as defect:  # one host's trouble must not be the end of the others
                problem = TunnelError(f"{type(defect).__name__}: {defect}", where=entry.host)
            if not self._is_worth_trying(entry, problem):
                with contextlib.suppress(StellaError):
                    await entry.tunnel.close()
                self._turn(entry, "failed", problem)
                entry.settled.set()
                return
            entry.pause = pause * self._jitter()
            self._turn(entry, "lost", problem)
            entry.settled.set()
            await self._sleep(entry.pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _is_worth_trying(self, entry: Tunnelled, problem: StellaError) -> bool:
        """Whether it may go better the next time, without anybody having done something about it."""
        if type(problem) is UnreachableError or isinstance(problem, TaskError):
            return bool(entry.opened) or self._keep_trying
        # Where it has worked, the agent's service may just be about to remove or make its folder.
        return bool(entry.opened) and type(problem) is TunnelError

    async def _watch(self, entry: Tunnelled) -> StellaError:
        """Why the tunnel has to be opened again.

        Raises:
            HostError: the host said why, or another has taken over.
        """
        while True:
            listening = entry.tunnel.listening
            if listening is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._look * self._jitter()):
                        await listening.lost.wait()
            if listening is None or listening.lost.is_set():
                return UnreachableError("the connection to the host is lost", where=entry.host)
            # Without a slot: hosts that do not answer must not keep others from being opened.
            if not await entry.tunnel.is_held():
                return TunnelError("the socket on the host was removed", where=entry.host)

    def _turn(self, entry: Tunnelled, state: State, problem: StellaError | None = None) -> None:
        entry.state = state
        entry.problem = problem
        self._tell(entry)


def count(hosts: Iterable[Tunnelled]) -> dict[State, int]:
    """How many hosts are in each state."""
    found: dict[State, int] = {}
    for entry in hosts:
        found[entry.state] = found.get(entry.state, 0) + 1
    return found


@dataclass(frozen=True, slots=True)
class TunnelsOfRun:
    """The tunnels that a run opens beside its tasks (``play --tunnel``).

    Attributes:
        find: the session of a connection, as the run has it at the moment.
    """

    tunnels: Tunnels
    purpose: Purpose
    find: Callable[[ConnectionSpec], HostSession]

    def session(self, spec: ConnectionSpec) -> Callable[[], HostSession]:
        """Finds a host's session each time anew."""
        return lambda: self.find(spec)
