"""What an action is: the controller's half of a task.

An action is a file in this folder with a coroutine ``run``, and ``ARGUMENTS`` (the same literal as a module's) where it
does not take what the module of its name takes (``registry.action_arguments``).
A task whose name has no action here runs the module of that name on the host.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from stella_ops.errors import NotYet, UnreachableError
from stella_ops.templating.templar import Templar
from stella_ops.transport.base import Become, CommandResult, HostSession, Link, Listener, ModuleCall
from stella_ops.transport.content import RESUMABLE, FileContent, SourceFiles

if TYPE_CHECKING:
    from stella_ops.agents.fleet import Fleet
    from stella_ops.inventory.model import Inventory
    from stella_ops.transport.tunnels import TunnelsOfRun

Result = dict[str, Any]


def _tell_nobody(sent: int, total: int) -> None:
    pass


class LiveOutput(Listener, Protocol):
    """A ``Listener`` to one attempt after another."""

    def end(self) -> None:
        """The command of an attempt prints no more: tell what is left."""
        ...


class ActionFailure(Exception):
    """Ends an action as failed; ``result`` is what the task returns."""

    def __init__(self, msg: str | list[Any], **more: Any) -> None:
        super().__init__(msg)
        self.result: Result = {**more, "failed": True, "msg": msg}


class ActionError(ActionFailure):
    """What stops an action before it does anything: wrong arguments, a file that is not there.

    Such a task has failed whatever ``changed_when`` and ``failed_when`` say, and is not tried again, as where
    ansible-core's actions raise an error in place of returning a result.
    """


class Reached(NamedTuple):
    """A host's session, and the user that its tasks are run as there."""

    session: HostSession
    become: Become | None = None


@dataclass(slots=True)
class ActionContext:
    """What an action may use.

    Attributes:
        host: the inventory name of the host the task is about.
        variables: its variables; values as written.
        session: the connection to the host the task runs on (the delegate, if there is one).
        search_path: folders in which relative files are looked for, the best first.
        keep_secret: makes a value unprintable for the rest of the run.
        scrub: a value without the secrets of this run.
        fleet: opens the fleet's services (store, authority, releases) when first called.
        link: the task's place among tasks that are sent ahead.
        tunnels: where a run opens tunnels.
        sources: the controller's files, each read once for all hosts.
        inventory: may be added to.
        transfer: called with a file's name when it begins to travel; what it returns is told how far it is (bytes
            sent, bytes in all).
        live: hears what the task's command prints while it runs; None where nobody watches.
        action: the canonical name of what is done.
        told: what modules of others are told besides their arguments.
        asynchronous, poll: seconds, of the task; an action that supports ``async`` deals with them.
        delegated: ``delegate_to`` is given, be it the host itself.
        own: how the host that the task is about is reached, whichever it is delegated to; what is given by name takes
            the place of what its variables say (``ConnectionSpec``).
        controller: the session of this machine.
        facts_modules: what ``gather_facts`` runs where no variable says so.
        invocation: somebody may look at the arguments in the result.
        title: gives the task's name, rendered.
        say: tells people a line while the task runs.
        polled: tells people that a job in the background goes on, by its name.
    """

    host: str
    variables: Mapping[str, Any]
    templar: Templar
    session: HostSession
    become: Become | None
    check: bool
    diff: bool
    timeout: float
    environment: Mapping[str, str]
    search_path: Sequence[Path]
    keep_secret: Callable[[object], object]
    scrub: Callable[[Any], Any]
    fleet: Fleet | None = None
    link: Link | None = None
    tunnels: TunnelsOfRun | None = None
    sources: SourceFiles = field(default_factory=SourceFiles)
    inventory: Inventory | None = None
    transfer: Callable[[str], Callable[[int, int], None]] = lambda name: _tell_nobody
    live: LiveOutput | None = None
    action: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)
    asynchronous: float = 0
    poll: float = 0
    delegated: bool = False
    own: Callable[..., Reached] | None = None
    controller: Callable[[], HostSession] | None = None
    invocation: bool = False
    facts_modules: Sequence[str] = ("smart",)
    title: Callable[[], str] = lambda: ""
    say: Callable[[str], None] = lambda line: None
    polled: Callable[[str], None] = lambda job: None

    async def module(
        self,
        name: str,
        args: Mapping[str, Any],
        *,
        content: bytes | FileContent | None = None,
        check: bool | None = None,
        timeout: float | None = None,
        background: Mapping[str, Any] | None = None,
        told: Mapping[str, Any] | None = None,
    ) -> Result:
        """Run a module on the host; its own failure is returned, not raised.

        A large file whose transfer is cut goes on where it was, once, over a new connection.
        """
        call = ModuleCall(
            module=name,
            args=args,
            check=self.check if check is None else check,
            diff=self.diff,
            timeout=self.timeout if timeout is None else timeout,
            environment=self.environment,
            content=content,
            link=self.link,
            background=background,
            told=told or (self.told if "." in name else {}),
            live=self.live if background is None else None,
            invocation=self.invocation and background is None,
        )
        if not isinstance(content, FileContent) or content.small() is not None:
            return told_by_host(await self.session.call(call, self.become))
        tell = self.transfer(content.path.name)
        travelled = False

        def progress(sent: int, total: int) -> None:
            nonlocal travelled
            travelled = True
            tell(sent, total)

        call = replace(call, progress=progress)
        try:
            answer = await self.session.call(call, self.become)
        except UnreachableError:
            if not travelled or content.size < RESUMABLE:
                raise
            answer = await self.session.call(call, self.become)
        return told_by_host(answer)

    def alone(self) -> None:
        """Say before the first call that the task will ask the host several times.

        Raises:
            NotYet: it was begun ahead of its turn, and has to wait for that.
        """
        if self.link is not None and self.link.previous is not None:
            raise NotYet
        self.link = None

    async def raw(self, command: str) -> CommandResult:
        """Run a bare command on the host."""
        if self.live is None:
            return await self.session.raw(command, self.become, self.timeout)
        return await self.session.raw(command, self.become, self.timeout, live=self.live)

    def the_fleet(self) -> Fleet:
        """The fleet's services.

        Raises:
            ActionFailure: this run has none.
        """
        if self.fleet is None:
            raise ActionFailure("this action needs the fleet store, which this run does not have")
        return self.fleet


