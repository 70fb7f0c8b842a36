"""From command-line options to a place to work in: project, settings, inventory, options of the run."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.ansible_settings.defaults import default_of
from stella_ops.ansible_settings.reading import NOTHING_SET, AnsibleSettings, read_ansible_settings
from stella_ops.cli.ansible_programs import called_as_ansible
from stella_ops.cli.callbacks import json_callback
from stella_ops.cli.expressions import TemplarExpressions
from stella_ops.cli.extra_vars import parse_extra_vars
from stella_ops.cli.fact_caching import flush_cache
from stella_ops.cli.login_passwords import ask_become_password, ask_connection_password, withhold_passphrase
from stella_ops.cli.rejected_modules import rejected_modules
from stella_ops.cli.secrets import REDACTOR
from stella_ops.cli.tolerance import (
    Sources,
    group_names,
    strictness,
    take_duplicate_keys,
    tell_of_group_names,
    tell_of_variable_names,
)
from stella_ops.cli.vault_passwords import take_up_passwords
from stella_ops.engine.options import RunOptions
from stella_ops.errors import InventoryError, UsageError
from stella_ops.inventory.loader import load_inventory
from stella_ops.inventory.model import Inventory
from stella_ops.playbook.model import Playbook
from stella_ops.redaction import Redactor
from stella_ops.settings import Project, is_trusted, load_project
from stella_ops.templating.plugins.configured import SECTIONS

if TYPE_CHECKING:
    from stella_ops.playbook.files import PlaybookFiles
    from stella_ops.playbook.module_index import ModuleIndex
    from stella_ops.playbook.problems import Problems


@dataclass(kw_only=True, eq=False, repr=False)
class Choices:
    """The shared options as they were given; see ``options.py`` for their meaning."""

    inventories: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()
    limit: str | None = None
    remote_user: str | None = None
    private_key: str | None = None
    ask_pass: bool = False
    connection_password_file: str | None = None
    connection: str | None = None
    timeout: float | None = None
    ssh_common_args: str | None = None
    ssh_extra_args: str | None = None
    sftp_extra_args: str | None = None
    scp_extra_args: str | None = None
    accept_new_host_keys: bool = False
    become: bool | None = None
    become_user: str | None = None
    become_method: str | None = None
    ask_become_pass: bool = False
    become_password_file: str | None = None
    forks: int | None = None
    extra_vars: tuple[str, ...] = ()
    task_timeout: int | None = None
    verbose: int = 0
    live: bool | None = None
    output: str = "human"
    reports: tuple[str, ...] = ()
    detailed_exitcode: bool = False
    flush_cache: bool = False
    max_fail: int | None = None
    max_unreachable: int | None = None
    force_handlers: bool = False
    start_at_task: str | None = None
    step: bool = False
    one_line: bool = False
    tree: str | None = None
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
    """What a command works with; ``given`` are the choices before other settings completed them."""

    project: Project
    inventory: Inventory
    options: RunOptions
    choices: Choices
    redactor: Redactor = REDACTOR
    environ: Mapping[str, str] = field(default_factory=dict)
    settings: AnsibleSettings = NOTHING_SET
    modules: ModuleIndex | None = None
    files: PlaybookFiles | None = None
    given: dict[str, Any] = field(default_factory=dict)

    def begin_reading(self) -> ModuleIndex:
        """Choose the modules and roles that playbooks, and what they include, may name."""
        from stella_ops.cli.modules import module_index
        from stella_ops.engine.tags import is_selected
        from stella_ops.playbook.files import PlaybookFiles

        self.modules = modules = module_index(self.options.module_folders, self.options.rejected_modules)
        self.files = PlaybookFiles(roles_path(self.project.root, self.settings))
        self.files.arguments_later = called_as_ansible()
        self.files.selects = lambda tags: is_selected(tags, self.options.tags, self.options.skip_tags)
        return modules

    def load(self, paths: Sequence[Path], problems: Problems | None = None) -> list[Playbook]:
        """Read playbooks, and all that they import.

        Args:
            problems: takes what is wrong in them; then nothing is raised.

        Raises:
            PlaybookProblems: they are wrong; the problems of all of them are told together. Under ansible-core's name
                the first is; one behind it that is wrong has its ``problem``, and is the last.
        """
        from stella_ops.playbook.parser import load_playbook
        from stella_ops.playbook.problems import PlaybookProblems, Problems
        from stella_ops.templating.omit import OMIT
        from stella_ops.templating.templar import Templar

        modules = self.begin_reading()
        templar, extra = Templar(), dict(self.options.extra_vars)

        def render(value: Any, variables: Mapping[str, Any]) -> Any:
            rendered = templar.render(value, {"omit": OMIT, **variables, **extra})
            return [] if rendered is OMIT else rendered  # no tags

        if problems is None and called_as_ansible() and len(paths) > 1:
            read: list[Playbook] = []
            for path in paths:
                noted = Problems()
                book = load_playbook(path, modules=modules, files=self.files, render=render, problems=noted)
                if noted.found and read:
                    return [*read, dataclasses.replace(book, plays=[], problem=PlaybookProblems(noted.found))]
                noted.raise_any()
                read.append(book)
            return read
        noted = Problems() if problems is None else problems
        read = [load_playbook(path, modules=modules, files=self.files, render=render, problems=noted) for path in paths]
        if problems is None:
            noted.raise_any()
        return read


def roles_path(root: Path, settings: AnsibleSettings) -> list[Path]:
    """Folders of roles besides those beside playbooks: those that are set, else ansible-core's defaults."""
    named: list[Path] | None = settings.choose("DEFAULT_ROLES_PATH")
    if named:
        return named
    return [root / "roles", *map(Path, default_of("DEFAULT_ROLES_PATH"))]


