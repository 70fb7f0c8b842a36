"""``stella-ops run``: one module on many hosts."""

from __future__ import annotations

from typing import Any

import click

from stella_ops.cli import options
from stella_ops.cli.ansible_programs import AnsibleCommand, called_as_ansible
from stella_ops.cli.versions import version_option


@click.command(
    cls=AnsibleCommand,
    epilog="""\b
Examples:
  stella-ops run all -m ping -i inventory
  stella-ops run web -a 'uptime' -i hosts.ini                     the module is command if none is given
  stella-ops run db -m shell -a 'df -h | tail -1' -i hosts.ini -b
  stella-ops run all -m copy -a 'src=motd dest=/etc/motd' -i hosts.ini -b --check --diff
  stella-ops run all -a 'long-job' -B 3600 -P 30 -i hosts.ini     in the background, looked at every 30 s

\b
Exit status: 0 all went well, 2 a host failed, 4 a host was unreachable, 1 error.""",
)
@version_option("run")
@click.argument("pattern")
@click.option("-m", "--module-name", "module", help="The module to run. [default: command]")
@click.option("-a", "--args", "arguments", metavar="ARGS", help="key=value, free text, or JSON.")
@click.option(
    "-B", "--background", type=click.IntRange(min=0), metavar="SECONDS", help="Run in the background so long."
)
@click.option("-P", "--poll", type=click.IntRange(min=0), metavar="SECONDS", help="Look at it so often. [default: 15]")
@click.option("-o", "--one-line", is_flag=True, help="A line a host.")
@click.option("-t", "--tree", metavar="FOLDER", help="Write each host's result to a file of its name there, too.")
@click.option("--list-hosts", is_flag=True, help="Show the hosts that would take part, and stop.")
@click.option("--playbook-dir", metavar="FOLDER", help="The folder whose group_vars, roles and files count.")
@options.inventory_options
@options.check_options
@options.connection_options
@options.run_options
def run(
    pattern: str,
    module: str | None,
    arguments: str | None,
    background: int | None,
    poll: int | None,
    list_hosts: bool,
    playbook_dir: str | None,
    **given: Any,
) -> int:
    """Run one module on the hosts of PATTERN."""
    import dataclasses
    from pathlib import Path

    from stella_ops.cli.collections import use_collections
    from stella_ops.cli.execution import execute, failing_with_one
    from stella_ops.cli.modules import module_index
    from stella_ops.cli.single_task import single_step
    from stella_ops.cli.tolerance import Sources, tell_of_patterns
    from stella_ops.cli.workplace import Choices, check_limit, module_environment, prepare
    from stella_ops.errors import OptionsError, PlaybookError
    from stella_ops.module_folders import folders_beside, split_paths
    from stella_ops.origins import Origin, SourceMapping, SourceText
    from stella_ops.playbook.imports import IMPORTS
    from stella_ops.playbook.module_names import canonical
    from stella_ops.playbook.parser import parse_tasks

    with failing_with_one(given["detailed_exitcode"]):
        beside = (Path(playbook_dir).absolute(),) if playbook_dir else ()
        workplace = prepare(Choices(beside=beside, **given))
        choose = workplace.settings.choose
        named = [folder for text in given["module_path"] for folder in split_paths(text)]
        use_collections(workplace.settings, [Path(choose("PLAYBOOK_DIR", playbook_dir, default=".")).absolute()])
        environ = module_environment(workplace.settings)
        folders = folders_beside(
            [Path(playbook_dir or ".") / "run.yml"], named, workplace.options.module_folders, environ
        )
        workplace.options = dataclasses.replace(workplace.options, module_folders=folders)
        module = choose("DEFAULT_MODULE_NAME", module, default="command")
        arguments = choose("DEFAULT_MODULE_ARGS", arguments, default="")
        assert module is not None and arguments is not None
        Sources(workplace.settings).tell_of_no_hosts(workplace.inventory, pattern)
        check_limit(workplace.inventory, workplace.options.limit)
        hosts = workplace.inventory.select(pattern, workplace.options.limit)
        if list_hosts:
            tell_of_patterns(workplace.inventory, none=not hosts)
            click.echo(f"  hosts ({len(hosts)}):")
            for host in hosts:
                click.echo(f"    {host}")
            return 0
        if module in _NEED_ARGUMENTS and not arguments.strip():
            raise OptionsError(f"No argument passed to {module} module", hint="give one with -a")
        if module in ("import_playbook", "ansible.builtin.import_playbook"):
            raise OptionsError(f"'{module}' is not a valid action for ad-hoc commands")
        origin = Origin("--args")
        written = SourceMapping(origin)
        value: Any = SourceText(arguments, origin) if arguments else None
        if arguments.lstrip().startswith("{"):
            from stella_ops.source_files import load_yaml

            value = load_yaml(arguments, "--args", error=PlaybookError)
        written[module] = value
        written.key_origins[module] = origin
        if background:
            written["async"] = background
            written["poll"] = choose("DEFAULT_POLL_INTERVAL", poll, default=15)
        modules = module_index(workplace.options.module_folders)
        known = canonical(module, modules)
        if called_as_ansible() and known not in ("meta", *IMPORTS) and modules.spec(known) is None:
            # As there it is the task that fails: a name that is known only when it runs.
            written = SourceMapping(origin)
            written["action"] = SourceText(f"{{{{ {module!r} }}}}", origin)
        step = parse_tasks([written], modules=modules, where=origin, expected_to_fail=True)[0]
        folder = choose("PLAYBOOK_DIR", Path(playbook_dir) if playbook_dir else None)
        book = single_step(pattern, step, path=str(Path(folder) / "command-line") if folder else "command-line")
        return execute(workplace, [book], kind="run", title=f"{pattern} -m {module}")


_NEED_ARGUMENTS = frozenset(
    f"{prefix}{name}" for prefix in ("", "ansible.builtin.") for name in ("command", "shell", "script", "raw")
)
