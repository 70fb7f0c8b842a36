"""From command-line options to a run: project, inventory, connections, reporters."""

from __future__ import annotations

import contextlib
import gc
import getpass
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.cli.extra_vars import parse_extra_vars
from stella_ops.cli.secrets import REDACTOR
from stella_ops.cli.vault_passwords import take_up_passwords
from stella_ops.engine.events import Reporter, Warned
from stella_ops.engine.options import RunOptions
from stella_ops.errors import InventoryError, UsageError
from stella_ops.inventory.loader import load_inventory
from stella_ops.inventory.model import Inventory
from stella_ops.playbook.model import Playbook, Prompt
from stella_ops.redaction import Redactor
from stella_ops.settings import Project, is_trusted, load_project

if TYPE_CHECKING:
    from stella_ops.agents.fleet import Fleet
    from stella_ops.playbook.files import PlaybookFiles
    from stella_ops.playbook.module_index import ModuleIndex
    from stella_ops.transport.pool import SessionPool


@dataclass(kw_only=True, eq=False, repr=False)
class Choices:
    """The shared options as they were given; see ``options.py`` for their meaning."""

    inventories: tuple[str, ...] = ()
    limit: str | None = None
    remote_user: str | None = None
    private_key: str | None = None
    ask_pass: bool = False
    connection: str | None = None
    timeout: float | None = None
    accept_new_host_keys: bool = False
    become: bool | None = None
    become_user: str | None = None
    become_method: str | None = None
    ask_become_pass: bool = False
    become_password_file: str | None = None
    forks: int | None = None
    extra_vars: tuple[str, ...] = ()
    verbose: int = 0
    output: str = "human"
    check: bool = False
    diff: bool = False
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    module_path: tuple[str, ...] = ()
    tunnel: bool = False
    orchestrator: str | None = None
    vault_ids: tuple[str, ...] = ()
    vault_password_files: tuple[str, ...] = ()
    ask_vault_pass: bool = False


@dataclass(eq=False, repr=False)
class Workplace:
    """What a command works with."""

    project: Project
    inventory: Inventory
    options: RunOptions
    choices: Choices
    redactor: Redactor = REDACTOR
    environ: Mapping[str, str] = field(default_factory=dict)
    modules: ModuleIndex | None = None
    files: PlaybookFiles | None = None

    def load(self, paths: Sequence[Path]) -> list[Playbook]:
        """Read playbooks, and all that they import.

        Raises:
            PlaybookError: they are wrong.
        """
        from stella_ops.cli.modules import module_index
        from stella_ops.playbook.files import PlaybookFiles
        from stella_ops.playbook.parser import load_playbook
        from stella_ops.templating.templar import Templar

        self.modules = module_index(self.options.module_folders)
        self.files = PlaybookFiles(roles_path(self.project.root, os.environ))
        templar, extra = Templar(), dict(self.options.extra_vars)

        def render(value: Any, variables: Mapping[str, Any]) -> Any:
            return templar.render(value, {**variables, **extra})

        return [load_playbook(path, modules=self.modules, files=self.files, render=render) for path in paths]


def roles_path(root: Path, environ: Mapping[str, str]) -> list[Path]:
    """Folders of roles besides those beside playbooks: ``ANSIBLE_ROLES_PATH``, else ansible-core's defaults."""
    named = environ.get("ANSIBLE_ROLES_PATH")
    if named:
        return [root / Path(part).expanduser() for part in named.split(":") if part]
    usual = ("~/.ansible/roles", "/usr/share/ansible/roles", "/etc/ansible/roles")
    return [root / "roles", *(Path(part).expanduser() for part in usual)]


def prepare(choices: Choices, *, project: Project | None = None) -> Workplace:
    """Read project and inventory, ask for passwords.

    Raises:
        UsageError: no inventory, or an option that contradicts itself.
        ParseError: a file is wrong.
        VaultError: no source of vault passwords has one.
    """
    project = project or load_project()
    environ = _withhold_passphrase(project)
    defaults = project.defaults
    take_up_passwords(choices.vault_ids, choices.vault_password_files, ask=choices.ask_vault_pass)
    inventory = load_inventory(_sources(choices, project))
    extra_vars = parse_extra_vars(choices.extra_vars)
    connection_password = getpass.getpass("SSH password: ") if choices.ask_pass else None
    options = RunOptions(
        check=choices.check,
        diff=choices.diff,
        limit=choices.limit,
        tags=_split(choices.tags) or ("all",),
        skip_tags=_split(choices.skip_tags),
        extra_vars=extra_vars,
        become=choices.become or None,
        become_user=choices.become_user,
        become_method=choices.become_method,
        become_password=_become_password(choices, connection_password),
        connection_password=connection_password,
        remote_user=choices.remote_user or defaults.remote_user,
        connection=choices.connection,
        forks=choices.forks or defaults.forks,
        timeout=choices.timeout or defaults.timeout.total_seconds(),
        module_folders=tuple(f for f in (project.root / "modules",) if f.is_dir() and is_trusted(f)),
        verbosity=choices.verbose,
    )
    workplace = Workplace(project, inventory, options, choices, environ=environ)
    for secret in (options.become_password, options.connection_password, *environ.values()):
        if secret:
            workplace.redactor.add(secret)
    return workplace