def prepare(choices: Choices, *, project: Project | None = None) -> Workplace:
    """Read project and inventory, ask for passwords.

    Raises:
        UsageError: no inventory, or an option that contradicts itself.
        ParseError: a file is wrong.
        VaultError: no source of vault passwords has one.
    """
    project = project or load_project()
    environ = withhold_passphrase(project)
    settings = read_ansible_settings(os.environ, Path.cwd())
    if choices.output == "human":
        if choices.verbose:
            from stella_ops.cli.versions import headlines

            to = sys.stderr if settings.choose("VERBOSE_TO_STDERR") else sys.stdout
            print(headlines(settings, choices.verbose), end="", file=to)
        for note in settings.notes:
            print(f"[WARNING]: {note}", file=sys.stderr)
    SECTIONS.set(settings.sections)
    take_duplicate_keys(settings)
    given = {name: value for name, value in dataclasses.asdict(choices).items() if name != "beside"}
    complete(choices, project, settings)
    if choices.ask_vault_pass and choices.vault_password_files:
        raise UsageError("give either -J/--ask-vault-pass or --vault-password-file, not both")
    take_up_passwords(choices.vault_ids, choices.vault_password_files, settings, ask=choices.ask_vault_pass)
    extra_vars = parse_extra_vars(choices.extra_vars)
    inventory = load(choices, project, settings, extra_vars)
    connection_password = ask_connection_password(choices)
    choose = settings.choose
    options = RunOptions(
        check=choices.check,
        diff=choices.diff,
        limit=choices.limit,
        tags=_split(choices.tags) or tuple(choose("TAGS_RUN") or ("all",)),
        skip_tags=_split(choices.skip_tags) or tuple(choose("TAGS_SKIP") or ()),
        extra_vars=extra_vars,
        become=choices.become or None,
        become_user=choices.become_user,
        become_method=choices.become_method,
        become_password=ask_become_password(choices, connection_password),
        become_settings=become_settings(settings),
        become_same_user=choose("BECOME_ALLOW_SAME_USER", default=False),
        connection_password=connection_password,
        remote_user=choices.remote_user,
        connection=choices.connection,
        forks=choose("DEFAULT_FORKS", choices.forks, project.says("defaults", "forks"), project.defaults.forks),
        timeout=choose("DEFAULT_TIMEOUT", choices.timeout, _seconds(project), project.defaults.timeout.total_seconds()),
        task_timeout=choose("TASK_TIMEOUT", choices.task_timeout, default=0),
        module_folders=tuple(f for f in (project.root / "modules",) if f.is_dir() and is_trusted(f)),
        rejected_modules=rejected_modules(settings),
        verbosity=choices.verbose,
        invocations=choices.verbose >= 3 or json_callback(settings) is not None,
        remote_port=choose("DEFAULT_REMOTE_PORT"),
        interpreter=choose("INTERPRETER_PYTHON"),
        ssh_args=_ssh_args(choices, settings),
        max_fail=choices.max_fail,
        max_unreachable=choices.max_unreachable,
        force_handlers=choices.force_handlers or choose("DEFAULT_FORCE_HANDLERS", default=False),
        any_errors_fatal=choose("ANY_ERRORS_FATAL", default=False),
        broken_conditionals=choose("ALLOW_BROKEN_CONDITIONALS", default=False),
        no_log=choose("DEFAULT_NO_LOG", default=False),
        error_on_missing_handler=choose("ERROR_ON_MISSING_HANDLER", default=True),
        missing_vars_files=called_as_ansible(),
        errors_in_turn=called_as_ansible(),
        strategy=choose("DEFAULT_STRATEGY", default="linear"),
        gathering=choose("DEFAULT_GATHERING", default="implicit"),
        facts_modules=tuple(choose("FACTS_MODULES", default=("smart",))),
        inject_facts=choose("INJECT_FACTS_AS_VARS", default=True),
        merge_hashes=choose("DEFAULT_HASH_BEHAVIOUR") == "merge",
        private_role_vars=choose("DEFAULT_PRIVATE_ROLE_VARS", default=False),
        show_arguments=choose("DISPLAY_ARGS_TO_STDOUT", default=False),
        start_at_task=choices.start_at_task,
        step=choices.step,
        inventory_sources=_named(_sources(choices, project, settings)),
        config_file=None if settings.file is None else str(settings.file),
    )
    workplace = Workplace(project, inventory, options, choices, environ=environ, settings=settings, given=given)
    if choices.flush_cache:
        flush_cache(workplace)
    for secret in (options.become_password, options.connection_password, *environ.values()):
        if secret:
            workplace.redactor.add(secret)
    return workplace


