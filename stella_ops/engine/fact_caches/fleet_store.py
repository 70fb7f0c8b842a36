"""Facts in the fleet store, for all controllers that share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stella_ops.engine.fact_caches.encoding import decode, encode
from stella_ops.errors import StoreError

if TYPE_CHECKING:
    from stella_ops.store.database import Store


def _now() -> datetime:
    return datetime.now(UTC)


class StoredFacts:
    """See ``FactCache``. A store that fails is told once, and facts are then those of the run.

    Args:
        url: the store's; it is opened when it is first needed.
        timeout: seconds after which facts are too old; 0 for never.
        clock: gives the time, aware.
    """

    def __init__(self, url: str, *, timeout: float = 86400, clock: Callable[[], datetime] = _now) -> None:
        self.problems: list[str] = []
        self._url = url
        self._timeout = timeout
        self._clock = clock
        self._store: Store | None = None
        self._broken = False

    def load(self, hosts: Sequence[str]) -> dict[str, dict[str, Any]]:
        """See ``FactCache.load``."""
        from stella_ops.store import host_facts

        since = self._clock() - timedelta(seconds=self._timeout) if self._timeout else None
        found: dict[str, dict[str, Any]] = {}
        try:
            store = self._open()
            if store is None:
                return {}
            with store.reading() as connection:
                texts = host_facts.find(connection, hosts, since=since)
        except StoreError as problem:
            self._give_up(problem)
            return {}
        for host, text in texts.items():
            try:
                found[host] = decode(text)
            except (ValueError, RecursionError):
                self.problems.append(f"the cached facts of {host} are passed over: they are no JSON")
        return found

    def save(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        """See ``FactCache.save``."""
        from stella_ops.store import host_facts

        texts = {}
        for host, values in facts.items():
            texts[host], unkept = encode(values)
            if unkept:
                self.problems.append(f"facts of {host} that cannot be cached: {', '.join(unkept)}")
        try:
            store = self._open()
            if store is not None:
                with store.transaction() as connection:
                    host_facts.save(connection, texts, self._clock())
        except StoreError as problem:
            self._give_up(problem)

    def forget(self, hosts: Iterable[str]) -> None:
        """See ``FactCache.forget``."""
        from stella_ops.store import host_facts

        try:
            store = self._open()
            if store is not None:
                with store.transaction() as connection:
                    host_facts.forget(connection, list(hosts))
        except StoreError as problem:
            self._give_up(problem)

    def close(self) -> None:
        """See ``FactCache.close``."""
        if self._store is not None:
            self._store.close()

    def _open(self) -> Store | None:
        if self._store is None and not self._broken:
            from stella_ops.store.database import Store

            self._store = Store.open(self._url)
        return None if self._broken else self._store

    def _give_up(self, problem: StoreError) -> None:
        self._broken = True
        self.problems.append(f"facts are not cached in the fleet store: {problem}")
