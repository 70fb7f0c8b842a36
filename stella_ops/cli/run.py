"""``stella-ops run``: one module on many hosts."""

from __future__ import annotations

from typing import Any

import click

from stella_ops.cli import options
from stella_ops.cli.ansible_programs import AnsibleCommand
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
    from pathlib import Path

    from stella_ops.cli.adhoc import adhoc, adhoc_workplace, check_arguments
    from stella_ops.cli.execution import execute, failing_with_one
    from stella_ops.cli.limiting import check_left, check_limit
    from stella_ops.cli.tolerance import Sources, tell_of_patterns

    with failing_with_one(given["detailed_exitcode"]):
        workplace = adhoc_workplace(playbook_dir, given)
        choose = workplace.settings.choose
        module = choose("DEFAULT_MODULE_NAME", module, default="command")
        arguments = choose("DEFAULT_MODULE_ARGS", arguments, default="")
        assert module is not None and arguments is not None
        Sources(workplace.settings).tell_of_no_hosts(workplace.inventory, pattern)
        check_limit(workplace.inventory, workplace.options.limit)
        hosts = workplace.inventory.select(pattern, workplace.options.limit)
        check_left(workplace.inventory, workplace.options.limit, hosts)
        if list_hosts:
            tell_of_patterns(workplace.inventory, none=not hosts)
            click.echo(f"  hosts ({len(hosts)}):")
            for host in hosts:
                click.echo(f"    {host}")
            return 0
        check_arguments(module, arguments)
        folder = choose("PLAYBOOK_DIR", Path(playbook_dir) if playbook_dir else None)
        book = adhoc(workplace, pattern, module, arguments, background=background, poll=poll, folder=folder)
        return execute(workplace, [book], kind="run", title=f"{pattern} -m {module}")
