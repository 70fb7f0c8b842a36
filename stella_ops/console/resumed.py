"""What is shown of a run that goes on with an interrupted one."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from stella_ops.console.text import safe_line
from stella_ops.engine.events import Resumed, ResumedHost

_MANY = 20


def resumed_title(event: Resumed) -> str:
    """The headline: which run, and when it began."""
    started = datetime.datetime.fromtimestamp(event.started).astimezone()
    return f"RESUMING [{event.run_id[:8]} of {started:%Y-%m-%d %H:%M:%S}]"


def resumed_lines(event: Resumed) -> list[tuple[str, str | None]]:
    """Where the hosts go on."""
    return host_lines(event.hosts)


def host_lines(hosts: Mapping[str, ResumedHost]) -> list[tuple[str, str | None]]:
    """Where the hosts go on, with the styles of the lines; those with the same to say together."""
    alike: dict[str, list[str]] = {}
    for name, host in hosts.items():
        alike.setdefault(_where(host), []).append(name)
    found: list[tuple[str, str | None]] = []
    for text, names in alike.items():
        shown = ", ".join(safe_line(name) for name in names[:_MANY])
        more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
        found.append((f"{shown}{more}: {text}", "ok" if hosts[names[0]].done else None))
    return found


def resumed_recap(event: Resumed) -> str:
    """What stands below the recap."""
    done = sum(host.done for host in event.hosts.values())
    kept = sum(host.kept for host in event.hosts.values())
    text = f"resumed run {event.run_id[:8]}: {kept} results of {len(event.hosts)} hosts were taken over"
    return f"{text}, {done} of them had come to the end" if done else text


def _where(host: ResumedHost) -> str:
    if host.done:
        return "came to the end, not touched"
    if host.at is None:
        return "begins"
    if host.again:
        return f"begins again with '{safe_line(host.at)}', as what rescued it gave up ({host.kept} tasks are done)"
    where = "goes on at" if host.failed else "goes on after"
    return f"{where} '{safe_line(host.at)}'{', which failed' if host.failed else ''} ({host.kept} tasks are done)"
