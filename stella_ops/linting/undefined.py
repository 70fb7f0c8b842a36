"""Variables that templates use and nothing defines.

A name counts as defined wherever something may define it: no alarm is better than a false one. Where more variables
may come than can be known (an include whose name is a template, say), only names close to a known one are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from stella_ops.linting import handlers
from stella_ops.linting.expressions import Parsed, Use
from stella_ops.linting.reading import scope_of
from stella_ops.linting.rules import SEVERITIES, Severity
from stella_ops.linting.subject import RUNTIME, PlaySubject, Site, Subject
from stella_ops.linting.templates import Place, names_in
from stella_ops.linting.texts import Text, texts_of
from stella_ops.origins import Origin, SourceText
from stella_ops.places import locate
from stella_ops.spelling import did_you_mean
from stella_ops.templating.environment import value_environment
from stella_ops.templating.scope import is_template

_DEEPEST = 12
_TEMPLATE_NAMES = frozenset(
    f"template_{name}" for name in ("host", "path", "fullpath", "destpath", "uid", "mtime", "run_date")
)


class Missing(NamedTuple):
    """A name that is defined nowhere.

    Attributes:
        where: that names it.
        chain: the variables that led there, the one that the task names first.
        certain: nothing decides whether it is looked at.
    """

    name: str
    where: Origin
    chain: tuple[str, ...]
    certain: bool


@dataclass(slots=True)
class _Told:
    views: list[list[str]] = field(default_factory=list)
    severity: Severity = "error"


def check(subject: Subject) -> None:
    """Look at all tasks."""
    for play in subject.plays:
        idle = handlers.idle(subject, play)
        for site in play.sites:
            if not site.never():
                check_site(subject, play, replace(site, dealt=True) if id(site.task) in idle else site)


def check_site(subject: Subject, play: PlaySubject, site: Site) -> None:
    """Look at one task."""
    told: dict[Missing, _Told] = {}
    known: set[str] = set()
    for view in play.views:
        scope = scope_of(view, site)
        known.update(scope)
        for text, missing in missing_of(subject, site, scope):
            severity = _severity(site, text, missing)
            note = told.setdefault(missing._replace(certain=True), _Told(severity=severity))
            note.views.append(view.hosts)
            note.severity = min(note.severity, severity, key=SEVERITIES.index)
    known |= subject.runtime
    for missing, note in told.items():
        _tell(subject, play, missing, note, known)


def _severity(site: Site, text: Text, missing: Missing) -> Severity:
    if site.dealt or text.keyword == "failed_when":
        return "hint"
    if not missing.certain or text.when != "used":
        return "warning"
    # The first condition is looked at in any case, all else where the conditions hold.
    if text.keyword != "when" and site.conditional():
        return "warning"
    return "warning" if site.rescue else "error"


def _tell(subject: Subject, play: PlaySubject, missing: Missing, note: _Told, known: set[str]) -> None:
    name, severity = missing.name, note.severity
    unsure = subject.open or play.hosts is None
    if unsure and not subject.typos.of_any(name, known):
        return
    hint = did_you_mean(name, known)
    if severity == "hint" and hint:
        severity = "warning"  # that the task may fail was meant, the typo hardly
    if unsure:
        severity = max(severity, "warning", key=SEVERITIES.index)
    chain = " → ".join((*missing.chain, name))
    notes = [f"it is needed by way of {chain}"] if missing.chain else []
    if len(note.views) < len(play.views):
        hosts = [host for each in note.views for host in each]
        shown = ", ".join(hosts[:5]) + (f" and {len(hosts) - 5} more" if len(hosts) > 5 else "")
        severity = max(severity, "warning", key=SEVERITIES.index)
        message = f"'{name}' is not defined for {shown}"
        subject.findings.add("undefined-on-host", message, missing.where, hint=hint, severity=severity, notes=notes)
        return
    advice = hint or "define it in vars or the inventory, give it with -e, or ask for it with 'default' or 'is defined'"
    subject.findings.add(
        "undefined-variable",
        f"'{name}' is defined nowhere",
        missing.where,
        hint=advice,
        severity=severity,
        notes=notes,
    )


def missing_of(subject: Subject, site: Site, scope: Mapping[str, Any]) -> Iterator[tuple[Text, Missing]]:
    """What a task names that is not there.

    Args:
        scope: the variables that the task sees, as they are written.
    """
    found = list(texts_of(site.task))
    asked = _asked(found)
    search = _Search(subject, site, scope, asked)
    for text in found:
        if text.when == "shown" or (text.keyword in ("changed_when", "failed_when", "until") and site.dealt):
            continue
        parsed = text.parsed()
        for use in parsed.uses:
            for missing in search.follow(text.text, use, (), True):
                yield text, missing


def check_file_uses(
    subject: Subject, play: PlaySubject, site: Site, parsed: Parsed, local: frozenset[str], place: Place
) -> None:
    """Look at what a template file names.

    Args:
        local: what the templates that include it make themselves.
        place: where in the file something stands.
    """
    told: dict[Missing, _Told] = {}
    known: set[str] = set()
    for view in play.views:
        scope = scope_of(view, site)
        known.update(scope)
        search = _Search(subject, site, scope, _asked(list(texts_of(site.task))) | local | _TEMPLATE_NAMES)
        for use in parsed.uses:
            spot = SourceText("", place(use.name, use.line))
            for missing in search.follow(spot, use, (), True):
                severity: Severity = "error" if missing.certain and not site.conditional() else "warning"
                severity = "hint" if site.dealt and not did_you_mean(missing.name, known) else severity
                note = told.setdefault(missing._replace(certain=True), _Told(severity=severity))
                note.views.append(view.hosts)
                note.severity = min(note.severity, severity, key=SEVERITIES.index)
    known |= subject.runtime
    for missing, note in told.items():
        _tell(subject, play, missing, note, known)


def _asked(found: list[Text]) -> set[str]:
    """Names whose presence the task's conditions ask for, in whatever way."""
    names: set[str] = set()
    for text in found:
        if text.keyword == "when":
            parsed: Parsed = text.parsed()
            names.update(use.name for use in parsed.uses if use.guarded)
            names.update(parsed.constants)
    return names


class _Search:
    """Follows names through the variables that are templates themselves."""

    def __init__(self, subject: Subject, site: Site, scope: Mapping[str, Any], asked: Set[str]) -> None:
        self._subject = subject
        self._scope = scope
        self._asked = asked
        self._sure = not site.dealt and not site.conditional()
        self._globals = value_environment().globals

    def follow(self, text: SourceText, use: Use, chain: tuple[str, ...], certain: bool) -> Iterator[Missing]:
        name = use.name
        if use.guarded or name in self._asked or name.startswith("ansible_") or name in chain:
            return
        if name in self._subject.runtime or name in self._globals or name == "vars":
            return
        try:
            raw = self._scope[name]
        except KeyError:
            where = locate(text.origin, str.__str__(text), name, use.line)
            yield Missing(name, where, chain, certain and use.certain)
            return
        if raw is RUNTIME or not isinstance(raw, SourceText) or not is_template(raw) or len(chain) >= _DEEPEST:
            return
        if self._sure and certain and use.certain:
            self._subject.reached.add(id(raw))
        for inner in names_in(raw).uses:
            yield from self.follow(raw, inner, (*chain, name), certain and use.certain)
