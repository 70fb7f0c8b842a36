"""The rule for templates that fail with the values that are known before the run.

Rendered is only what is no secret, asks nothing but variables, and names none that a task changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stella_ops.errors import StellaError, TemplateError
from stella_ops.linting.expressions import Parsed, parse_value
from stella_ops.linting.findings import parse_place
from stella_ops.linting.rules import Severity
from stella_ops.linting.subject import RUNTIME, PlaySubject, Site, Subject, texts
from stella_ops.linting.texts import texts_of
from stella_ops.origins import SourceText, SourceVault
from stella_ops.playbook.keywords import is_template
from stella_ops.templating.conditions import files
from stella_ops.templating.environment import value_environment
from stella_ops.templating.scope import is_changeable
from stella_ops.templating.templar import Templar

_DEEPEST = 12
_OF_FILES = frozenset({*files.CONDITIONS, "vaulted_file", *(f"is_{name}" for name in files.CONDITIONS)})


def check(subject: Subject) -> None:
    """Look at all tasks."""
    for play, site in subject.sites():
        if not site.never():
            check_site(subject, play, site)


def check_site(subject: Subject, play: PlaySubject, site: Site, *, everywhere: bool = False) -> None:
    """Render the texts of one task for the hosts of its play.

    Args:
        everywhere: it counts only what fails for every host, also for those that no view stands for.
    """
    if subject.open or site.task.inherited.no_log not in (None, False):
        return
    for text in texts_of(site.task):
        if text.when != "used" or text.condition or not is_template(text.text):
            continue
        failed = [
            _failure(subject, site, text.text, play, index, view.hosts[0])
            for index, view in enumerate(play.views)
            if view.hosts
        ]
        problem = next((each for each in failed if each is not None), None)
        if problem is None or (everywhere and not _fails_everywhere(subject, site, text.text, play, failed)):
            continue
        severity: Severity | None = "hint" if site.dealt else None
        if severity is None and (site.conditional() or None in failed):
            severity = "warning"
        where = parse_place(problem.where) or text.text.origin
        said, hint = problem.message, problem.hint
        subject.findings.add("template-fails", said, where, hint=hint, severity=severity, notes=problem.notes)


def _fails_everywhere(
    subject: Subject, site: Site, text: SourceText, play: PlaySubject, failed: list[StellaError | None]
) -> bool:
    looked_at = {host for view in play.views for host in view.hosts}
    others = [host for host in play.hosts or [] if host not in looked_at]
    return None not in failed and all(_failure(subject, site, text, play, 0, host) is not None for host in others)


def _failure(
    subject: Subject, site: Site, text: SourceText, play: PlaySubject, view: int, host: str
) -> StellaError | None:
    """Why a text cannot be rendered for a host; None where it can, or where it shows only in the run."""
    own = dict.fromkeys(site.own_names(), RUNTIME)
    variables = play.views[view].variables.of(host, site.task, own)
    if not _is_known(subject, text, variables, 0):
        return None
    try:
        Templar().render(text, variables)
    except StellaError as problem:
        return problem
    return None


def _is_known(subject: Subject, value: Any, variables: Mapping[str, Any], depth: int) -> bool:
    """Whether all that a value names has a value by now, which no task changes and everybody may see."""
    if value is RUNTIME or depth > _DEEPEST or _is_secret(value):
        return False
    for text in texts(value):
        parsed = parse_value(str.__str__(text))
        if is_changeable(text) or parsed.problem or parsed.lookups or not _knows_plugins(parsed):
            return False
        for use in parsed.uses:
            if use.name.startswith("ansible_") or use.name in subject.runtime or use.name not in variables:
                return False
            if not _is_known(subject, variables[use.name], variables, depth + 1):
                return False
    return True


def _knows_plugins(parsed: Parsed) -> bool:
    """Whether all filters and tests are there, and none of them looks at files, which tasks may make."""
    environment = value_environment()
    if any(each.name.rpartition(".")[2] in _OF_FILES for each in parsed.tests):
        return False
    try:
        return all(each.name in environment.filters for each in parsed.filters) and all(
            each.name in environment.tests for each in parsed.tests
        )
    except TemplateError:  # a collection says that one is gone
        return False


def _is_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_secret, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_is_secret, value))
    return isinstance(value, SourceVault)
