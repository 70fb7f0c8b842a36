"""``stella-ops lint``: what would fail or mislead, found before any host is touched."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from stella_ops.cli import options


@click.command(
    epilog="""\b
Examples:
  stella-ops lint site.yml -i inventory           all findings, with their places and what to do
  stella-ops lint playbooks/*.yml --strict        warnings fail, too
  stella-ops lint site.yml --format sarif > x.sarif   annotations for a CI server
  stella-ops lint --list-rules

\b
A line with "# noqa: RULE" (or "# noqa" for all rules) is passed over.
Exit status: 0 nothing worse than warnings, 2 findings of severity error (with --strict: or warning),
4 the inventory cannot be read."""
)
@click.argument("playbooks", nargs=-1, metavar="PLAYBOOK...")
@options.source_options
@click.option(
    "-e",
    "--extra-vars",
    multiple=True,
    metavar="VARS",
    help="Variables that runs are given: key=value, YAML or JSON in one argument, or @FILE.",
)
@click.option("-M", "--module-path", multiple=True, metavar="FOLDERS", help="Folders of modules to look in first.")
@click.option("--format", "style", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Warnings count as errors do.")
@click.option("--list-rules", is_flag=True, help="Show the rules, and stop.")
def lint(
    playbooks: tuple[str, ...],
    extra_vars: tuple[str, ...],
    module_path: tuple[str, ...],
    style: str,
    strict: bool,
    list_rules: bool,
    inventories: tuple[str, ...],
    limit: str | None,
    vault_ids: tuple[str, ...],
    vault_password_files: tuple[str, ...],
    ask_vault_pass: bool,
) -> int:
    """Find what would fail or mislead in playbooks, without touching a host."""
    import dataclasses

    from stella_ops.errors import UsageError
    from stella_ops.linting import forms

    if list_rules:
        click.echo(forms.rules_as_json() if style == "json" else forms.rules_as_text(), nl=False)
        return 0
    if not playbooks:
        raise UsageError("name a playbook", hint="stella-ops lint site.yml -i inventory")
    from stella_ops.cli.play import find_playbooks
    from stella_ops.cli.workplace import Choices, folders_of, module_environment, prepare
    from stella_ops.console.stream import wants_color
    from stella_ops.linting.check import lint as find
    from stella_ops.module_folders import folders_beside, split_paths
    from stella_ops.playbook.problems import Problems

    workplace = prepare(
        Choices(
            beside=folders_of(playbooks),
            inventories=inventories,
            limit=limit,
            extra_vars=extra_vars,
            module_path=module_path,
            vault_ids=vault_ids,
            vault_password_files=vault_password_files,
            ask_vault_pass=ask_vault_pass,
            output="human" if style == "text" else "json",
        )
    )
    paths = find_playbooks(playbooks, workplace)
    named = [folder for text in module_path for folder in split_paths(text)]
    folders = folders_beside(paths, named, workplace.options.module_folders, module_environment(workplace.settings))
    workplace.options = dataclasses.replace(workplace.options, module_folders=folders)
    problems = Problems()
    books = workplace.load(paths, problems)
    assert workplace.modules is not None and workplace.files is not None
    findings = find(
        paths,
        books,
        problems,
        inventory=workplace.inventory,
        options=workplace.options,
        modules=workplace.modules,
        files=workplace.files,
        named_inventory=bool(workplace.inventory.hosts),
        kept_facts=workplace.settings.choose("CACHE_PLUGIN", default="memory") != "memory",
    )
    if style == "json":
        told = forms.as_json(findings)
    elif style == "sarif":
        told = forms.as_sarif(findings, Path.cwd())
    else:
        told = forms.as_text(findings, color=wants_color(sys.stdout))
    click.echo(workplace.redactor.scrub(told), nl=False)
    worst = {"error", "warning"} if strict else {"error"}
    return 2 if any(found.severity in worst for found in findings) else 0
