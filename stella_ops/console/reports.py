"""Reports of a whole run: ``--report junit=PATH``, ``--report json=PATH``, ``--output junit``.

The JUnit document has a suite for each play and a case for each task on each host; what failed or could not be
reached is a failure, what was skipped is skipped, a failure that was ignored is none. It is what CI servers read
(the schema of Jenkins' xunit plug-in).
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from stella_ops import atomic_files
from stella_ops.console.record import RanPlay, RanTask, Record, plain_end
from stella_ops.console.results import dump, plain, tame, without_items
from stella_ops.engine.events import Event, HostFinished, Reporter
from stella_ops.errors import UsageError

# What XML 1.0 cannot hold.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class FileReport:
    """Writes a document about the run to a file when it ends, as a whole or not at all."""

    def __init__(self, path: Path, document: Callable[[Record], str]) -> None:
        self._record = Record()
        self._path = path
        self._document = document

    def handle(self, event: Event) -> None:
        """Take one event."""
        self._record.take(event)

    def close(self) -> None:
        """Write the file."""
        atomic_files.deliver(self._path, self._document(self._record))


class StreamReport:
    """Writes a document about the run to a stream when it ends."""

    def __init__(self, stream: TextIO, document: Callable[[Record], str]) -> None:
        self._record = Record()
        self._stream = stream
        self._document = document

    def handle(self, event: Event) -> None:
        """Take one event."""
        self._record.take(event)

    def close(self) -> None:
        """Write the document."""
        self._stream.write(self._document(self._record))
        self._stream.flush()


def file_report(text: str) -> Reporter:
    """The reporter that ``--report KIND=PATH`` asks for.

    Raises:
        UsageError: another kind, or a folder that is not there.
    """
    kind, _, name = text.partition("=")
    documents = {"junit": junit, "json": json_document}
    if kind not in documents or not name:
        raise UsageError(f"--report {text}: expected junit=PATH or json=PATH")
    path = Path(name).expanduser()
    if path.is_dir():
        raise UsageError(f"--report {text}: '{path}' is a folder")
    if not path.parent.is_dir():
        raise UsageError(f"--report {text}: there is no folder '{path.parent}'")
    return FileReport(path, documents[kind])


def json_document(record: Record) -> str:
    """The run as one JSON object: ``run``, ``plays`` with tasks and what they brought on hosts, ``stats``."""
    run = record.started
    data = {
        "run": {
            "id": run.run_id if run else None,
            "kind": run.kind if run else None,
            "title": run.title if run else None,
            "check": run.check if run else None,
            "started": run.time if run else None,
            "duration": record.duration,
            "exit_code": record.finished.exit_code if record.finished else None,
            "interrupted": record.finished.interrupted if record.finished else True,
        },
        "plays": [
            {
                "play": play.name,
                "tasks": [
                    {
                        "task": task.name,
                        "action": task.action,
                        "origin": task.origin,
                        "handler": task.handler,
                        "hosts": {end.host: plain_end(end) for end in task.ends},
                    }
                    for task in play.tasks
                ],
            }
            for play in record.plays
        ],
        "stats": {host: dataclasses.asdict(tally) for host, tally in record.hosts.items()},
        "warnings": record.warnings,
    }
    try:
        return json.dumps(data, default=plain, allow_nan=False, indent=2) + "\n"
    except (TypeError, ValueError, RecursionError):
        return json.dumps(tame(data), indent=2) + "\n"


def junit(record: Record) -> str:
    """The run as a JUnit document."""
    from xml.etree import ElementTree as xml

    suites = xml.Element("testsuites")
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for play in record.plays:
        suite = xml.SubElement(suites, "testsuite")
        counts = _fill(suite, play, xml)
        for key, value in counts.items():
            totals[key] += value
            suite.set(key, str(value))
        suite.set("name", _clean(play.name))
        suite.set("timestamp", datetime.fromtimestamp(play.started, UTC).isoformat(timespec="seconds"))
        suite.set("time", f"{sum(end.duration for task in play.tasks for end in task.ends):.3f}")
    suites.set("name", _clean(record.started.title if record.started else ""))
    for key, value in totals.items():
        suites.set(key, str(value))
    suites.set("time", f"{record.duration:.3f}")
    xml.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{xml.tostring(suites, encoding="unicode")}\n'


def _fill(suite: Any, play: RanPlay, xml: Any) -> dict[str, int]:
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for task in play.tasks:
        for end in task.ends:
            counts["tests"] += 1
            case = xml.SubElement(
                suite,
                "testcase",
                name=_clean(f"[{end.host}] {_title(task)}"),
                classname=_clean(task.origin.rsplit(":", 2)[0]),
                time=f"{end.duration:.3f}",
            )
            if end.status in ("failed", "unreachable"):
                counts["failures"] += 1
                said = str(end.result.get("msg", "")) or end.status
                failure = xml.SubElement(case, "failure", type=end.status, message=_clean(said))
                failure.text = _clean(_details(task, end))
            elif end.status == "skipped":
                counts["skipped"] += 1
                why = str(end.result.get("skip_reason", end.result.get("skipped_reason", "")))
                xml.SubElement(case, "skipped", message=_clean(why))
            else:
                output = xml.SubElement(case, "system-out")
                output.text = _clean(dump(without_items(end), task.action, 0, loud=True))
    return counts


def _title(task: RanTask) -> str:
    return f"handler {task.name}" if task.handler else task.name


def _details(task: RanTask, end: HostFinished) -> str:
    lines = [task.origin, dump(without_items(end), task.action, 0, loud=True)]
    if end.hint:
        lines.append(f"hint: {end.hint}")
    return "\n".join(lines)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
