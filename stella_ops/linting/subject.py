"""What is looked at: the plays with all that they bring, and what is known of their hosts' variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stella_ops.engine.options import RunOptions
from stella_ops.engine.variables import PlayVariables
from stella_ops.inventory.model import Inventory
from stella_ops.linting.findings import Findings
from stella_ops.linting.typos import Typos
from stella_ops.origins import SourceText
from stella_ops.playbook.files import PlaybookFiles
from stella_ops.playbook.model import Handler, Play, Role, Step, Task
from stella_ops.playbook.module_index import ModuleIndex

RUNTIME: Final = object()  # the value of a variable that only the run gives


@dataclass(slots=True)
class Site:
    """A task in one place where it runs.

    Attributes:
        dealt: the playbook deals with its failure: rescue, ignore_errors, failed_when.
        rescue: it runs when another one failed.
        handler: it runs when it is notified.
        included: it is read while the play runs.
        survived: something of the playbook runs all the same when it fails: a rescue or an always section.
    """

    task: Task
    dealt: bool = False
    rescue: bool = False
    handler: bool = False
    included: bool = False
    survived: bool = False

    def never(self) -> bool:
        """Whether a condition that is no expression keeps it from running."""
        return any(is_false(condition) for condition in self.task.inherited.when)

    def conditional(self) -> bool:
        """Whether something decides if it runs."""
        return self.rescue or any(not is_true(condition) for condition in self.task.inherited.when)

    def own_names(self) -> frozenset[str]:
        """The variables that its loop and its own result are."""
        task = self.task
        made = {"ansible_loop_var", "ansible_index_var", "ansible_loop"}
        if task.loop is not None:
            made.add(task.loop_var)
        if task.loop_index_var:
            made.add(task.loop_index_var)
        return frozenset(made)


@dataclass(slots=True)
class View:
    """Hosts that have the same variables, and those variables as far as they are written down."""

    hosts: list[str]
    variables: PlayVariables


@dataclass(slots=True)
class PlaySubject:
    """A play.

    Attributes:
        sites: its tasks and handlers, with those of all that it includes, as far as that is known.
        handlers, roles: likewise.
        sections: the steps as they are written.
        hosts: that its pattern means; None where that is not known.
        views: of these hosts; one without hosts where there are none.
        handlers_open: there may be more handlers, or more that notify.
    """

    play: Play
    folder: Path
    sites: list[Site] = field(default_factory=list)
    handlers: list[Handler] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    sections: list[list[Step]] = field(default_factory=list)
    hosts: list[str] | None = None
    views: list[View] = field(default_factory=list)
    handlers_open: bool = False


@dataclass(slots=True)
class Subject:
    """All that is looked at.

    Attributes:
        named_inventory: there is an inventory, so that a variable that it lacks is not there.
        typos: which names are others with a letter amiss.
        runtime: names that tasks make while they run.
        open: why there may be further variables; empty where all are known.
        reached: ids of the variables' texts that some task renders.
        mentioned: names that template files use.
        lost: tasks, as loaded, that the parser could make nothing of.
    """

    inventory: Inventory
    options: RunOptions
    modules: ModuleIndex
    files: PlaybookFiles
    findings: Findings
    named_inventory: bool = True
    typos: Typos = field(default_factory=Typos)
    plays: list[PlaySubject] = field(default_factory=list)
    runtime: set[str] = field(default_factory=set)
    open: list[str] = field(default_factory=list)
    reached: set[int] = field(default_factory=set)
    mentioned: set[str] = field(default_factory=set)
    lost: list[Mapping[Any, Any]] = field(default_factory=list)

    def sites(self) -> Iterator[tuple[PlaySubject, Site]]:
        """All tasks of all plays."""
        for play in self.plays:
            for site in play.sites:
                yield play, site


def is_true(condition: Any) -> bool:
    """Whether a condition holds whatever happens."""
    return condition is True or (isinstance(condition, str) and condition.strip().lower() in ("true", "yes", ""))


def is_false(condition: Any) -> bool:
    """Whether a condition never holds."""
    return condition is False or (isinstance(condition, str) and condition.strip().lower() in ("false", "no"))


def texts(value: Any) -> Iterator[SourceText]:
    """Every text in a value that an operator wrote."""
    if isinstance(value, SourceText):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, SourceText):
                yield key
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)
