"""Who is tried again and when. What a tunnel does on a host is tested with real sshd, in tests/integration."""

import asyncio
import contextlib
from typing import Any

import pytest

from stella_ops.errors import (
    AuthenticationError,
    BecomeError,
    HostKeyError,
    InventoryError,
    ModuleCrashError,
    TunnelError,
    TunnelTakenError,
    UnreachableError,
)
from stella_ops.transport.traffic import Traffic
from stella_ops.transport.tunnels import LONGEST_PAUSE, Tunnels, count


class MockListening:
    def __init__(self) -> None:
        self.lost = asyncio.Event()


class MockTunnel:
    """Opens as told: each of ``outcomes`` is None for up, or what is raised."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.traffic = Traffic()
        self.listening: Any = None
        self.held: Any = True
        self.opened = 0
        self.closed = 0
        self.working = 0

    async def open(self) -> None:
        self.working += 1
        self.opened += 1
        await asyncio.sleep(0)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        self.listening = MockListening()

    async def is_held(self) -> bool:
        if isinstance(self.held, Exception):
            raise self.held
        return bool(self.held)

    async def close(self) -> None:
        self.closed += 1
        self.listening = None


class Pauses:
    """Sleeps no time, and stops after some pauses."""

    def __init__(self, most: int = 1000) -> None:
        self.seen: list[float] = []
        self.most = most
        self.over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.seen.append(seconds)
        if len(self.seen) >= self.most:
            self.over.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)


def keeper(pauses: Any = None, *, states: list[str] | None = None, slots: Any = None, **more: Any) -> Tunnels:
    def tell(entry: Any) -> None:
        if states is not None:
            states.append(entry.state)

    more.setdefault("look", 0.001)
    return Tunnels(slots or asyncio.Semaphore(5), tell, sleep=pauses or Pauses(), jitter=lambda: 1.0, **more)


@pytest.mark.parametrize(
    "problem",
    [
        UnreachableError("away"),
        HostKeyError("changed"),
        TunnelError("forbidden"),
        TunnelTakenError("held"),
        InventoryError("a port that is none"),
        ValueError("a defect"),
    ],
)
async def test_a_host_that_never_was_up_is_given_up(problem: Exception) -> None:
    states: list[str] = []
    tunnels, tunnel = keeper(states=states), MockTunnel(problem)
    with pytest.raises(Exception, match=str(problem)):
        await tunnels.opened("web", tunnel)  # type: ignore[arg-type]
    assert states == ["opening", "failed"]
    await tunnels.wait()
    assert (tunnel.opened, tunnel.closed) == (1, 1)
    await tunnels.close()
    assert states == ["opening", "failed"]


async def test_patience_is_for_hosts_that_are_away_alone() -> None:
    pauses = Pauses(3)
    tunnels = keeper(pauses, keep_trying=True)
    away, refused = MockTunnel(*[UnreachableError("away")] * 9), MockTunnel(AuthenticationError("no"))
    tunnels.add("away", away)  # type: ignore[arg-type]
    tunnels.add("refused", refused)  # type: ignore[arg-type]
    await pauses.over.wait()
    assert count(tunnels.hosts) == {"lost": 1, "failed": 1}
    await tunnels.close()
    assert (away.opened, refused.opened) == (3, 1)


async def test_pauses_grow_and_begin_anew() -> None:
    pauses = Pauses(10)
    tunnels, away = keeper(pauses), UnreachableError("away")
    tunnel = MockTunnel(None, *[away] * 8, None)
    entry = await tunnels.opened("web", tunnel)  # type: ignore[arg-type]
    tunnel.listening.lost.set()
    while entry.opened < 2:
        await asyncio.sleep(0)
    assert pauses.seen == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    tunnel.listening.lost.set()
    await pauses.over.wait()
    assert pauses.seen[-1] == 1
    await tunnels.close()


@pytest.mark.parametrize(
    ("problem", "again"),
    [
        (UnreachableError("away"), True),
        (ModuleCrashError("killed"), True),
        (TunnelError("no folder just now"), True),
        (TunnelTakenError("eve"), False),
        (HostKeyError("changed"), False),
        (AuthenticationError("no"), False),
        (BecomeError("no"), False),
    ],
)
async def test_what_ends_one_that_was_up(problem: Exception, again: bool) -> None:
    tunnels, tunnel = keeper(), MockTunnel()
    entry = await tunnels.opened("web", tunnel)  # type: ignore[arg-type]
    tunnel.held = problem
    if again:
        while entry.opened < 2:
            await asyncio.sleep(0)
            if entry.opened:
                tunnel.held = True if entry.state == "lost" else tunnel.held
    else:
        await tunnels.wait()
        assert entry.state == "failed"
        assert entry.problem is problem
    await tunnels.close()


async def test_a_socket_that_is_gone_is_made_again() -> None:
    states: list[str] = []
    tunnels, tunnel = keeper(states=states), MockTunnel()
    entry = await tunnels.opened("web", tunnel)  # type: ignore[arg-type]
    tunnel.held = False
    while entry.opened < 2:
        await asyncio.sleep(0)
    assert states[:5] == ["opening", "up", "lost", "opening", "up"]
    await tunnels.close()


async def test_no_more_hosts_at_once_than_there_are_slots() -> None:
    working = most = 0

    class Slow(MockTunnel):
        async def open(self) -> None:
            nonlocal working, most
            working += 1
            most = max(most, working)
            await asyncio.sleep(0.001)
            working -= 1
            await super().open()

    tunnels = keeper(slots=asyncio.Semaphore(3), look=100)
    for number in range(20):
        tunnels.add(f"web{number}", Slow())  # type: ignore[arg-type]
    await asyncio.gather(*(entry.settled.wait() for entry in tunnels.hosts))
    assert count(tunnels.hosts) == {"up": 20}
    assert most == 3
    await tunnels.close()
    assert count(tunnels.hosts) == {"closed": 20}


async def test_closing_while_it_opens() -> None:
    class Stuck(MockTunnel):
        async def open(self) -> None:
            await asyncio.Event().wait()

    tunnels, stuck = keeper(), Stuck()
    entry = tunnels.add("web", stuck)  # type: ignore[arg-type]
    while entry.state != "opening":
        await asyncio.sleep(0)
    await tunnels.close()
    assert (stuck.closed, entry.state) == (1, "closed")
    with contextlib.suppress(asyncio.CancelledError):
        await tunnels.wait()


async def test_idle_is_the_busiest_tunnels() -> None:
    tunnels, one, two = keeper(look=100), MockTunnel(), MockTunnel()
    await tunnels.opened("one", one)  # type: ignore[arg-type]
    await tunnels.opened("two", two)  # type: ignore[arg-type]
    one.traffic.last_used -= 50
    two.traffic.last_used -= 20
    assert 19 < tunnels.idle() < 40
    one.traffic.opened()
    assert tunnels.idle() == 0
    await tunnels.close()
    assert keeper().idle() == 0
