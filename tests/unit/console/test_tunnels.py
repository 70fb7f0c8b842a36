"""What an operator sees of tunnels, as text and as JSON lines."""

import io
import json
from types import SimpleNamespace

import pytest

from stella_ops.console.tunnels import JsonView, LineView, size
from stella_ops.errors import TunnelError, UnreachableError
from stella_ops.transport.traffic import Traffic
from stella_ops.transport.tunnels import Tunnelled

PATH = "/run/stella-agent/tunnel/orchestrator.sock"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def entry(host="web1", state="up", *, problem=None, user="stella-agent", opened=1, pause=0.0, traffic=None):
    tunnel = SimpleNamespace(socket=PATH, user=user, traffic=traffic or Traffic())
    return Tunnelled(host, tunnel, state, problem, pause, opened)


@pytest.fixture
def lines():
    made = io.StringIO()
    view = LineView(made, io.StringIO(), environ={})
    return view, lambda: made.getvalue().splitlines()


def test_a_line_for_each_change(lines):
    view, said = lines
    view.turned(entry(state="waiting"))
    view.turned(entry(state="opening"))
    view.turned(entry())
    lost = UnreachableError("the connection to the host is lost", hint="look")
    view.turned(entry(state="lost", problem=lost, pause=1.6))
    view.turned(entry(opened=2))
    view.turned(entry(state="failed", problem=TunnelError("forbidden", hint="allow it")))
    view.turned(entry(state="closed"))
    view.turned(entry(state="possible"))
    assert said() == [
        f"web1: up, {PATH} for stella-agent",
        "web1: lost: the connection to the host is lost; next try in 2 s",
        f"web1: up again, {PATH} for stella-agent",
        "web1: failed: forbidden",
        "  allow it",
        "web1: a tunnel can be opened",
    ]


def test_no_agent_yet(lines):
    view, said = lines
    view.turned(entry(user=None))
    assert said() == [f"web1: up, {PATH}", "web1: no agent is installed there yet"]


def test_what_a_host_says_cannot_draw_on_the_terminal(lines):
    view, said = lines
    view.turned(entry(host="web\x1b[2J", state="failed", problem=TunnelError("a\nb\x1b]0;x\x07")))
    assert said() == ["web\\x1b[2J: failed: a\\nb\\x1b]0;x\\x07"]


def test_the_end(lines):
    view, said = lines
    carried = Traffic(accepted=3, from_host=2048, to_host=5 << 20)
    view.end([entry(traffic=carried), entry("web2", "failed", problem=TunnelError("no"), opened=0)], 2)
    view.end([entry(state="lost")], 0)
    assert said() == [
        "2 hosts, 1 without a tunnel, 3 connections, 2.0 KiB from hosts, 5.0 MiB to hosts",
        "1 host, 0 without a tunnel, 0 connections, 0 B from hosts, 0 B to hosts",
    ]


async def test_a_terminal_shows_all_at_its_foot(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    made = Terminal()
    view = LineView(made, Terminal(), environ={"TERM": "xterm", "NO_COLOR": "1"})
    refused = Traffic(refused=2, problem="the orchestrator cannot be reached")
    hosts = [entry(f"web{n}") for n in range(30)] + [entry("db", "lost", traffic=refused)]
    hosts[-1].tunnel.traffic.last_used += 100
    view.turned(hosts[0])
    view.warn("no orchestrator answers")
    await view.show(hosts)
    shown = made.getvalue()
    assert "30 up, 1 lost; 0 connections" in shown
    assert "db: lost, 0 open of 0, 0 B from it, 0 B to it, 2 refused (the orchestrator cannot be reached)" in shown
    assert "… and 19 more" in shown
    assert "[WARNING]: no orchestrator answers" in shown
    view.end(hosts, 0)
    assert "31 hosts, 0 without a tunnel" in made.getvalue()


async def test_json_lines():
    made, now = io.StringIO(), [1000.0]
    view = JsonView(made, interval=10, clock=lambda: now[0])
    view.turned(entry(state="waiting"))
    view.turned(entry(state="lost", problem=UnreachableError("away", hint="wait"), pause=1.23))
    busy = entry(traffic=Traffic(connections=1, accepted=1, from_host=5))
    await view.show([busy])
    now[0] = 1010.5
    await view.show([busy, entry("idle")])
    now[0] = 1021.0
    await view.show([busy, entry("idle")])
    view.warn("careful \x1b")
    view.end([busy, entry("bad", "failed", opened=0)], 4)
    state, traffic, warning, summary = map(json.loads, made.getvalue().splitlines())
    assert state == {
        "event": "state",
        "time": 1000.0,
        "host": "web1",
        "state": "lost",
        "socket": PATH,
        "user": "stella-agent",
        "message": "away",
        "hint": "wait",
        "retry_in": 1.2,
        "connections": 0,
        "accepted": 0,
        "refused": 0,
        "from_host": 0,
        "to_host": 0,
    }
    shown = [traffic[name] for name in ("event", "time", "connections", "from_host")]
    assert shown == ["traffic", 1010.5, 1, 5]
    assert warning == {"event": "warning", "time": 1021.0, "message": "careful \x1b"}
    assert summary == {"event": "summary", "time": 1021.0, "exit_code": 4, "hosts": 2, "up": 1, "failed": 1}
    assert "\x1b" not in made.getvalue()


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (20 << 20, "20.0 MiB"), (3 << 40, "3.0 TiB"),
     (5 << 50, "5120.0 TiB")],
)  # fmt: skip
def test_sizes(number, shown):
    assert size(number) == shown