def _withhold_passphrase(project: Project) -> dict[str, str]:
    """Take the CA's passphrase out of the environment: no program that a run starts here may inherit it."""
    name = project.ca.passphrase_env
    return {name: os.environ.pop(name)} if name is not None and name in os.environ else {}


def _sources(choices: Choices, project: Project) -> list[str | Path]:
    if choices.inventories:
        for source in choices.inventories:
            if "," not in source and not Path(source).exists():
                raise InventoryError(
                    f"there is no inventory '{source}'",
                    hint="give a file or folder, or host names with a comma: -i 'web1,'",
                )
        return list(choices.inventories)
    for name in ("STELLA_INVENTORY", "ANSIBLE_INVENTORY"):
        if os.environ.get(name):
            return [os.environ[name]]
    if project.defaults.inventory:
        return [project.root / source for source in project.defaults.inventory]
    if is_trusted(project.root / "inventory"):
        return [project.root / "inventory"]
    return []


def _split(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(tag.strip() for value in values for tag in value.split(",") if tag.strip())


def _become_password(choices: Choices, connection_password: str | None) -> str | None:
    if choices.become_password_file and choices.ask_become_pass:
        raise UsageError("give either -K or --become-password-file, not both")
    if choices.become_password_file:
        try:
            text = Path(choices.become_password_file).expanduser().read_text(encoding="utf-8")
        except OSError as problem:
            raise UsageError(
                f"cannot read --become-password-file {choices.become_password_file}: {problem.strerror}"
            ) from None
        return text.rstrip("\r\n")
    if not choices.ask_become_pass:
        return None
    if connection_password is None:
        return getpass.getpass("BECOME password: ")
    return getpass.getpass("BECOME password[defaults to SSH password]: ") or connection_password


def console_reporter(workplace: Workplace, *, kind: str) -> Reporter:
    """The reporter for what the operator watches."""
    from stella_ops.console.choose import choose_reporter

    choices = workplace.choices
    return choose_reporter(
        "run" if kind == "run" else "play",
        sys.stdout,
        output="json" if choices.output == "json" else "auto",
        verbosity=choices.verbose,
        diff=choices.diff,
    )


async def make_pool(workplace: Workplace, fleet: Fleet, warn: Callable[[str], None]) -> SessionPool:
    """The connections of a command: with the project's known hosts and keys, and what the command line says."""
    from stella_ops.transport.code import CodeLibrary
    from stella_ops.transport.pool import SessionPool

    project, choices = workplace.project, workplace.choices
    named = choices.private_key or project.defaults.private_key_file
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
) -> int:
    """Run playbooks to their end; the exit code.

    Args:
        kind: "play", "run" or "doctor".
        reporters: instead of the console's.
        record: write the run to the fleet store.
    """
    import asyncio

    try:
        return asyncio.run(_execute(workplace, playbooks, kind, title, reporters, record))
    except asyncio.CancelledError:  # SIGTERM: see _execute
        raise KeyboardInterrupt from None


def _ask(prompt: Prompt) -> Any:
    from stella_ops.cli.prompting import ask_variable

    return ask_variable(prompt)


async def _execute(
    workplace: Workplace,
    playbooks: Sequence[Playbook],
    kind: str,
    title: str,
    reporters: Sequence[Reporter] | None,
    record: bool,
) -> int:
    import asyncio

    from stella_ops.agents.fleet import Fleet
    from stella_ops.cli.recording import WithoutVault
    from stella_ops.console.fan_out import FanOut
    from stella_ops.engine.run import Run
    from stella_ops.engine.run_context import RunContext
    from stella_ops.vault.keyring import current

    watching = list(reporters) if reporters is not None else [console_reporter(workplace, kind=kind)]
    warned: set[str] = set()

    def warn(message: str) -> None:
        if message not in warned:
            warned.add(message)
            reporter.handle(Warned(time=time.time(), message=message))

    fleet = Fleet(workplace.project, redactor=workplace.redactor, environ=workplace.environ, warn=warn)
    recorder = fleet.run_recorder() if record else None
    kept = [WithoutVault(recorder, current())] if recorder else []
    reporter = FanOut([*watching, *kept], errors=sys.stderr)
    pool = await make_pool(workplace, fleet, warn)
    tunnels = None
    if workplace.choices.tunnel:
        from stella_ops.cli.tunnelling import tunnels_of_run

        tunnels = tunnels_of_run(workplace, pool, warn)
    context = RunContext(
        run_id=os.urandom(16).hex(),
        inventory=workplace.inventory,
        options=workplace.options,
        pool=pool,
        reporter=reporter,
        redactor=workplace.redactor,
        fleet=fleet,
        tunnels=tunnels,
        modules=workplace.modules,
        files=workplace.files,
        ask=_ask,
        reload=lambda: load_inventory(_sources(workplace.choices, workplace.project)),
    )
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    assert me is not None
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, me.cancel)
    # What is there by now stays to the end: no search for dead objects need look at it again.
    gc.freeze()
    try:
        return await Run(context, kind=kind, title=title).execute(playbooks)
    finally:
        if recorder is not None:
            await asyncio.to_thread(recorder.close)
            if recorder.problem is not None:
                warn(f"the run is not recorded in the fleet store: {recorder.problem}")
        reporter.close()
        await fleet.close()
