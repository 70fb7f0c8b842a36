"""What an operator sees of tunnels: a line for each change, on a terminal the state of all below; or JSON lines."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TextIO

from stella_ops.console.screen import Screen
from stella_ops.console.stream import StreamSink, is_live_terminal, wants_color
from stella_ops.console.text import safe_json, safe_line
from stella_ops.transport.tunnels import Tunnelled, count

STYLES = {"up": "ok", "lost": "unreachable", "failed": "failed", "closed": "skipped"}
_SHOWN_HOSTS = 12


class TunnelView(Protocol):
    """Shows tunnels; none of its methods waits for a terminal for long."""

    def turned(self, entry: Tunnelled) -> None:
        """A host's tunnel has another state."""
        ...

    def warn(self, message: str) -> None:
        """Something is not as it should be, for no host in particular."""
        ...

    async def show(self, hosts: Sequence[Tunnelled]) -> None:
        """Bring up to date what is shown of traffic; called about twice a second."""
        ...

    def end(self, hosts: Sequence[Tunnelled], exit_code: int) -> None:
        """Tell the end."""
        ...


class LineView:
    """For people. What did not change its state is only shown on a terminal.

    Args:
        stream: where lines go.
        errors: for warnings.
        environ: in place of ``os.environ`` (``TERM``, ``NO_COLOR``).
    """

    def __init__(
        self, stream: TextIO, errors: TextIO, *, verbosity: int = 0, environ: Mapping[str, str] | None = None
    ) -> None:
        color = wants_color(stream, environ)
        self._screen = Screen(stream, color=color, errors=errors) if is_live_terminal(stream, environ) else None
        self._sink: Screen | StreamSink = self._screen or StreamSink(stream, errors, color=color)
        self._verbosity = verbosity

    def turned(self, entry: Tunnelled) -> None:
        if entry.state in ("waiting", "opening"):
            return
        host = safe_line(entry.host)
        if entry.state == "up":
            again = " again" if entry.opened > 1 else ""
            user = f" for {safe_line(entry.tunnel.user)}" if entry.tunnel.user else ""
            self._sink.line(f"{host}: up{again}, {safe_line(entry.tunnel.socket)}{user}", "ok")
            if entry.tunnel.user is None:
                self._sink.line(f"{host}: no agent is installed there yet", "hint")
        elif entry.state == "possible":
            self._sink.line(f"{host}: a tunnel can be opened", "ok")
        elif entry.problem is not None:
            later = f"; next try in {entry.pause:.0f} s" if entry.state == "lost" else ""
            text = f"{host}: {entry.state}: {safe_line(entry.problem.message)}{later}"
            self._sink.line(text, STYLES[entry.state])
            if entry.problem.hint and (entry.state == "failed" or self._verbosity):
                self._sink.line(f"  {safe_line(entry.problem.hint)}", "hint")
        elif self._verbosity:
            self._sink.line(f"{host}: {entry.state}", STYLES.get(entry.state))
        self._sink.flush()

    def warn(self, message: str) -> None:
        self._sink.warn(f"[WARNING]: {safe_line(message)}")

    async def show(self, hosts: Sequence[Tunnelled]) -> None:
        if self._screen is None:
            return
        pending, area = self._screen.take(), self._area(hosts)
        # A terminal that is stopped (Ctrl-S) holds up nothing but its own picture.
        await asyncio.to_thread(self._screen.draw, pending, area)

    def end(self, hosts: Sequence[Tunnelled], exit_code: int) -> None:
        if self._screen is not None:
            self._screen.end()
        down = [entry for entry in hosts if entry.state == "failed" or not entry.opened]
        used = sum(entry.tunnel.traffic.accepted for entry in hosts)
        text = (
            f"{len(hosts)} host{'' if len(hosts) == 1 else 's'}, {len(down)} without a tunnel, {_carried(hosts, used)}"
        )
        self._sink.line(text, "failed" if down else "ok")
        if self._screen is not None:
            self._screen.end()
        self._sink.flush()

    def _area(self, hosts: Sequence[Tunnelled]) -> list[tuple[str, str | None]]:
        open_now = sum(entry.tunnel.traffic.connections for entry in hosts)
        states = ", ".join(f"{number} {state}" for state, number in count(hosts).items())
        lines: list[tuple[str, str | None]] = [(f"{states}; {_carried(hosts, open_now)}. Ctrl-C ends it.", "bold")]
        busy = sorted(hosts, key=lambda entry: -entry.tunnel.traffic.last_used)[:_SHOWN_HOSTS]
        for entry in busy:
            traffic = entry.tunnel.traffic
            refused = f", {traffic.refused} refused ({safe_line(traffic.problem)})" if traffic.problem else ""
            lines.append(
                (
                    f"  {safe_line(entry.host)}: {entry.state}, {traffic.connections} open of {traffic.accepted}, "
                    f"{size(traffic.from_host)} from it, {size(traffic.to_host)} to it{refused}",
                    STYLES.get(entry.state),
                )
            )
        if len(hosts) > len(busy):
            lines.append((f"  … and {len(hosts) - len(busy)} more", None))
        return lines


