"""``stella-ops run``: one module on many hosts."""

from __future__ import annotations

from typing import Any

import click

from stella_ops.cli import options


@click.command(
    epilog="""\b
Examples:
  stella-ops run all -m ping -i inventory
  stella-ops run web -a 'uptime' -i hosts.ini                     the module is command if none is given
  stella-ops run db -m shell -a 'df -h | tail -1' -i hosts.ini -b
  stella-ops run all -m copy -a 'src=motd dest=/etc/motd' -i hosts.ini -b --check --diff

\b
Exit status: 0 all went well, 2 a host failed, 4 a host was unreachable, 1 error."""
)
@click.argument("pattern")
@click.option("-m", "--module-name", "module", default="command", show_default=True, help="The module to run.")
@click.option("-a", "--args", "arguments", default="", metavar="ARGS", help="key=value, free text, or JSON.")
@options.inventory_options
@options.check_options
@options.connection_options
@options.run_options
def run(pattern: str, module: str, arguments: str, **given: Any) -> int:
    """Run one module on the hosts of PATTERN."""
    import dataclasses
    import os
    from pathlib import Path

    from stella_ops.cli.execution import Choices, execute, prepare
    from stella_ops.cli.modules import module_index
    from stella_ops.cli.single_task import single_task
    from stella_ops.errors import PlaybookError
    from stella_ops.module_folders import folders_beside, split_paths
    from stella_ops.origins import Origin, SourceMapping, SourceText
    from stella_ops.playbook.parser import parse_tasks

    workplace = prepare(Choices(**given))
    named = [folder for text in given["module_path"] for folder in split_paths(text)]
    folders = folders_beside([Path("run.yml")], named, workplace.options.module_folders, os.environ)
    workplace.options = dataclasses.replace(workplace.options, module_folders=folders)
    origin = Origin("--args")
    written = SourceMapping(origin)
    value: Any = SourceText(arguments, origin) if arguments else None
    if arguments.lstrip().startswith("{"):
        from stella_ops.origins import load_yaml

        value = load_yaml(arguments, "--args", error=PlaybookError)
    written[module] = value
    written.key_origins[module] = origin
    step = parse_tasks([written], modules=module_index(workplace.options.module_folders), where=origin)[0]
    book = single_task(pattern, step.action, step.args)  # type: ignore[union-attr]
    workplace.inventory.select(pattern, workplace.options.limit)
    return execute(workplace, [book], kind="run", title=f"{pattern} -m {module}")
