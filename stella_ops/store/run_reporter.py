"""Records a run in the store while it goes on: a consumer of the engine's events.

``handle`` only puts the event into a queue. A thread of the recorder's own writes batches, so that a slow
disk does not hold up the run, and imports what it writes with there, so that a command does not wait for it.
A store that fails ends the recording, not the run: ``problem`` says why, for a warning at the end.

Events are known by the names of their classes and fields (see ``engine/events.py``): rooms below the engine
do not import it.
"""

from __future__ import annotations

import dataclasses
import json
import queue
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stella_ops.errors import StellaError, StoreError

if TYPE_CHECKING:
    from stella_ops.store.journal_writer import JournalWriter
    from stella_ops.store.run_writers import RunWriter

_LONGEST_RESULT = 32_768
_BATCH = 500
# Seconds that what a killed run did may be lost, so that it is done again.
JOURNAL_AFTER = 0.1
_KEPT_OF_LONG_RESULTS = ("changed", "failed", "skipped", "unreachable", "rc", "msg", "censored")


class RunRecorder:
    """A Reporter that writes to the fleet store.

    Args:
        url: the store's; it is opened with the first batch.
        flush_after: seconds that events may wait for others to be written with.
    """

    def __init__(self, url: str, *, flush_after: float = 1.0) -> None:
        self._url = url
        self._flush_after = flush_after
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._journal: JournalWriter | None = None
        self._thread: threading.Thread | None = None
        self._run_id: str | None = None
        self._play: str | None = None
        self._actions: dict[int, str] = {}
        self._wanted = {
            "RunStarted": self._run_started,
            "PlayStarted": self._play_started,
            "TaskStarted": self._task_started,
            "HostFinished": self._host_finished,
            "RunFinished": self._run_finished,
        }
        self.problem: StellaError | None = None

    def journal_with(self, journal: JournalWriter) -> None:
        """Have the run's journal written along, and sooner."""
        self._journal = journal
        self._flush_after = min(self._flush_after, JOURNAL_AFTER)

    def handle(self, event: Any) -> None:
        """Take one event; never blocks, never raises."""
        if type(event).__name__ in self._wanted:
            self._put(event)

    def keep(self, record: tuple[Any, ...]) -> None:
        """Take a record for the run's journal; never blocks, never raises."""
        self._put(record)

    def _put(self, item: Any) -> None:
        if self.problem is not None:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="run-recorder", daemon=True)
            self._thread.start()
        self._queue.put(item)

    def close(self) -> None:
        """Write what is left and close the store. Called again it does nothing."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        writer: RunWriter | None = None
        try:
            while not self._closing.is_set():
                self._closing.wait(self._flush_after)
                writer = self._flush(writer)
            writer = self._flush(writer)
        except StellaError as problem:
            self.problem = problem
        except Exception as problem:  # the run must not suffer, whatever it is
            self.problem = StoreError(f"the run is not recorded: {type(problem).__name__}: {problem}")
        finally:
            if writer is not None:
                writer.close()
            if self._journal is not None:
                self._journal.close()

    def _flush(self, writer: RunWriter | None) -> RunWriter | None:
        while not self._queue.empty():
            from stella_ops.store.run_writers import open_writer

            writer = writer or open_writer(self._url)
            batch = _Batch()
            for _ in range(_BATCH):
                try:
                    event = self._queue.get_nowait()
                except queue.Empty:
                    break
                if type(event) is tuple:
                    batch.records.append(event)
                else:
                    self._wanted[type(event).__name__](event, batch)
            journal = None
            if self._journal is not None and self._run_id is not None:
                journal = self._journal.rows(self._run_id, batch.records, batch.finish)
            writer.write(batch.start, batch.results, batch.finish, journal)
        return writer

    def _run_started(self, event: Any, batch: _Batch) -> None:
        self._run_id = event.run_id
        batch.start = {
            "id": event.run_id,
            "kind": event.kind,
            "title": _text(event.title),
            "check_mode": event.check,
            "hosts_total": event.hosts_total,
            "started_at": _moment(event.time),
        }

    def _play_started(self, event: Any, _batch: _Batch) -> None:
        self._play = _text(event.play)

    def _task_started(self, event: Any, _batch: _Batch) -> None:
        self._actions[event.task_id] = _text(event.action, 255)

    def _host_finished(self, event: Any, batch: _Batch) -> None:
        if self._run_id is None:
            return
        row = {
            "run_id": self._run_id,
            "task_id": event.task_id,
            "play": self._play,
            "task": _text(event.task),
            "action": self._actions.get(event.task_id),
            "host": _text(event.host, 255),
            "status": event.status,
            "finished_at": _moment(event.time),
            "duration": event.duration,
            "result": _shortened(event.result),
            "hint": None if event.hint is None else _text(event.hint),
            "delegate": None if event.delegate is None else _text(event.delegate, 255),
        }
        batch.results.append(row)

    def _run_finished(self, event: Any, batch: _Batch) -> None:
        batch.finish = {
            "id": event.run_id,
            "finished_at": _moment(event.time),
            "exit_code": event.exit_code,
            "interrupted": event.interrupted,
            "hosts": {host: dataclasses.asdict(tally) for host, tally in event.hosts.items()},
        }


class _Batch:
    """What is written together: rows by the names of their columns."""

    def __init__(self) -> None:
        self.start: dict[str, Any] | None = None
        self.results: list[dict[str, Any]] = []
        self.finish: dict[str, Any] | None = None
        self.records: list[tuple[Any, ...]] = []


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _text(text: Any, longest: int | None = None) -> str:
    """Text that every database takes: no NUL, no lone surrogates (junk bytes from a host)."""
    return str(text).encode("utf-8", "replace").decode().replace("\0", "\ufffd")[:longest]


def _shortened(result: dict[str, Any]) -> dict[str, Any]:
    """A result as JSON data; of a long one only what tells how it went."""
    odd: list[Any] = []

    def named(value: Any) -> str:
        odd.append(value)
        return str(value)

    try:
        text = json.dumps(result, default=named, allow_nan=False)
    except ValueError:  # NaN and infinities are JSON to Python only
        odd.append(result)
        text = json.dumps(result, default=str)
    if len(text) > _LONGEST_RESULT:
        kept = {key: result[key] for key in _KEPT_OF_LONG_RESULTS if key in result}
        if isinstance(kept.get("msg"), str):
            kept["msg"] = kept["msg"][:2000]
        text = json.dumps({**kept, "_shortened_from": len(text)}, default=str)
    elif not odd:
        return result
    data: dict[str, Any] = json.loads(text, parse_constant=str)
    return data
