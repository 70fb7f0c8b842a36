"""A run: its connections, reporters and signals, from beginning to exit status."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.cli.fact_caching import kept_facts
from stella_ops.cli.reporters import Changes, console_reporter, last_reporters, more_reporters
from stella_ops.cli.workplace import Workplace, load
from stella_ops.engine.events import Reporter, Warned
from stella_ops.errors import StellaError
from stella_ops.playbook.model import Playbook, Prompt

if TYPE_CHECKING:
    from stella_ops.agents.fleet import Fleet
    from stella_ops.cli.resuming import Resuming
    from stella_ops.transport.pool import SessionPool


@contextlib.contextmanager
def failing_with_one(wanted: bool) -> Iterator[None]:
    """With ``--detailed-exitcode`` every error has the exit status 1."""
    try:
        yield
    except StellaError as problem:
        if wanted:
            problem.exit_code = 1
        raise


def detailed(code: int, changed: bool) -> int:
    """The exit status that ``--detailed-exitcode`` asks for: 0 no changes, 2 changes, 1 a failure."""
    if code == 0:
        return 2 if changed else 0
    return 1 if code in (1, 2, 4) else code


async def make_pool(workplace: Workplace, fleet: Fleet, warn: Callable[[str], None]) -> SessionPool:
    """The connections of a command: with the project's known hosts and keys, and what the command line says."""
    from stella_ops.transport.code import CodeLibrary
    from stella_ops.transport.pool import SessionPool

    project, choices = workplace.project, workplace.choices
    named = choices.private_key
    return SessionPool(
        CodeLibrary(workplace.options.module_folders),
        project_known_hosts=project.known_hosts_file,
        pinned_known_hosts=await fleet.pinned_hosts(),
        host_authorities=project.ssh.host_ca,
        accept_new_host_keys=choices.accept_new_host_keys,
        private_keys=[Path(named).expanduser()] if named else [],
        on_accepted_key=fleet.host_key_accepted,
        on_refused_key=fleet.host_key_refused,
        warn=warn,
    )


def execute(
    workplace: Workplace,
    playbooks: Sequence[Playbook],
    *,
    kind: str,
    title: str,
    reporters: Sequence[Reporter] | None = None,
    record: bool = True,
    resuming: Resuming | None = None,
    warnings: Sequence[str] = (),
) -> int:
    """Run playbooks to their end; the exit code.

    Args:
        kind: "play", "run" or "doctor".
        reporters: instead of the console's.
        record: write the run to the fleet store.
        resuming: the run that this one goes on with.
        warnings: what is to be told before the first play.
    """
    import asyncio

    try:
        return asyncio.run(_execute(workplace, playbooks, kind, title, reporters, record, resuming, warnings))
    except asyncio.CancelledError:  # SIGTERM: see _execute
        raise KeyboardInterrupt from None


def _ask(prompt: Prompt) -> Any:
    from stella_ops.cli.prompting import ask_variable

    return ask_variable(prompt)


def _ask_step(title: str) -> str:
    from stella_ops.cli.prompting import ask_step

    return ask_step(title)


async def _execute(
    workplace: Workplace,
    playbooks: Sequence[Playbook],
    kind: str,
    title: str,
    reporters: Sequence[Reporter] | None,
    record: bool,
    resuming: Resuming | None,
    warnings: Sequence[str],
) -> int:
    import asyncio

    from stella_ops import collections
    from stella_ops.agents.fleet import Fleet
    from stella_ops.cli.collections import tell
    from stella_ops.cli.recording import WithoutVault
    from stella_ops.cli.watching import output_watchers
    from stella_ops.console.fan_out import FanOut
    from stella_ops.engine.run import Run
    from stella_ops.engine.run_context import RunContext
    from stella_ops.vault.keyring import current

    changes, watched = Changes(), False
    if reporters is not None:
        watching = list(reporters)
    else:
        # Those that write files come first: what they say stands above the recap.
        console = console_reporter(workplace, playbooks, kind=kind)
        more, watched = output_watchers(workplace.choices.live, console)
        watching = [*more_reporters(workplace, kind, title), *more, console, changes, *last_reporters(workplace, kind)]
    warned: set[str] = set()

    def warn(message: str) -> None:
        if message not in warned:
            warned.add(message)
            reporter.handle(Warned(time=time.time(), message=message))

    fleet = Fleet(workplace.project, redactor=workplace.redactor, environ=workplace.environ, warn=warn)
    recorder = fleet.run_recorder() if record else None
    kept = [WithoutVault(recorder, current())] if recorder else []
    run_id = os.urandom(16).hex()
    journalling = None
    if kind == "play":
        from stella_ops.cli.journalling import Journalling

        kept_by = None if workplace.options.check else recorder
        journalling = Journalling(workplace, run_id, playbooks, kept_by, resuming)
    reporter = FanOut([*watching, *kept], errors=sys.stderr)
    tell(
        workplace.settings,
        lambda said: reporter.handle(Warned(time=time.time(), message=said.told(), deprecated=said.deprecated)),
    )
    pool = await make_pool(workplace, fleet, warn)
    tunnels = None
    if workplace.choices.tunnel:
        from stella_ops.cli.tunnelling import tunnels_of_run

        tunnels = tunnels_of_run(workplace, pool, warn)
    context = RunContext(
        run_id=run_id,
        inventory=workplace.inventory,
        options=workplace.options,
        pool=pool,
        reporter=reporter,
        redactor=workplace.redactor,
        fleet=fleet,
        tunnels=tunnels,
        modules=workplace.modules,
        files=workplace.files,
        kept_facts=kept_facts(workplace, warn),
        watched=watched,
        ask=_ask,
        ask_step=_ask_step,
        reload=lambda: load(
            workplace.choices, workplace.project, workplace.settings, dict(workplace.options.extra_vars), again=True
        ),
        journal=journalling.journal if journalling else None,
    )
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    assert me is not None
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, me.cancel)
    # What is there by now stays to the end: no search for dead objects need look at it again.
    gc.freeze()
    code = 1
    try:
        if journalling is not None:
            journalling.tell(reporter, warnings)
        code = await Run(context, kind=kind, title=title).execute(playbooks)
        return detailed(code, changes.any) if workplace.choices.detailed_exitcode else code
    finally:
        if recorder is not None:
            await asyncio.to_thread(recorder.close)
            if recorder.problem is not None:
                warn(f"the run is not recorded in the fleet store: {recorder.problem}")
        collections.current().listen(None)
        reporter.close()
        if journalling is not None and (code != 0 or (resuming is not None and resuming.narrowed)):
            journalling.print_hint()
        await fleet.close()
