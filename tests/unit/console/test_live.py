"""The live display, on a real pseudo-terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import termios
import threading
from collections.abc import Iterator
from typing import Any, TextIO

import pytest

from stella_ops.console.lines import LineReporter
from stella_ops.console.live import LiveReporter
from stella_ops.console.overview import PastRun
from stella_ops.console.screen import Screen
from stella_ops.engine.events import HostOutput

ENV = {"TERM": "xterm-256color"}
CSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A pseudo-terminal whose other side notes everything that is written."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 100))
        self.stream: TextIO = open(slave, "w", encoding="utf-8")  # noqa: SIM115 - closed by close()
        self._parts: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._master, 65536)
            except OSError:  # the other side is closed
                return
            if not part:
                return
            self._parts.append(part)

    def close(self) -> str:
        if not self.stream.closed:
            self.stream.close()
        self._reader.join(10)
        return b"".join(self._parts).decode()

    def shown(self) -> str:
        """What is left on the screen and above it, after the end."""
        return screen_after(self.close())


def screen_after(written: str) -> str:
    """An emulation of the few controls that are used."""
    rows, row = [""], 0  # every line is written from its start, so no column is kept
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", written):
        if token == "\n":
            row += 1
            if row == len(rows):
                rows.append("")
        elif token == "\r":
            continue
        elif token.endswith("A"):
            row = max(0, row - int(token[2:-1] or 1))
        elif token.endswith("K"):
            rows[row] = ""
        elif not token.startswith("\x1b"):
            rows[row] += token
    assert not any(rows[row + 1 :]), "something is left below the cursor"
    return "\n".join(rows[: row + 1])


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()
    os.close(made._master)


def tell_drawing(story: Any, reporter: LiveReporter) -> None:
    """Tell a story and draw after each event, as a slow run would have it."""
    for event in story.events:
        reporter.handle(event)
        reporter.draw()
    reporter.close()


def few(story: Any) -> None:
    story.run(2)
    story.play("Play", ["web1", "web2"])
    story.task("install", hosts=["web1", "web2"])
    story.started("web1")
    story.started("web2")
    story.host("web1", "changed")
    story.host("web2", "failed", {"failed": True, "msg": "no"}, hint="try")
    story.end({"web1": {"ok": 1, "changed": 1}, "web2": {"failed": 1}}, duration=3.21)


def crowd(story: Any, *, count: int = 50, action: str = "command") -> None:
    hosts = [f"web{number:04}" for number in range(count)]
    story.run(count)
    story.play("Play", hosts)
    story.task("install", action, hosts=hosts)
    for host in hosts:
        story.started(host)
    for host in hosts[:-3]:
        story.host(host, "ok")
    story.retry(hosts[-3], 5)
    story.host(hosts[-3], "changed")
    story.host(hosts[-2], "changed")
    story.host(hosts[-1], "failed", {"failed": True, "msg": "disk full"}, hint="free some space")
    story.task("next", hosts=hosts)
    story.host(hosts[0], "skipped")
    story.end({host: {"ok": 1} for host in hosts[:-1]} | {hosts[-1]: {"failed": 1}})


def test_the_lines_are_those_of_the_line_reporter(terminal: Terminal, story: Any) -> None:
    few(story)
    tell_drawing(story, LiveReporter(terminal.stream, environ=ENV, threaded=False))
    plain = io.StringIO()
    story.tell(LineReporter(plain))
    assert terminal.shown() == plain.getvalue() + "2 hosts in 3.2 s\n"


def test_the_area_is_below_the_lines_after_each_drawing() -> None:
    class Screenful(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Screenful()
    screen = Screen(stream, color=False, errors=stream)
    for lines, area, expected in (
        (["one"], ["area 1", "area 2"], "one\narea 1\narea 2"),
        (["two", "three"], ["area 3"], "one\ntwo\nthree\narea 3"),
        ([], ["area 4", "area 5"], "one\ntwo\nthree\narea 4\narea 5"),
        (["four"], [], "one\ntwo\nthree\nfour\n"),
        ([], ["area 6"], "one\ntwo\nthree\nfour\narea 6"),
    ):
        screen.draw(lines, [(text, None) for text in area])
        assert screen_after(stream.getvalue()) == expected
    screen.line("five")
    screen.end()
    assert screen_after(stream.getvalue()) == "one\ntwo\nthree\nfour\nfive\n"


def test_lines_come_also_when_rich_trips(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    screen = Screen(stream, color=False, errors=stream)

    def trip(_: Screen) -> None:
        raise RuntimeError

    monkeypatch.setattr(Screen, "_start", trip)
    screen.draw(["one"], [("area", None)])
    screen.draw(["two"], [("area", None)])
    screen.end()
    assert stream.getvalue() == "one\ntwo\n"


def test_the_terminal_is_given_back(terminal: Terminal, story: Any) -> None:
    few(story)
    tell_drawing(story, LiveReporter(terminal.stream, environ=ENV, threaded=False))
    text = terminal.close()
    assert "2/2" not in terminal.shown()
    assert "install [" in text  # it was there
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor shows again


def test_many_hosts_are_counted_and_failures_shown_in_full(terminal: Terminal, story: Any) -> None:
    crowd(story)
    tell_drawing(story, LiveReporter(terminal.stream, environ=ENV, threaded=False))
    shown = terminal.shown()
    assert "ok: 47 hosts, changed: 2 hosts\n" in shown
    assert "skipping: 1 host\n" in shown
    assert "ok: [web" not in shown
    assert "RETRYING" not in shown
    assert 'fatal: [web0049]: FAILED! => {"msg": "disk full"}\n  hint: free some space\n' in shown
    assert "web0049                    : ok=0" in shown
    assert "web0048 " not in shown.split("PLAY RECAP")[1]
    assert "49 other hosts without a failure, 0 of them changed\n" in shown


def test_counts_stand_below_the_task_they_are_of(terminal: Terminal, story: Any) -> None:
    """Hosts that do not wait for each other, one of which fails: two tasks are under way, then over, at once."""
    hosts = [f"web{n}" for n in range(60)]
    story.run(60)
    story.play("all", hosts)
    first = story.task("one", hosts=hosts)
    story.host("web0", "failed")
    story.host("web1", task_id=first)
    second = story.task("two", hosts=hosts)
    story.host("web1", "changed", task_id=second)
    for host in hosts[2:]:
        story.host(host, task_id=first)
        story.host(host, "changed", task_id=second)
    story.end({host: {"ok": 2} for host in hosts})
    live = LiveReporter(terminal.stream, environ=ENV, threaded=False)
    for event in story.events:
        live.handle(event)
        live.draw()
    live.close()
    lines = [line.strip() for line in terminal.shown().splitlines() if line]
    one, two = lines.index("ok: 59 hosts"), lines.index("changed: 59 hosts")
    assert [place for place, line in enumerate(lines) if line.startswith("TASK [one")][-1] < one
    assert lines[two - 1].startswith("TASK [two")
    assert sum(line.startswith(("ok: ", "changed: ")) for line in lines) == 2


def test_with_v_many_hosts_are_shown_one_by_one(terminal: Terminal, story: Any) -> None:
    crowd(story)
    tell_drawing(story, LiveReporter(terminal.stream, environ=ENV, threaded=False, verbosity=1))
    shown = terminal.shown()
    assert 'ok: [web0001] => {"changed": false}\n' in shown
    assert "web0048                    : ok=1" in shown


def test_what_was_asked_for_is_not_counted_away(terminal: Terminal, story: Any) -> None:
    hosts = [f"web{number}" for number in range(30)]
    story.play("Play", hosts)
    story.task("say", "debug", hosts=hosts)
    story.host("web1", "ok", {"changed": False, "msg": "hello"})
    story.task("copy", "copy", hosts=hosts)
    story.host("web2", "changed", {"changed": True, "diff": {"before": "a\n", "after": "b\n"}})
    story.end({})
    tell_drawing(story, LiveReporter(terminal.stream, environ=ENV, threaded=False))
    shown = terminal.shown()
    assert '    "msg": "hello"\n' in shown
    assert "-a\n+b\n\nchanged: [web2]\n" in shown


def test_the_thread_draws_and_is_bounded(terminal: Terminal, story: Any) -> None:
    """2,000 hosts: far fewer drawings than events, and nothing is lost."""
    crowd(story, count=2000)
    reporter = LiveReporter(terminal.stream, environ=ENV)
    story.tell(reporter)
    text = terminal.close()
    assert "ok: 1,997 hosts, changed: 2 hosts" in text
    assert text.count("install [") < 30
    assert not [thread for thread in threading.enumerate() if thread.name == "stella-console"]
    reporter.close()  # once more does no harm


def test_no_color_is_respected(terminal: Terminal, story: Any) -> None:
    few(story)
    tell_drawing(story, LiveReporter(terminal.stream, environ=ENV | {"NO_COLOR": "1"}, threaded=False))
    assert not re.search(r"\x1b\[[0-9;]*m", terminal.close().replace("\x1b[0m", ""))


def test_a_dumb_terminal_or_a_pipe_gets_lines(terminal: Terminal, story: Any) -> None:
    few(story)
    plain, piped = io.StringIO(), io.StringIO()
    story.tell(LineReporter(plain))
    story.tell(LiveReporter(piped, environ=ENV))
    story.tell(LiveReporter(terminal.stream, environ={"TERM": "dumb"}))
    assert piped.getvalue() == plain.getvalue()
    assert terminal.close().replace("\r\n", "\n") == plain.getvalue()


def test_nothing_from_a_host_drives_the_terminal(terminal: Terminal, story: Any) -> None:
    evil = "x\x1b]0;owned\x07\x9b2J"
    story.run()
    story.play(evil, [evil])
    story.task(evil, hosts=[evil])
    story.started(evil)
    story.retry(evil, 3)
    story.host(evil, "failed", {"failed": True, "msg": evil}, hint=evil)
    story.end({evil: {"failed": 1}})
    tell_drawing(story, LiveReporter(terminal.stream, environ=ENV, threaded=False, verbosity=3))
    rest = CSI.sub("", terminal.close())
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", rest)


def test_an_interrupted_run_says_so_and_leaves_no_area(terminal: Terminal, story: Any) -> None:
    story.run(check=True)
    story.play("p", ["web1"])
    story.task("slow")
    story.started("web1")
    story.end({"web1": {"ok": 1}}, interrupted=True)
    tell_drawing(story, LiveReporter(terminal.stream, environ=ENV, threaded=False))
    shown = terminal.shown()
    assert shown.endswith("1 host in 12 s; check mode: nothing was changed; interrupted before all tasks had run\n")
    assert "slow [" not in shown


def test_a_run_that_dies_without_an_end_leaves_a_clean_terminal(terminal: Terminal, story: Any) -> None:
    story.play("p", ["web1"])
    story.task("slow")
    story.started("web1")
    tell_drawing(story, LiveReporter(terminal.stream, environ=ENV, threaded=False))
    assert "slow [" not in terminal.shown()
    text = terminal.close()
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_a_terminal_that_goes_away_ends_the_drawing_only(terminal: Terminal, story: Any) -> None:
    few(story)
    reporter = LiveReporter(terminal.stream, environ=ENV, threaded=False)
    reporter.handle(story.events[0])
    reporter.draw()
    terminal.stream.close()
    tell_drawing(story, reporter)


def test_one_module_on_many_hosts_shows_each_result(terminal: Terminal, story: Any) -> None:
    hosts = [f"web{number}" for number in range(30)]
    story.run(30, kind="run")
    story.task("ping", "ping", hosts=hosts)
    for host in hosts:
        story.host(host, "ok", {"changed": False, "ping": "pong"})
    story.end({host: {"ok": 1} for host in hosts})
    tell_drawing(story, LiveReporter(terminal.stream, kind="run", environ=ENV, threaded=False))
    shown = terminal.shown()
    assert shown.count("| SUCCESS => {") == 30
    assert "RECAP" not in shown
    assert shown.endswith("30 hosts in 12 s\n")


def test_warnings_go_among_the_lines_unless_stderr_is_elsewhere(terminal: Terminal, story: Any) -> None:
    story.warn("careful")
    elsewhere = io.StringIO()
    tell_drawing(story, LiveReporter(terminal.stream, environ=ENV, threaded=False, errors=elsewhere))
    assert elsewhere.getvalue() == "[WARNING]: careful\n"
    tell_drawing(story, LiveReporter(terminal.stream, environ=ENV, threaded=False, errors=terminal.stream))
    assert "[WARNING]: careful\n" in terminal.shown()


def test_how_far_a_file_is_stands_beside_its_host(terminal: Terminal, story: Any) -> None:
    reporter = LiveReporter(terminal.stream, environ=ENV, threaded=False)
    story.run(1)
    story.play("p", ["web1"])
    story.task("send", hosts=["web1"])
    story.started("web1")
    for second in range(30):
        story.transfer("web1", 1000.0 + second, second << 20, 40 << 20)
    for event in story.events:
        reporter.handle(event)
    [_, (hosts, _)] = reporter._area(100)
    assert "(29 of 40 MiB (72 %))" in hosts
    reporter.close()
    assert "sending" not in terminal.close()


class Screenful(io.StringIO):
    """A terminal of the usual size that is looked at while a run goes on."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        return screen_after(self.getvalue()).rstrip("\n").split("\n")


