"""A run's view of a fact cache: facts are read when a host is first looked at, and written as they come in.

A thread of its own reads and writes, one thing after the other, so that a slow disk does not hold up the loop. What
changes while it is at work is written together.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from stella_ops.engine.fact_caches.base import GATHERED, FactCache
from stella_ops.engine.host_state import HostState
from stella_ops.redaction import Redactor

Facts = dict[str, Any]


class KeptFacts:
    """The facts of a run's hosts, in a cache.

    Args:
        warn: told of what an operator should know, in the caller's thread.
        secrets: texts that no cache may hold, those that were found so far: what was encrypted stays so.
    """

    def __init__(
        self, cache: FactCache, *, warn: Callable[[str], None], secrets: Callable[[], Sequence[str]] = tuple
    ) -> None:
        self._cache = cache
        self._warn = warn
        self._secrets = secrets
        self._redactor = Redactor()
        self._known = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="facts")
        self._lock = threading.Lock()
        self._last: Future[None] | None = None
        self._changed: dict[str, Facts] = {}
        self._withheld: dict[str, set[str]] = {}

    async def recall(self, hosts: Sequence[str]) -> dict[str, Facts]:
        """What is kept of some hosts; nothing of those that the cache knows no recent facts of."""
        found = await asyncio.get_running_loop().run_in_executor(self._thread, self._cache.load, hosts)
        self._tell()
        return found

    def recall_now(self, host: str) -> Facts:
        """What is kept of one host; empty where that is nothing."""
        found = self._thread.submit(self._cache.load, [host]).result()
        self._tell()
        return found.get(host, {})

    def withhold(self, host: str, facts: Facts) -> None:
        """Keep those of some facts out of the cache that hold a secret; they were set by a playbook."""
        known = self._secrets()
        while self._known < len(known):
            self._redactor.add(known[self._known])
            self._known += 1
        held = self._withheld.setdefault(host, set())
        for name, value in facts.items():
            if self._redactor.scrub(value) is value:
                held.discard(name)
            elif name not in held:
                held.add(name)
                self._warn(f"the fact '{name}' of {host} holds what a vault keeps secret: it is not cached")

    def keep(self, state: HostState) -> None:
        """Write what is known of a host by now."""
        facts = {name: value for name, value in state.facts.items() if name not in self._withheld.get(state.name, ())}
        if state.gathered:
            facts[GATHERED] = True
        with self._lock:
            waiting = bool(self._changed)
            self._changed[state.name] = facts
        if not waiting:
            self._last = self._thread.submit(self._write)

    def forget(self, hosts: Iterable[str]) -> None:
        """Keep nothing of some hosts."""
        names = list(hosts)
        with self._lock:
            for name in names:
                self._changed.pop(name, None)
        self._last = self._thread.submit(self._cache.forget, names)

    async def written(self) -> None:
        """Wait until all of that is done: the next task may look at the cache."""
        if self._last is not None and not self._last.done():
            await asyncio.wrap_future(self._last)
        self._tell()

    async def close(self) -> None:
        """Write what is left."""
        self._thread.submit(self._cache.close)
        await asyncio.to_thread(self._thread.shutdown)
        self._tell()

    def _write(self) -> None:
        with self._lock:
            changed, self._changed = self._changed, {}
        try:
            if changed:
                self._cache.save(changed)
        except Exception as problem:  # no cache is worth a run
            self._cache.problems.append(f"facts are not cached: {type(problem).__name__}: {problem}")

    def _tell(self) -> None:
        problems = self._cache.problems
        while problems:
            self._warn(problems.pop(0))
