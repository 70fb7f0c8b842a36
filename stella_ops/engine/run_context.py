"""What all plays and tasks of a run share."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops import content
from stella_ops.engine.events import Event, Reporter
from stella_ops.engine.host_state import HostState
from stella_ops.engine.journal import Journal
from stella_ops.engine.options import RunOptions
from stella_ops.engine.steps import Steps
from stella_ops.engine.variables import PlayVariables
from stella_ops.inventory.model import Inventory
from stella_ops.inventory.patterns import LOCALHOST
from stella_ops.module_kind import Kind, ModuleFile, module_file
from stella_ops.module_source import constants, is_own
from stella_ops.playbook.files import PlaybookFiles
from stella_ops.playbook.model import Prompt, Task
from stella_ops.playbook.module_index import ModuleIndex, SourceModuleIndex
from stella_ops.redaction import Redactor
from stella_ops.templating.templar import Templar
from stella_ops.transport.content import SourceFiles
from stella_ops.transport.pool import SessionPool

if TYPE_CHECKING:
    from stella_ops.agents.fleet import Fleet
    from stella_ops.engine.fact_caches.kept import KeptFacts
    from stella_ops.transport.tunnels import TunnelsOfRun


class RunContext:
    """One run: its inventory, options, connections, reporters, and the state of every host.

    Args:
        fleet: opened lazily by the actions that need it; None where a run has no fleet.
        modules, files: for what is included while the run goes on.
        ask: asks the operator for a variable (``vars_prompt``).
        ask_step: asks whether a task runs (``--step``); see ``Steps``.
        kept_facts: facts that outlive the run; None where none do.
        reload: reads the inventory again (``meta: refresh_inventory``).
        tunnels: opened to each host of a play before its first task; None where none are wanted.
        journal: what the run keeps of itself, and the past that it goes on with.
        watched: whether somebody watches what commands print while they run.
    """

    def __init__(
        self,
        *,
        run_id: str,
        inventory: Inventory,
        options: RunOptions,
        pool: SessionPool,
        reporter: Reporter,
        redactor: Redactor,
        fleet: Fleet | None = None,
        tunnels: TunnelsOfRun | None = None,
        modules: ModuleIndex | None = None,
        files: PlaybookFiles | None = None,
        ask: Callable[[Prompt], Any] = lambda prompt: prompt.default,
        ask_step: Callable[[str], str] = lambda title: "yes",
        reload: Callable[[], Inventory] | None = None,
        kept_facts: KeptFacts | None = None,
        journal: Journal | None = None,
        watched: bool = False,
    ) -> None:
        self.run_id = run_id
        self.inventory = inventory
        self.options = options
        self.pool = pool
        self.redactor = redactor
        self.fleet = fleet
        self.modules: ModuleIndex = modules if modules is not None else SourceModuleIndex(options.module_folders)
        self.files = files if files is not None else PlaybookFiles()
        self.tunnels = tunnels
        self.ask = ask
        self.steps = Steps(options, ask_step)
        self.reload = reload
        self.kept_facts = kept_facts
        self.journal = journal if journal is not None else Journal()
        self.watched = watched
        self.templar = Templar()
        self.sources = SourceFiles()
        self.states: dict[str, HostState] = {}
        self.slots = asyncio.Semaphore(max(1, options.forks))
        self._reporter = reporter
        self._task_ids = 0
        self._traits = functools.cache(self._read_traits)
        self._foreign = functools.cache(self._find_foreign)

    def emit(self, event: Event) -> None:
        """Tell everybody who watches. Results in it must be scrubbed already."""
        self._reporter.handle(event)

    def scrub(self, value: Any) -> Any:
        """A result without the secrets of this run."""
        return self.redactor.scrub(value)

    def keep_secret(self, value: object) -> bool:
        """Make a value unprintable for the rest of the run, and of one that goes on with it."""
        taken = self.redactor.add(value)
        if taken:
            self.journal.secret(value)
        return taken

    def next_task_id(self) -> int:
        """A number for a task, unique within the run."""
        self._task_ids += 1
        return self._task_ids

    def state(self, host: str) -> HostState:
        """A host's state, made when the host first takes part; with the facts that are kept of it."""
        known = self.states.get(host)
        if known is None:
            known = self.states[host] = HostState(host)
            if self.kept_facts is not None:
                known.add_facts(self.kept_facts.recall_now(host))
        return known

    async def recall(self, hosts: Sequence[str]) -> None:
        """Make the states of many hosts, with one look at the facts that are kept of them."""
        new = [host for host in hosts if host not in self.states]
        kept = await self.kept_facts.recall(new) if self.kept_facts is not None and new else {}
        for host in new:
            state = self.states[host] = HostState(host)
            if host in kept:
                state.add_facts(kept[host])

    def connection_age(self, host: str) -> int:
        """How often the variables changed that could say how a host is reached; see ``HostState``."""
        known = self.states.get(host)
        return 0 if known is None else known.connection_age

    def delegate_variables(
        self, variables: PlayVariables, host: str, task: Task, extra: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """The variables by which a delegate is reached; it need not be in the inventory."""
        if host not in self.inventory.hosts and host not in LOCALHOST:
            return variables.of_stranger(host, task, extra)
        return variables.of(host, task, extra)

    def module_traits(self, name: str) -> tuple[str | None, bool]:
        """A module's FREE_FORM argument, and whether it supports check mode."""
        traits: tuple[str | None, bool] = self._traits(name, len(self.options.module_folders))
        return traits

    def _read_traits(self, name: str, _folders: int) -> tuple[str | None, bool]:
        path = content.module_path(name, self.options.module_folders)
        if path is None or self.foreign_module(name) is not None:
            return None, True
        return read_traits(path)

    def foreign_module(self, name: str) -> ModuleFile | None:
        """The file of a module that was written for ansible-core; None where it is one of ours."""
        found: ModuleFile | None = self._foreign(name, len(self.options.module_folders))
        return found

    def _find_foreign(self, name: str, _folders: int) -> ModuleFile | None:
        path = content.module_path(name, self.options.module_folders)
        if path is None or is_own(path):
            return None
        found = module_file(path)
        return None if found.kind is Kind.OWN else found


def read_traits(path: Path) -> tuple[str | None, bool]:
    """FREE_FORM and SUPPORTS_CHECK of a module's source, read without running it."""
    found = constants(path)
    return found.get("FREE_FORM"), bool(found.get("SUPPORTS_CHECK", True))
