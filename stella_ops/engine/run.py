"""A run: the plays of some playbooks on an inventory, from the first connection to the recap."""

from __future__ import annotations

import asyncio
import functools
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stella_ops.engine import keyword_values, limits, plugins
from stella_ops.engine.batches import batches
from stella_ops.engine.events import (
    HostTally,
    NoHosts,
    PlaybookFinished,
    PlayStarted,
    RunFinished,
    RunStarted,
    Warned,
)
from stella_ops.engine.known_tasks import known_tasks
from stella_ops.engine.meta import PlayEnded
from stella_ops.engine.pipelined import FreeRunner, PipelinedRunner
from stella_ops.engine.play_hosts import (
    early,
    is_for_nobody,
    may_add_hosts,
    of_playbook,
    play_hosts,
    play_title,
)
from stella_ops.engine.play_runner import PlayRunner
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.task_runner import TaskRunner
from stella_ops.engine.variables import PlayVariables
from stella_ops.engine.vars_files import VarsFiles
from stella_ops.errors import PatternError, PlaybookError, StellaError, TemplateError
from stella_ops.origins import origin_of
from stella_ops.playbook.model import Play, Playbook, Prompt
from stella_ops.playbook.problems import PlaybookProblems
from stella_ops.templating.templar import Templar

# How the hosts of a batch go through a play's tasks.
STRATEGIES: dict[str, type[PlayRunner] | type[PipelinedRunner]] = {
    "linear": PlayRunner,
    "pipelined": PipelinedRunner,
    "free": FreeRunner,
    "host_pinned": FreeRunner,
}

OK, ERROR, FAILED_HOSTS, UNREACHABLE_HOSTS, INTERRUPTED = 0, 1, 2, 4, 99


