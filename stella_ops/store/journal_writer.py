"""Makes rows of what a run says for its journal. Used by the recorder's thread, which also pays for the encoding."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.errors import StoreError

if TYPE_CHECKING:
    from stella_ops.store.journal_lock import RunLock
    from stella_ops.store.journal_seal import Seal
    from stella_ops.store.run_writers import JournalRows

Record = tuple[Any, ...]


class JournalWriter:
    """The journal of one run.

    Nothing is encoded, sealed or locked before there is something to write, and nothing is written of a run that ends
    well before that.

    Args:
        state: the project's state folder, where the key is.
        encode: a record as JSON has it.
        keep_for, keep_last: after which time, and beyond how many, the journals of other runs are forgotten.

    Attributes:
        keeps: the journal is kept even if the run ends well: it left hosts aside.
        written: there is something in the store.
    """

    def __init__(
        self, state: Path, encode: Callable[[Record], Any], *, keep_for: timedelta, keep_last: int, keeps: bool = False
    ) -> None:
        self._state = state
        self._encode = encode
        self._keep_for = keep_for
        self._keep_last = keep_last
        self._seal: Seal | None = None
        self._lock: RunLock | None = None
        self.keeps = keeps
        self.written = False

    def rows(self, run_id: str, records: Sequence[Record], finish: Mapping[str, Any] | None) -> JournalRows | None:
        """What to do to the store's journals; None for nothing.

        Raises:
            StoreError: the key or the lock cannot be made.
        """
        from stella_ops.store.run_writers import JournalRows

        if finish is not None and finish["exit_code"] == 0 and not self.keeps:
            return JournalRows(drop=run_id)
        if not records:
            return None
        made = JournalRows()
        now = datetime.now(UTC)
        if self._seal is None:
            self._seal = self._begin(run_id)
            made.expire = (now - self._keep_for, self._keep_last)
        body = "\n".join(json.dumps(self._encoded(record), separators=(",", ":")) for record in records)
        made.portions.append(
            {"run_id": run_id, "key_id": self._seal.key_id, "written_at": now, "body": self._seal.close(body)}
        )
        self.written = True
        return made

    def _encoded(self, record: Record) -> Any:
        while True:
            try:
                return self._encode(record)
            except RuntimeError as problem:
                # A template of the run that goes on changed the very mapping that was being looked through.
                if "changed size" not in str(problem):
                    raise

    def _begin(self, run_id: str) -> Seal:
        from stella_ops.store.journal_seal import Seal

        self.lock(run_id)
        return Seal.load_or_create(self._state)

    def lock(self, run_id: str) -> None:
        """Let others know that the run goes on.

        Raises:
            StoreError: the lock cannot be made.
        """
        from stella_ops.store.journal_lock import RunLock

        if self._lock is not None:
            return
        try:
            self._lock = RunLock(self._state, run_id)
        except OSError as problem:
            raise StoreError(f"the run cannot be journalled: {problem.strerror}", where=self._state) from None

    def close(self) -> None:
        """The run is over."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
