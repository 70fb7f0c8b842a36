"""What is certain to fail, found before a run begins: a typo shall not cost a run that is half done.

Told before the run is only what fails on all hosts of a play, whatever happens before it, and what the playbook does
not deal with: no rescue, no always section, no condition. And only where tasks before it change something: otherwise
there is nothing that could be left half-done, and the run fails by itself.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

from stella_ops.engine.options import RunOptions
from stella_ops.engine.tags import is_selected
from stella_ops.errors import PlaybookError
from stella_ops.inventory.model import Inventory
from stella_ops.linting import files as template_rules
from stella_ops.linting import names, reading, rendering, templates
from stella_ops.linting.findings import Finding, Findings
from stella_ops.linting.half_done import HARMLESS
from stella_ops.linting.subject import PlaySubject, Site, Subject
from stella_ops.linting.texts import texts_of
from stella_ops.linting.undefined import check_site
from stella_ops.playbook.files import PlaybookFiles
from stella_ops.playbook.model import Playbook
from stella_ops.playbook.module_index import ModuleIndex
from stella_ops.playbook.problems import PlaybookProblems

# What may well end or turn a play before it comes to what stands behind: on purpose, so to say.
_TURNS = frozenset({"assert", "fail", "pause", "validate_argument_spec"})
_ENDS = ("end_play", "end_host", "end_batch", "end_role", "refresh_inventory", "clear_host_errors")
_FAILING = re.compile(r"(?:^|[\s/;&|])(?:false|exit\s+[1-9])\b")
_RULES = frozenset(
    {"undefined-variable", "template-fails", "template-syntax", "unknown-filter", "unknown-test", "unknown-lookup"}
)
_SAMPLE = 5
_NAME = re.compile(r"'([^']+)'")


class CertainFailure(PlaybookProblems):
    """The run would fail half-way; its exit status is that of a run whose hosts failed."""

    notes = (
        "nothing was run: tasks that change something stand before this one, and would have been done in vain; "
        "--no-precheck runs them all the same",
    )

    def __init__(self, problems: list[PlaybookError]) -> None:
        super().__init__(problems)
        self.exit_code = 2


def check(
    books: Sequence[Playbook],
    *,
    inventory: Inventory,
    options: RunOptions,
    modules: ModuleIndex,
    files: PlaybookFiles,
    kept_facts: bool,
) -> None:
    """Look at playbooks that are about to run.

    Raises:
        CertainFailure: one of them is certain to fail half-way.
    """
    subject = Subject(inventory, options, modules, files, Findings(), named_inventory=True)
    if kept_facts:
        subject.open.append("facts are kept between runs")
    reading.add_plays(subject, books, sample=_SAMPLE)
    names.check(subject)
    before, behind = _sorted(subject, books)
    if not behind or any(_found(subject, before)):
        return
    found = dict.fromkeys(_found(subject, behind))
    if found:
        raise CertainFailure([_told(each) for each in found])


def _sorted(
    subject: Subject, books: Sequence[Playbook]
) -> tuple[list[tuple[PlaySubject, Site]], list[tuple[PlaySubject, Site]]]:
    """The tasks that surely run on all hosts of their plays: those before the first change, and those behind it."""
    before: list[tuple[PlaySubject, Site]] = []
    behind: list[tuple[PlaySubject, Site]] = []
    changed = False
    options = subject.options
    for play in subject.plays:
        if play.hosts == []:
            continue
        if play.hosts is None or options.force_handlers or play.play.force_handlers:
            break
        for site in play.sites:
            task = site.task
            if site.handler or site.never() or not is_selected(task.inherited.tags, options.tags, options.skip_tags):
                continue
            if _turns(site):
                return before, behind
            if _surely_runs(site):
                (behind if changed else before).append((play, site))
            changed = changed or task.action not in HARMLESS
    return before, behind


def _turns(site: Site) -> bool:
    task = site.task
    said = str(task.args.get("_raw_params", task.args.get("cmd", "")))
    if task.action == "meta":
        return said.strip() in _ENDS
    return task.action in _TURNS or task.failed_when is not None or bool(_FAILING.search(said))


def _surely_runs(site: Site) -> bool:
    task = site.task
    looped = task.loop is not None and not (isinstance(task.loop, list) and task.loop)
    return not (site.survived or site.dealt or site.rescue or site.included or looped or site.conditional())


def _found(subject: Subject, sites: Sequence[tuple[PlaySubject, Site]]) -> Iterator[Finding]:
    looked = dataclasses.replace(subject, findings=Findings(sure=True))
    made = template_rules.made_by_tasks(subject)
    for play, site in sites:
        check_site(looked, play, site)
        for text in texts_of(site.task):
            if text.when == "used":
                templates.check_text(looked.findings, text, None)
        template_rules.template_files(looked, play, site, made)
        rendering.check_site(looked, play, site, everywhere=True)
        for each in looked.findings.all():
            if each.severity == "error" and each.rule in _RULES and not _defined_elsewhere(subject, play, each):
                yield each
        looked.findings = Findings(sure=True)


def _defined_elsewhere(subject: Subject, play: PlaySubject, found: Finding) -> bool:
    """Whether a host defines a name that was not among those that were looked at."""
    name = _NAME.search(found.message)
    if found.rule != "undefined-variable" or name is None:
        return False
    return any(name[1] in subject.inventory.variables(host, play.folder) for host in (play.hosts or [])[_SAMPLE:])


def _told(found: Finding) -> PlaybookError:
    message = found.message.replace("is defined nowhere", "is undefined")
    problem = PlaybookError(message, where=found.where, hint=found.hint)
    problem.notes = found.notes
    problem.rule = found.rule
    return problem