def complete(choices: Choices, project: Project, settings: AnsibleSettings) -> None:
    """Put what is set elsewhere in the place of what a command line leaves open."""
    choose = settings.choose
    choices.limit = choices.limit or None
    choices.remote_user = choose("DEFAULT_REMOTE_USER", choices.remote_user, project.says("defaults", "remote_user"))
    written = project.says("defaults", "private_key_file")
    key = choose("DEFAULT_PRIVATE_KEY_FILE", choices.private_key, written)
    choices.private_key = str(key) if key else None
    kind = choose("DEFAULT_TRANSPORT", choices.connection)
    choices.connection = None if kind == "smart" else kind
    choices.become = choose("DEFAULT_BECOME", choices.become or None)
    choices.become_method = choose("DEFAULT_BECOME_METHOD", choices.become_method)
    file = choose("BECOME_PASSWORD_FILE")
    if file and not choices.ask_become_pass and not choices.become_password_file:
        choices.become_password_file = str(file)
    if choose("DEFAULT_BECOME_ASK_PASS") and not choices.become_password_file:
        choices.ask_become_pass = True
    file = choose("CONNECTION_PASSWORD_FILE")
    if file and not choices.ask_pass and not choices.connection_password_file:
        choices.connection_password_file = str(file)
    if choose("DEFAULT_ASK_PASS") and not choices.connection_password_file:
        choices.ask_pass = True
    choices.diff = choices.diff or choose("DIFF_ALWAYS", default=False)
    choices.verbose = max(choices.verbose, choose("DEFAULT_VERBOSITY", default=0))


