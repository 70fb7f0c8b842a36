"""Handlers: who was notified of what, and whether the name means anything."""

from __future__ import annotations

from collections.abc import Collection

from stella_ops.errors import PlaybookError
from stella_ops.origins import did_you_mean
from stella_ops.playbook.model import Handler


class Notifications:
    """The handlers of one play, in the order written, with the hosts that notified each.

    Args:
        titles: the handlers' names, rendered.
        groups: how many handlers belong together: those of a role, or of the play itself. Of handlers with one name
            the last group's first counts.
    """

    def __init__(self, handlers: list[Handler], titles: list[str], groups: list[int] | None = None) -> None:
        self._handlers = list(handlers)
        self._titles = list(titles)
        self._notified: list[dict[str, None]] = [{} for _ in handlers]
        self._groups = [number for number, size in enumerate(groups or [len(handlers)]) for _ in range(size)]

    def extend(self, handlers: list[Handler], titles: list[str]) -> None:
        """Take in the handlers of a role that was included."""
        number = self._groups[-1] + 1 if self._groups else 0
        self._handlers += handlers
        self._titles += titles
        self._notified += [{} for _ in handlers]
        self._groups += [number] * len(handlers)

    def has(self, handler: Handler) -> bool:
        """Whether a handler of the same role and place is there already."""
        return any(
            known.origin == handler.origin and (known.inherited.role is None) == (handler.inherited.role is None)
            for known in self._handlers
        )

    def notify(self, name: str, host: str, where: object) -> list[str]:
        """Note that a host notified a handler's name or a topic; returns the titles of what will run.

        Of several handlers with one name the first counts, as in ansible-core; of a topic, all.

        Raises:
            PlaybookError: no handler has that name or listens to it.
        """
        found = [i for i, handler in enumerate(self._handlers) if name in handler.listen]
        named = [i for i in range(len(self._titles)) if name in self._names(i)]
        if named:
            found.append(max(named, key=lambda i: (self._groups[i], -i)))
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
        return any(name in self._names(i) for i in range(len(self._titles))) or any(
            name in handler.listen for handler in self._handlers
        )

    def _names(self, index: int) -> tuple[str, ...]:
        """What a handler may be called by: one of a role with or without the role's name."""
        title, role = self._titles[index], self._handlers[index].inherited.role
        if role is None:
            return (title,)
        bare = title.removeprefix(f"{role.name} : ")
        return (bare, f"{role.name} : {bare}", f"{role.name}: {bare}", title)

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
