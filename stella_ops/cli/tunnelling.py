"""From command-line options to tunnels: where they lead, who holds them, how long they last."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from stella_ops.cli.execution import make_pool
from stella_ops.cli.workplace import Workplace
from stella_ops.engine.host_specs import HostSpecs
from stella_ops.errors import StellaError, UnreachableError, UsageError
from stella_ops.settings import Project
from stella_ops.transport.base import HostSession
from stella_ops.transport.traffic import Endpoint, endpoint_of, endpoint_of_listener
from stella_ops.transport.tunnel import HostTunnel, Purpose
from stella_ops.transport.tunnels import Tunnelled, Tunnels, TunnelsOfRun

if TYPE_CHECKING:
    from stella_ops.console.tunnels import TunnelView
    from stella_ops.transport.pool import SessionPool

OK, FAILED_HOSTS, UNREACHABLE_HOSTS = 0, 2, 4
_TICK_SECONDS = 0.5


def end_of(project: Project, url: str | None) -> Endpoint:
    """Where tunnels lead: the URL given, the project's, or what its orchestrator listens on here.

    Raises:
        UsageError: a URL that is none.
    """
    if url or project.orchestrator.url:
        return endpoint_of(str(url or project.orchestrator.url))
    return endpoint_of_listener(project.orchestrator.listen)


def purpose(endpoint: Endpoint, *, replace: bool = False) -> Purpose:
    """The tunnels of this process."""
    import getpass

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.geteuid())
    return Purpose(
        endpoint=endpoint,
        id=os.urandom(16).hex(),
        holder=f"{user}@{socket.gethostname()} (process {os.getpid()})",
        replace=replace,
    )


def tunnels_of_run(workplace: Workplace, pool: SessionPool, warn: Callable[[str], None]) -> TunnelsOfRun:
    """What ``play --tunnel`` opens beside its tasks.

    Raises:
        UsageError: a URL that is none.
    """

    def tell(entry: Tunnelled) -> None:
        if entry.opened and entry.problem is not None:
            later = f"; it is opened again in {entry.pause:.0f} s" if entry.state == "lost" else ""
            warn(f"{entry.host}: the tunnel is down: {entry.problem.message}{later}")

    # Slots of their own: a task that opens a tunnel has one of the run's already.
    tunnels = Tunnels(asyncio.Semaphore(workplace.options.forks), tell)
    endpoint = end_of(workplace.project, workplace.choices.orchestrator)
    return TunnelsOfRun(tunnels, purpose(endpoint), pool.session)


async def keep_tunnels(
    workplace: Workplace,
    pattern: str,
    endpoint: Endpoint,
    view: TunnelView,
    *,
    prefix: str | None,
    replace: bool,
    keep_trying: bool,
    seconds: float | None,
    idle: float | None,
) -> int:
    """Open tunnels and keep them until a signal or the end of the time; the exit code.

    Args:
        seconds: end after so long.
        idle: end when no tunnel has been in use for so many seconds.

    Raises:
        StellaError: what is wrong with the inventory rather than with a host.
    """
    from stella_ops.agents.fleet import Fleet

    options, hosts = workplace.options, workplace.inventory.select(pattern, workplace.options.limit)
    if not hosts:
        raise UsageError(f"no host is meant by '{pattern}' with --limit {options.limit}")
    warned: set[str] = set()

    def warn(message: str) -> None:
        if message not in warned:
            warned.add(message)
            view.warn(message)

    fleet = Fleet(workplace.project, redactor=workplace.redactor, environ=workplace.environ, warn=warn)
    pool = await make_pool(workplace, fleet, warn)
    for text in workplace.inventory.warnings:
        warn(text)
    tunnels = Tunnels(asyncio.Semaphore(options.forks), view.turned, keep_trying=keep_trying)
    maker = _Maker(workplace, hosts, pool, purpose(endpoint, replace=replace), prefix)
    try:
        with _signals() as over:
            if workplace.choices.check:
                return await _foretell(hosts, maker, options.forks, view)
            await _warn_of_silence(endpoint, warn)
            for host in hosts:
                tunnels.add(host, maker.make(host))
            await _last(tunnels, over, view, seconds, idle)
            await tunnels.close()
            await view.show(tunnels.hosts)
    finally:
        await tunnels.close()
        await pool.close()
        await fleet.close()
    code = exit_code(tunnels.hosts)
    view.end(tunnels.hosts, code)
    return code


class _Maker:
    """Makes the tunnels of hosts by their variables and the command line."""

    def __init__(
        self, workplace: Workplace, hosts: list[str], pool: SessionPool, purpose: Purpose, prefix: str | None
    ) -> None:
        self._specs = HostSpecs(workplace.inventory, hosts, workplace.options)
        self._redactor = workplace.redactor
        self._pool = pool
        self._purpose = purpose
        self._prefix = prefix

    def make(self, host: str) -> HostTunnel:
        """The tunnel of a host; where its variables make no sense, that shows when it is opened."""
        try:
            spec, become = self._specs.of(host), self._specs.become(host)
            prefix = self._prefix or self._specs.variable(host, "stella_agent_prefix")
        except StellaError as wrong:
            return HostTunnel(functools.partial(_refuse, wrong), None, None, self._purpose)
        for password in (spec.password, become.password if become else None):
            if password:
                self._redactor.add(password)
        find = functools.partial(self._pool.session, spec)
        return HostTunnel(find, become, str(prefix) if prefix else None, self._purpose)


def _refuse(problem: StellaError) -> HostSession:
    raise problem


async def _last(
    tunnels: Tunnels, over: asyncio.Event, view: TunnelView, seconds: float | None, idle: float | None
) -> None:
    """Return at a signal, when time is over, when no tunnel is in use any more, or when all have failed."""
    deadline = None if seconds is None else time.monotonic() + seconds
    ended = asyncio.create_task(tunnels.wait())
    stop = asyncio.create_task(over.wait())
    try:
        while True:
            pause = _TICK_SECONDS if deadline is None else min(_TICK_SECONDS, max(0.0, deadline - time.monotonic()))
            done, _ = await asyncio.wait((ended, stop), timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            await view.show(tunnels.hosts)
            if done or (deadline is not None and time.monotonic() >= deadline):
                return
            if idle is not None and _settled(tunnels) and tunnels.idle() >= idle:
                return
    finally:
        for task in (ended, stop):
            task.cancel()
        await asyncio.gather(ended, stop, return_exceptions=True)


def _settled(tunnels: Tunnels) -> bool:
    return all(entry.settled.is_set() for entry in tunnels.hosts)


async def _foretell(hosts: Sequence[str], maker: _Maker, forks: int, view: TunnelView) -> int:
    """``--check``: where a tunnel could be opened."""
    found: list[Tunnelled] = []
    slots = asyncio.Semaphore(forks)

    async def look(host: str) -> None:
        entry = Tunnelled(host, maker.make(host))
        found.append(entry)
        async with slots:
            try:
                await entry.tunnel.foretell()
                entry.opened, entry.state = 1, "possible"
            except StellaError as problem:
                entry.problem, entry.state = problem, "failed"
        view.turned(entry)

    async with asyncio.TaskGroup() as group:
        for host in hosts:
            group.create_task(look(host))
    code = exit_code(found)
    view.end(found, code)
    return code


def exit_code(hosts: Sequence[Tunnelled]) -> int:
    """4 where a host could not be reached, else 2 where one had no tunnel for another reason, else 0.

    A connection that was cut and is just being opened again counts as none of that.
    """
    problems = [entry.problem for entry in hosts if entry.state == "failed" or not entry.opened]
    if any(isinstance(problem, UnreachableError) for problem in problems):
        return UNREACHABLE_HOSTS
    return FAILED_HOSTS if any(problems) else OK


async def _warn_of_silence(endpoint: Endpoint, warn: Callable[[str], None]) -> None:
    """Tell where nobody answers at the orchestrator's address; tunnels are opened all the same."""
    try:
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
        writer.close()
    except (OSError, TimeoutError) as problem:
        said = os.strerror(problem.errno) if problem.errno else str(problem) or "no answer"
        warn(
            f"no orchestrator answers at {endpoint} ({said}): agents' connections are closed until it does. "
            "Start it with stella-ops serve, or name another with --orchestrator"
        )


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """An event that a signal to end sets. The second one ends the program at once, as ever."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    # What is ignored, as SIGHUP by nohup, stays so.
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]

    def end() -> None:
        over.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    try:
        for number in numbers:
            loop.add_signal_handler(number, end)
    except NotImplementedError:
        pass
    try:
        yield over
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