def load(
    choices: Choices,
    project: Project,
    settings: AnsibleSettings,
    extra_vars: Mapping[str, Any],
    *,
    again: bool = False,
) -> Inventory:
    """Read the inventory that a command line, or what is set elsewhere, names.

    Args:
        again: in the middle of a run, so that nothing that was kept of sources is taken.
    """
    from stella_ops.cli.source_plugins import others_plugins

    mismatch = strictness(settings, "HOST_PATTERN_MISMATCH")
    named, unread = _sources(choices, project, settings), Sources(settings)
    reading, asked = others_plugins(
        settings, choices.beside, extra_vars, TemplarExpressions(), cache=not choices.flush_cache and not again
    )
    inventory = load_inventory(
        named,
        ignored=settings.choose("INVENTORY_IGNORE_EXTS"),
        ignored_names=settings.choose("INVENTORY_IGNORE_PATTERNS", default=()),
        extra_vars=extra_vars,
        expressions=TemplarExpressions(),
        on_problem=unread.on_problem,
        enabled=settings.choose("INVENTORY_ENABLED"),
        plugins=reading,
        group_names=group_names(settings),
    )
    inventory = unread.finish(inventory, named)
    tell_of_group_names(inventory, settings)
    tell_of_variable_names(inventory)
    inventory.mismatch = mismatch
    if asked is not None:
        inventory.ask(asked)
    inventory.order_levels(settings.choose("VARIABLE_PRECEDENCE"), settings.choose("YAML_FILENAME_EXTENSIONS"))
    inventory.merge_hashes = settings.choose("DEFAULT_HASH_BEHAVIOUR") == "merge"
    return inventory


def folders_of(playbooks: Sequence[str | Path]) -> tuple[Path, ...]:
    """The folders that named playbooks are in, each once: users' plug-ins may stand beside them."""
    return tuple(dict.fromkeys(Path(name).expanduser().absolute().parent for name in playbooks))


def _seconds(project: Project) -> float | None:
    written = project.says("defaults", "timeout")
    return None if written is None else float(written.total_seconds())


def module_environment(settings: AnsibleSettings) -> dict[str, str]:
    """The environment, with what ``ansible.cfg`` says of modules in variables that are not set."""
    found = dict(os.environ)
    for name, variable in (
        ("DEFAULT_MODULE_PATH", "ANSIBLE_LIBRARY"),
        ("DEFAULT_MODULE_UTILS_PATH", "ANSIBLE_MODULE_UTILS"),
    ):
        configured: list[Path] | None = settings.configured.get(name)
        if configured and not found.get(variable):
            found[variable] = ":".join(map(str, configured))
    return found


def become_settings(settings: AnsibleSettings) -> dict[str, dict[str, Any]]:
    """What environment and ``ansible.cfg`` say of each way to become another user."""
    if not settings.environment and not settings.configured:
        return {}
    from stella_ops.ansible_settings.become import METHODS, OPTIONS, PROMPTS, setting_name

    return {
        method: {option: settings.choose(setting_name(method, option)) for option in (*OPTIONS, PROMPTS)}
        for method in METHODS
    }


def _ssh_args(choices: Choices, settings: AnsibleSettings) -> dict[str, str]:
    found = {
        "ssh_args": settings.choose("SSH_ARGS"),
        "ssh_common_args": settings.choose("SSH_COMMON_ARGS", choices.ssh_common_args),
        "ssh_extra_args": settings.choose("SSH_EXTRA_ARGS", choices.ssh_extra_args),
        "ssh_retries": settings.choose("SSH_RETRIES"),
        "ssh_host_key_checking": "false" if settings.choose("HOST_KEY_CHECKING") is False else None,
    }
    return {name: str(value) for name, value in found.items() if value}


def _sources(choices: Choices, project: Project, settings: AnsibleSettings) -> list[str | Path]:
    if choices.inventories:
        for source in choices.inventories:
            if "," not in source and not Path(source).exists() and Sources(settings).on_problem is None:
                raise InventoryError(
                    f"there is no inventory '{source}'",
                    hint="give a file or folder, or host names with a comma: -i 'web1,'",
                )
        return list(choices.inventories)
    if os.environ.get("STELLA_INVENTORY"):
        return [os.environ["STELLA_INVENTORY"]]
    written = [project.root / source for source in project.defaults.inventory] or None
    set_elsewhere: list[str | Path] | None = settings.choose("DEFAULT_HOST_LIST", written=written)
    if set_elsewhere:
        return set_elsewhere
    usual = (project.root / "inventory", Path("/etc/ansible/hosts"))
    return next(([path] for path in usual if is_trusted(path)), [])


def _named(sources: Sequence[str | Path]) -> tuple[str, ...]:
    return tuple(str(source) if "," in str(source) else str(Path(source).absolute()) for source in sources)


def _split(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(tag.strip() for value in values for tag in value.split(",") if tag.strip())