def out(host: str, text: str, **more: Any) -> HostOutput:
    return HostOutput(time=0, task_id=1, host=host, stream="stdout", text=text, **more)


def test_what_commands_print_stands_below_their_task_until_it_ends(story: Any) -> None:
    screen, now = Screenful(), 100.0
    reporter = LiveReporter(screen, environ=ENV, clock=lambda: now, threaded=False, errors=screen)

    def tell(*events: Any) -> list[str]:
        for event in events:
            reporter.handle(event)
        reporter.draw()
        return screen.lines()

    story.run(2, tasks=4)
    story.play("Play", ["web1", "web2"], tasks=2)
    story.task("build", hosts=["web1", "web2"])
    story.started("web1")
    story.started("web2")
    tell(*story.events)
    now = 103.0
    bar, hosts = "build [........................] 0/2  3.0 s", "  web1 3.0 s, web2 3.0 s"
    overview = "run: 0 of 4 tasks (0 %); 2 hosts: 2 at work; 3.0 s"
    assert tell()[-3:] == [bar, hosts, overview]
    shown = tell(out("web1", "one\ntwo\nthree\nfour\n10 %\r20 %"), out("web2", "\x1b[31mred\x1b[0m\n", item="i"))
    assert shown[-6:] == [bar, hosts, "    web1     | four", "    web1     | 20 %", "    web2 (i) | red", overview]
    shown = tell(out("web1", "\r30 %\ndone\n"), story.host("web2", "changed"))
    assert shown[-8:] == [
        "build [############............] 1/2, 1 changed  3.0 s",
        "  web1 3.0 s",
        *(f"    web1 | {line}" for line in ("two", "three", "four", "30 %", "done")),
        "run: 1 of 4 tasks (25 %); 2 hosts: 1 at work; 3.0 s",
    ]
    tell(story.host("web1", "changed"))
    story.end({"web1": {"ok": 1, "changed": 1}, "web2": {"ok": 1, "changed": 1}})
    reporter.handle(story.events[-1])
    reporter.close()
    left = screen.getvalue()
    assert "three" in left, "it was there"
    after = "\n".join(screen.lines())
    assert "|" not in after
    assert "run:" not in after
    assert "changed: [web1]" in after