class JsonView:
    """One JSON object a line.

    ``{"event": "state", "time", "host", "state", "socket", "user", "message", "hint", "retry_in", "connections",
    "accepted", "refused", "from_host", "to_host"}`` at each change; ``"event": "traffic"`` with the same fields
    where bytes or connections have changed, at most every ``interval`` seconds; ``"warning"`` with ``message``; in
    the end ``"summary"`` with ``exit_code``, ``hosts``, ``up`` and ``failed`` (how many ever were up, how many not).
    """

    def __init__(self, stream: TextIO, *, interval: float = 10.0, clock: Callable[[], float] = time.time) -> None:
        self._sink = StreamSink(stream)
        self._interval = interval
        self._clock = clock
        self._last = clock()
        self._shown: dict[str, tuple[int, ...]] = {}

    def turned(self, entry: Tunnelled) -> None:
        if entry.state != "waiting":
            self._write("state", **_facts(entry))

    def warn(self, message: str) -> None:
        self._write("warning", message=message)

    async def show(self, hosts: Sequence[Tunnelled]) -> None:
        if self._clock() - self._last < self._interval:
            return
        self._last = self._clock()
        for entry in hosts:
            traffic = entry.tunnel.traffic
            now = (traffic.connections, traffic.accepted, traffic.refused, traffic.from_host, traffic.to_host)
            if self._shown.get(entry.host, (0, 0, 0, 0, 0)) != now:
                self._shown[entry.host] = now
                self._write("traffic", **_facts(entry))

    def end(self, hosts: Sequence[Tunnelled], exit_code: int) -> None:
        failed = [entry for entry in hosts if entry.state == "failed" or not entry.opened]
        self._write("summary", exit_code=exit_code, hosts=len(hosts), up=len(hosts) - len(failed), failed=len(failed))

    def _write(self, event: str, **more: Any) -> None:
        text = json.dumps({"event": event, "time": round(self._clock(), 3), **more}, ensure_ascii=False)
        self._sink.line(safe_json(text))
        self._sink.flush()


def _facts(entry: Tunnelled) -> dict[str, Any]:
    traffic, problem = entry.tunnel.traffic, entry.problem
    return {
        "host": entry.host,
        "state": entry.state,
        "socket": entry.tunnel.socket,
        "user": entry.tunnel.user,
        "message": problem.message if problem else traffic.problem,
        "hint": problem.hint if problem else None,
        "retry_in": round(entry.pause, 1) if entry.state == "lost" else None,
        "connections": traffic.connections,
        "accepted": traffic.accepted,
        "refused": traffic.refused,
        "from_host": traffic.from_host,
        "to_host": traffic.to_host,
    }


def _carried(hosts: Sequence[Tunnelled], connections: int) -> str:
    up = sum(entry.tunnel.traffic.from_host for entry in hosts)
    down = sum(entry.tunnel.traffic.to_host for entry in hosts)
    return f"{connections} connection{'' if connections == 1 else 's'}, {size(up)} from hosts, {size(down)} to hosts"


def size(number: int) -> str:
    """Bytes in the largest unit that keeps a digit before the point: ``512 B``, ``1.5 KiB``, ``20.0 MiB``."""
    if number < 1024:
        return f"{number} B"
    value = float(number)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if value < 1024 or unit == "TiB":
            break
    return f"{value:.1f} {unit}"
