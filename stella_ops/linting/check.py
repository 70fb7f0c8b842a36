"""All rules over some playbooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stella_ops.engine.options import RunOptions
from stella_ops.inventory.model import Inventory
from stella_ops.linting import (
    deprecated,
    documented,
    files,
    flow,
    handlers,
    names,
    parameters,
    reading,
    rendering,
    roles,
    templates,
    undefined,
)
from stella_ops.linting.findings import Finding, Findings
from stella_ops.linting.subject import Subject
from stella_ops.origins import Origin
from stella_ops.playbook.files import PlaybookFiles
from stella_ops.playbook.model import Playbook
from stella_ops.playbook.module_index import ModuleIndex
from stella_ops.playbook.problems import Problems

# The first finds what the second knows, which finds what the others do; files before what may be named in them.
_FAMILIES = (names, undefined, templates, rendering, parameters, documented, roles, files, handlers, flow, deprecated)


def lint(
    paths: Sequence[Path],
    books: Sequence[Playbook],
    problems: Problems,
    *,
    inventory: Inventory,
    options: RunOptions,
    modules: ModuleIndex,
    files: PlaybookFiles,
    named_inventory: bool = True,
    kept_facts: bool = False,
) -> list[Finding]:
    """What would fail or mislead, in file order.

    Args:
        books, problems: what became of reading the playbooks at these paths.
        named_inventory: there is one; else nothing is said of hosts and of variables that one may have.
        kept_facts: runs begin with what runs before them found out.
    """
    findings = Findings()
    for path in paths:
        findings.note_file(str(path))
    subject = Subject(inventory, options, modules, files, findings, named_inventory=named_inventory)
    if not named_inventory:
        subject.open.append("there is no inventory")
    if kept_facts:
        subject.open.append("facts are kept between runs")
    reading.add_plays(subject, books)
    reading.add_problems(subject, problems, Origin(str(paths[0])))
    for family in _FAMILIES:
        family.check(subject)
    return findings.all()