def test_an_earlier_run_is_looked_for_once_and_late(story: Any) -> None:
    screen, now, asked = Screenful(), 100.0, []

    def find(started: Any) -> PastRun:
        asked.append(started.title)
        return PastRun([10.0, 100.0], 100.0)

    reporter = LiveReporter(screen, environ=ENV, clock=lambda: now, threaded=False, errors=screen, past=find)
    story.run(1, tasks=2)
    story.play("Play", ["web1"], tasks=2)
    story.task("first", hosts=["web1"])
    story.started("web1")
    for event in story.events:
        reporter.handle(event)
    reporter.look_back()
    assert asked == []
    now = 110.0
    reporter.handle(story.host("web1"))
    story.task("second", hosts=["web1"])
    reporter.handle(story.events[-1])
    story.started("web1")
    reporter.handle(story.events[-1])
    for _ in range(3):
        reporter.look_back()
    reporter.draw()
    assert asked == ["site.yml"]
    assert screen.lines()[-1] == "run: 1 of 2 tasks (50 %); 10 s; about 2 min left by the last run"
    reporter.close()


def test_a_store_that_cannot_be_read_costs_the_estimate_alone(story: Any) -> None:
    def fails(started: Any) -> None:
        raise OSError("no store")

    screen, now = Screenful(), 100.0
    reporter = LiveReporter(screen, environ=ENV, clock=lambda: now, threaded=False, errors=screen, past=fails)
    story.run(1, tasks=2)
    reporter.handle(story.events[-1])
    now = 200.0
    reporter.look_back()
    few(story)
    tell_drawing(story, reporter)
    assert "2 hosts in" in screen.getvalue()


def test_nothing_of_it_goes_into_a_pipe(story: Any) -> None:
    stream = io.StringIO()
    reporter = LiveReporter(stream, environ=ENV)
    assert not reporter.shows_output
    story.run(2, tasks=4)
    story.play("Play", ["web1"], tasks=2)
    story.task("build")
    for event in [*story.events, out("web1", "a line\n")]:
        reporter.handle(event)
    reporter.close()
    assert "a line" not in stream.getvalue()
    assert "run:" not in stream.getvalue()