class Run:
    """Runs playbooks.

    Args:
        context: what the run shares; its pool is closed when the run ends.
        kind: "play" or "run", for those who watch.
    """

    def __init__(self, context: RunContext, *, kind: Any = "play", title: str = "") -> None:
        self._context = context
        self._kind = kind
        self._title = title
        self._number = -1

    async def execute(self, playbooks: Sequence[Playbook]) -> int:
        """Run all plays; the exit code.

        Raises:
            StellaError: what is wrong with the playbook or the inventory rather than with a host.
        """
        context = self._context
        started = time.monotonic()
        code, interrupted, broken = OK, False, False
        plugins.start(context.options.module_folders)
        everyone, tasks_total = self._everyone([play for book in playbooks for play in book.plays])
        context.emit(
            RunStarted(
                time=time.time(),
                run_id=context.run_id,
                kind=self._kind,
                title=self._title,
                check=context.options.check,
                hosts_total=len(everyone),
                tasks_total=0 if context.journal.resuming else tasks_total,
            )
        )
        written = {path for book in playbooks for path in (book.path, *(play.path or book.path for play in book.plays))}
        context.journal.read(sorted({*(str(Path(path).resolve()) for path in written), *map(str, context.files.read)}))
        for text in context.inventory.warnings:
            context.emit(Warned(time=time.time(), message=text))
        code = ERROR
        try:
            for book in playbooks:
                if book.problem is not None:
                    raise book.problem
                await self._playbook(book)
                code = self._exit_code()
                if code != OK:
                    break  # as ansible-core does: a playbook is not begun after one that failed
                if book is not playbooks[-1]:
                    context.emit(PlaybookFinished(time=time.time(), playbook=book.path, hosts=self._tallies()))
            if context.steps.not_found is not None:
                context.emit(
                    Warned(
                        time=time.time(),
                        message=f'No matching task "{context.steps.not_found}" found. '
                        "Note: --start-at-task can only follow static includes.",
                        error=True,
                    )
                )
        except (asyncio.CancelledError, KeyboardInterrupt):
            interrupted, code = True, INTERRUPTED
            raise
        except StellaError as problem:
            code, broken = problem.exit_code, True
            raise
        finally:
            try:
                try:
                    if context.tunnels is not None:
                        await context.tunnels.tunnels.close()
                finally:
                    try:
                        await context.pool.close()
                    finally:
                        if context.kept_facts is not None:
                            await context.kept_facts.close()
            except (asyncio.CancelledError, KeyboardInterrupt):
                # All is done but the leave-taking; the exit status will be an interrupted run's all the same.
                interrupted, code = True, INTERRUPTED
                raise
            finally:
                self._finish(code, interrupted, time.monotonic() - started, broken=broken)
        return code

    def _everyone(self, plays: Sequence[Play]) -> tuple[set[str], int]:
        """The hosts that take part, and how many tasks they have in all, as far as it shows before the first play.

        A pattern that is wrong ends the run now.

        Raises:
            PatternError: a pattern means nobody, and no play before it adds hosts or groups.
        """
        context, found, tasks, grows = self._context, set[str](), 0, False
        for play in plays:
            try:
                if self._is_for_nobody(play):
                    continue
                hosts = play_hosts(play, context.inventory, context.options, context.templar, grown=grows)
            except PatternError:
                if not grows and not context.options.errors_in_turn:
                    raise
                hosts = []
            except TemplateError:
                # The facts of earlier plays may be in hostvars by then.
                if "hostvars" not in str(play.hosts) and not context.options.errors_in_turn:
                    raise
                hosts = []
            found.update(hosts)
            tasks += len(hosts) * known_tasks(play, context.options)
            grows = grows or may_add_hosts(play)
        return found, tasks

    def _hosts(self, play: Play) -> list[str]:
        """The hosts of a play whose turn has come, without those that one before it should have made and did not."""
        context = self._context
        try:
            return play_hosts(play, context.inventory, context.options, context.templar, context.states)
        except PatternError as problem:
            if context.options.errors_in_turn:
                raise
            context.emit(Warned(time=time.time(), message=problem.message, where=problem.where))
        try:
            return play_hosts(play, context.inventory, context.options, context.templar, context.states, grown=True)
        except PatternError:
            return []

    def _is_for_nobody(self, play: Play) -> bool:
        return is_for_nobody(self._early(play, "hosts" if play.name else "name", play.hosts))

    def _early(self, play: Play, name: str, value: Any) -> Any:
        context = self._context
        return early(play, name, value, context.inventory, context.options, context.templar, context.states)

    async def _playbook(self, book: Playbook) -> None:
        for play in book.plays:
            self._number += 1
            if wrong := [*play.wrong, *play.wrong_in_run]:
                raise PlaybookProblems(wrong)
            if self._is_for_nobody(play):
                continue
            if not await self._play(play, Path(play.path or book.path), self._hosts(play)):
                break

    def _tallies(self) -> dict[str, HostTally]:
        states = self._context.states
        return {name: states[name].tally() for name in sorted(states) if states[name].counts}

    def _finish(self, code: int, interrupted: bool, duration: float, *, broken: bool) -> None:
        self._context.emit(
            RunFinished(
                time=time.time(),
                run_id=self._context.run_id,
                exit_code=code,
                duration=duration,
                hosts=self._tallies(),
                interrupted=interrupted,
                broken=broken,
            )
        )

    async def _play(self, play: Play, path: Path, hosts: list[str]) -> bool:
        """Run one play; False when the run must not go on to the next."""
        context = self._context
        folder = path.resolve().parent
        context.templar = Templar(
            search_path=[folder, folder / "templates"], lenient=context.options.broken_conditionals
        )
        plugins.of_play(context, play, folder)
        title = self._play_title(play)

        def begin(batch: list[str], *, tasks: int = 0, strategy: str = "linear") -> None:
            where = str(play.origin)
            context.emit(
                PlayStarted(time=time.time(), play=title, hosts=batch, tasks=tasks, origin=where, strategy=strategy)
            )

        hosts = self._in_order(play, hosts)
        alive = [host for host in hosts if not self._is_out(host)]
        if not alive:
            begin([])
            if not hosts:
                context.emit(NoHosts(time=time.time(), play=title))
            return True
        variables = PlayVariables(
            context.inventory,
            context.options,
            context.templar,
            context.states,
            play_vars=play.vars,
            play_name=title,
            play_hosts=hosts,
            playbook_dir=folder,
            run_id=context.run_id,
            roles=play.roles,
            recall=context.state if context.kept_facts is not None else None,
        )
        for prompt in play.vars_prompt:
            if prompt.name not in context.options.extra_vars:
                variables.answer(prompt.name, self._answer(prompt))
        await context.recall(alive)
        strategy = self._strategy(play)
        files = VarsFiles(context, play, variables, folder)
        files.load(alive)
        variables.facts_gathered = functools.partial(files.load, with_facts=True)
        looked_at: set[int] = set()
        for host in alive:
            variables.warn_of_reserved(host, looked_at)
        serial = self._keywords(play, variables.of(alive[0]))
        tasks = TaskRunner(context, variables, [folder])
        tasks_of_host = known_tasks(play, context.options)
        for portion in batches(hosts, serial, play.origin):
            # Hosts that are out take up their places in the portions, as in ansible-core.
            batch = [host for host in portion if not self._is_out(host)]
            if not batch:
                begin([], strategy=strategy)
                continue
            variables.begin_batch(batch)
            with of_playbook():
                if limits.stops(context, play, variables.of(batch[0])):
                    return False
            if not all(context.journal.is_through(host) for host in batch):
                begin(batch, tasks=tasks_of_host, strategy=strategy)
            if not context.steps.begin(play):
                continue
            try:
                runner = STRATEGIES[strategy](context, play, variables, tasks, batch)
                goes_on = await runner.run_batch()
                # Hosts that were out before count, too: only a batch that is lost as a whole ends the run.
                if not goes_on and (runner.stopped or len(batch) == len(portion)):
                    return False
            except PlayEnded:
                break
        return True

    def _keywords(self, play: Play, view: Mapping[str, Any]) -> Any:
        """Look at what a play says of itself before anything of it is told; its ``serial``."""
        templar, seen = self._context.templar, self._context.templar.lazy(view)
        with of_playbook():
            for name in ("gather_facts", "force_handlers"):
                keyword_values.flag(name, getattr(play, name), templar, seen)
            keyword_values.percentage("max_fail_percentage", play.max_fail_percentage, templar, seen)
            return keyword_values.rendered("serial", play.serial, lambda written: templar.render(written, seen))

    def _in_order(self, play: Play, hosts: list[str]) -> list[str]:
        """The hosts of a play in order; only those that it began with, where an interrupted run did."""
        context = self._context
        before = context.journal.began(self._number)
        if before is None:
            ordered = self._ordered(play, hosts)
        else:
            # A host that fell out before may only now come into the group that the play is for.
            now, then, known = set(hosts), set(before), self._known()
            before = [*before, *(host for host in hosts if host not in then and host in known)]
            ordered = [host for host in before if host in now]
            new = [host for host in hosts if host not in then and host not in known]
            if new:
                message = f"these hosts were not in the play when it began, and are left alone: {', '.join(new)}"
                context.emit(Warned(time=time.time(), message=message))
        context.journal.begin_play(self._number, play, ordered if before is None else before)
        return ordered

    def _known(self) -> set[str]:
        """The hosts that took part in the run that this one goes on with, and those that were added."""
        added = {str(args[0]) for kind, *args in self._context.inventory.additions(0) if kind == "host"}
        return self._context.journal.took_part() | added | {name.partition(":")[0] for name in added}

    def _answer(self, prompt: Prompt) -> Any:
        journal = self._context.journal
        known, value = journal.answer(self._number, prompt.name)
        if not known:
            value = self._context.ask(prompt)
        journal.answered(self._number, prompt.name, value)
        return value

    def _ordered(self, play: Play, hosts: list[str]) -> list[str]:
        """The hosts in the order that the play wants."""
        rendered = self._early(play, "order", play.order)
        match str(rendered or "inventory"):
            case "inventory":
                return hosts
            case "reverse_inventory":
                return hosts[::-1]
            case "sorted":
                return sorted(hosts)
            case "reverse_sorted":
                return sorted(hosts, reverse=True)
            case "shuffle":
                return random.sample(hosts, len(hosts))
            case other:
                raise PlaybookError(f"'order' cannot be '{other}'", where=origin_of(play.order, play.origin))

    def _play_title(self, play: Play) -> str:
        context = self._context
        return str(context.scrub(play_title(play, context.inventory, context.options, context.templar, context.states)))

    def _strategy(self, play: Play) -> str:
        """The play's strategy; one that is a template shows its value only now."""
        rendered = self._early(play, "strategy", play.strategy)
        name = str(rendered or self._context.options.strategy).removeprefix("ansible.builtin.")
        if name not in STRATEGIES:
            raise PlaybookError(
                f"Invalid play strategy specified: {name}",
                where=origin_of(play.strategy, play.origin),
                hint=f"known: {', '.join(STRATEGIES)}",
            )
        return name

    def _is_out(self, host: str) -> bool:
        state = self._context.states.get(host)
        return state is not None and (state.failed or state.unreachable)

    def _exit_code(self) -> int:
        states = self._context.states.values()
        if any(state.unreachable for state in states):
            return UNREACHABLE_HOSTS
        return FAILED_HOSTS if any(state.failed for state in states) else OK