# What an action's result may say to the engine, which takes it out.
ENGINES = frozenset(("_variables", "_included", "_cacheable", "_censored", "_unshown", "_hint", "_where"))


def is_engines(name: str) -> bool:
    """Whether a name in a result is between actions and engine, and no value of the task."""
    return name in ENGINES or name.startswith("_ansible_")


def told_by_host(answer: Mapping[str, Any]) -> Result:
    """A host's answer as a result that may go further.

    Some names are how actions speak to the engine ("make these variables"); a host has no say in that. What it adds to
    a failure for people is marked as its words. Lists that are walked through everywhere are lists, and what programs
    printed is told by lines as well.
    """
    result = {name: value for name, value in answer.items() if not is_engines(name)}
    if answer.get("failed") and isinstance(answer.get("_hint"), str):
        result["_hint"] = f"the host says: {answer['_hint']}"
    for name in ("warnings", "deprecations"):
        if name in result:
            told = result[name] if isinstance(result[name], list) else [result[name]]
            result[name] = [text if isinstance(text, str | dict) else str(text) for text in told]
    for name in ("stdout", "stderr"):
        printed = result.get(name)
        if isinstance(printed, str):
            result.setdefault(f"{name}_lines", printed.splitlines())
    return result


class Action(Protocol):
    """An action's file, as a module object.

    Besides what a module's file may state (``ARGUMENTS``, ``FREE_FORM``, see ``module_index.read_spec``), it may have:

    * ``RUN_ONCE``: it does its work once, and not for each host.
    * ``SUPPORTS_ASYNC``: it deals with ``async`` itself.
    * ``UNRENDERED``: names of arguments that it gets as they are written, since they are expressions.
    * ``TEMPLATED_NAMES``: it takes values under names that may be templates: those of an argument, or "" for all.
    * ``MISSING``: what it says where an argument is missing.
    * ``ANSWERED``: which mistakes in arguments, "missing" or "wrong", are its result, that of a module of
      ansible-core's, so that conditions have a say in it; others are an ``ActionError``.
    """

    async def run(self, context: ActionContext, args: dict[str, Any]) -> Result:
        """Do the task on one host; raises ``ActionFailure`` or any ``StellaError``."""
        ...


def well(answer: Result) -> Result:
    """A module's answer where an action cannot go on without it.

    Raises:
        ActionFailure: the module failed; message and hint are its own.
    """
    if answer.get("failed"):
        raise ActionFailure(str(answer.get("msg")), _hint=answer.get("_hint"))
    return answer


def find_file(context: ActionContext, kind: str, name: str) -> Path:
    """A file an operator named: absolute, or below the search path (its ``kind`` folder first).

    Args:
        kind: ``files`` or ``templates``.

    Raises:
        ActionFailure: there is none; the message lists where it was looked for.
    """
    path = Path(name).expanduser()
    if path.is_absolute():
        candidates = [path]
    else:
        candidates = [place / part for place in context.search_path for part in (Path(kind) / path, path)]
    for candidate in candidates:
        if candidate.is_file() or candidate.is_dir() or str(candidate) == os.devnull:  # other devices have no end
            return candidate
    raise ActionError(not_found(name, candidates))


def not_found(name: str, searched: Sequence[Path]) -> str:
    """That a file of the controller's is not there, in ansible-core's words."""
    places = "\nSearched in:" + "".join(f"\n\t{place}" for place in dict.fromkeys(searched))
    return (
        f"Could not find or access '{name}'{'' if Path(name).is_absolute() else places} on the Ansible Controller.\n"
        "If you are using a module and expect the file to exist on the remote, see the remote_src option"
    )
