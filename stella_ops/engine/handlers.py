"""Handlers: who was notified of what, and whether the name means anything."""

from __future__ import annotations

from collections.abc import Callable, Collection

from stella_ops.errors import MissingHandlerError
from stella_ops.playbook.keywords import is_template
from stella_ops.playbook.model import Handler
from stella_ops.spelling import did_you_mean


class Notifications:
    """The handlers of one play, in the order written, with the hosts that notified each.

    A notification is a name until handlers run: an include after it may bring the handler that has it then.

    Args:
        titles: the handlers' names, rendered.
        groups: how many handlers belong together: those of a role, or of the play itself. Of handlers with one name
            the last group's first counts.
        unnamed: is told of the handlers that nothing can notify, as their names could not be rendered.
    """

    def __init__(
        self,
        handlers: list[Handler],
        titles: list[str],
        groups: list[int] | None = None,
        unnamed: Callable[[Handler], None] = lambda handler: None,
    ) -> None:
        self._unnamed = unnamed
        self._handlers = list(handlers)
        self._titles = list(titles)
        self._notified: list[dict[str, None]] = [{} for _ in handlers]
        self._groups = [number for number, size in enumerate(groups or [len(handlers)]) for _ in range(size)]
        # The names each host has said since its handlers ran last.
        self._saved: dict[str, dict[str, None]] = {}

    def extend(self, handlers: list[Handler], titles: list[str]) -> None:
        """Take in the handlers of a role that was included."""
        number = self._groups[-1] + 1 if self._groups else 0
        self._handlers += handlers
        self._titles += titles
        self._notified += [{} for _ in handlers]
        self._groups += [number] * len(handlers)

    def has(self, handler: Handler) -> bool:
        """Whether this very handler is there already."""
        return any(known is handler for known in self._handlers)

    def notify(self, name: str, host: str, where: object, *, at_once: bool = False) -> list[str]:
        """Note that a host notified a handler's name or a topic; returns the titles of what will run.

        Args:
            at_once: handlers are running: those below the running one still have their turn.

        Raises:
            MissingHandlerError: no handler has that name or listens to it.
        """
        for handler, title in zip(self._handlers, self._titles, strict=True):
            if is_template(title) and not handler.listen:
                self._unnamed(handler)
        found = self._find(name)
        if not found:
            listening = [topic for handler in self._handlers for topic in handler.listen]
            raise MissingHandlerError(
                f"The requested handler '{name}' was not found in either the main handlers list nor in the "
                "listening handlers list",
                where=where,
                hint=did_you_mean(name, [*self._titles, *listening]),
            )
        saved = self._saved.setdefault(host, {})
        already = {index for known in saved for index in self._find(known)}
        fresh = [i for i in sorted(found) if host not in self._notified[i] and i not in already]
        if at_once:
            self._mark(host, found)
        else:
            saved[name] = None
        return [self._titles[index] for index in fresh]

    def settle(self, hosts: Collection[str] | None = None) -> None:
        """Find the handlers that some hosts (all) notified, before they run."""
        for host in [host for host in self._saved if hosts is None or host in hosts]:
            for name in self._saved.pop(host):
                self._mark(host, self._find(name))

    def _mark(self, host: str, indices: Collection[int]) -> None:
        for index in indices:
            self._notified[index][host] = None

    def _find(self, name: str) -> list[int]:
        """The handlers that a notification means: one of that name, and all that listen, of one name the last."""
        named = [i for i in range(len(self._titles)) if name in self._names(i)]
        found = {max(named, key=self._rank)} if named else set[int]()
        seen: set[str] = set()
        listening = [i for i, handler in enumerate(self._handlers) if name in heard(handler)]
        for index in sorted(listening, key=self._rank, reverse=True):
            title = self._names(index)[0]
            if self._handlers[index].name and title in seen:
                continue
            seen.add(title)
            found.add(index)
        return sorted(found)

    def _rank(self, index: int) -> tuple[int, int]:
        return self._groups[index], -index

    def knows(self, name: str) -> bool:
        """Whether a handler has that name, or listens to it."""
        return any(name in self._names(i) for i in range(len(self._titles))) or any(
            name in heard(handler) for handler in self._handlers
        )

    def _names(self, index: int) -> tuple[str, ...]:
        """What a handler may be called by: one of a role with or without the role's name."""
        title, role = self._titles[index], self._handlers[index].inherited.role
        if role is None:
            return (title,)
        bare = title.removeprefix(f"{role.name} : ")
        names = dict.fromkeys((role.name, role.short))
        return (bare, *(f"{name}{colon}{bare}" for name in names for colon in (" : ", ": ")), title)

    def take(self, index: int, among: Collection[str] | None = None) -> list[str]:
        """The hosts (of some) that notified a handler; they count as served from now on."""
        notified = self._notified[index]
        hosts = [host for host in notified if among is None or host in among]
        for host in hosts:
            del notified[host]
        return hosts

    def pending(self) -> bool:
        """Whether any handler still has to run."""
        return any(self._notified) or any(self._saved.values())

    def __len__(self) -> int:
        return len(self._handlers)

    def __getitem__(self, index: int) -> Handler:
        return self._handlers[index]


def heard(handler: Handler) -> list[str]:
    """What a handler listens to; those of a role with the role's name before them, too."""
    role = handler.inherited.role
    if role is None:
        return handler.listen
    names = dict.fromkeys((role.name, role.short))
    return [*handler.listen, *(f"{name} : {topic}" for name in names for topic in handler.listen)]
