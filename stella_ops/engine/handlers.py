"""Handlers: who was notified of what, and whether the name means anything."""

from __future__ import annotations

from collections.abc import Collection

from stella_ops.errors import PlaybookError
from stella_ops.origins import did_you_mean
from stella_ops.playbook.model import Handler


class Notifications:
    """The handlers of one play, in the order written, with the hosts that notified each."""

    def __init__(self, handlers: list[Handler], titles: list[str]) -> None:
        self._handlers = handlers
        self._titles = titles
        self._notified: list[dict[str, None]] = [{} for _ in handlers]

    def notify(self, name: str, host: str, where: object) -> list[str]:
        """Note that a host notified a handler's name or a topic; returns the titles of what will run.

        Of several handlers with one name the first counts, as in ansible-core; of a topic, all.

        Raises:
            PlaybookError: no handler has that name or listens to it.
        """
        found = [i for i, handler in enumerate(self._handlers) if name in handler.listen]
        named = [i for i, title in enumerate(self._titles) if title == name]
        if named:
            found.append(named[0])
        if not found:
            topics = [topic for handler in self._handlers for topic in handler.listen]
            raise PlaybookError(
                f"The requested handler '{name}' was not found in the handlers of this play",
                where=where,
                hint=did_you_mean(name, [*self._titles, *topics]),
            )
        fresh = [i for i in sorted(set(found)) if host not in self._notified[i]]
        for index in fresh:
            self._notified[index][host] = None
        return [self._titles[index] for index in fresh]

    def knows(self, name: str) -> bool:
        """Whether a handler has that name, or listens to it."""
        return name in self._titles or any(name in handler.listen for handler in self._handlers)

    def take(self, index: int, among: Collection[str] | None = None) -> list[str]:
        """The hosts (of some) that notified a handler; they count as served from now on."""
        notified = self._notified[index]
        hosts = [host for host in notified if among is None or host in among]
        for host in hosts:
            del notified[host]
        return hosts

    def pending(self) -> bool:
        """Whether any handler still has to run."""
        return any(self._notified)

    def __len__(self) -> int:
        return len(self._handlers)

    def __getitem__(self, index: int) -> Handler:
        return self._handlers[index]
