"""Rules for templates in playbooks and variables: that they can be parsed, and that what they name is there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

from stella_ops.errors import TemplateError
from stella_ops.linting.expressions import Named, Parsed, parse_value
from stella_ops.linting.findings import Findings
from stella_ops.linting.rules import Severity
from stella_ops.linting.subject import PlaySubject, Site, Subject, texts
from stella_ops.linting.texts import Text, texts_of, variable_texts
from stella_ops.origins import Origin, SourceText
from stella_ops.places import locate
from stella_ops.spelling import did_you_mean
from stella_ops.templating.environment import value_environment
from stella_ops.templating.lookups.registry import LOOKUPS, find_lookup
from stella_ops.templating.plugins.collected import why_not
from stella_ops.templating.plugins.unsupported import not_supported
from stella_ops.templating.scope import is_template

# Where in a source something stands: its name, and the line of the template.
Place = Callable[[str, int], Origin]


def check(subject: Subject) -> None:
    """Look at every template of every task, play, role and host."""
    seen: set[int] = set()
    for play, site in subject.sites():
        for text in (*texts_of(site.task), *variable_texts(site.task)):
            if id(text.text) not in seen:
                seen.add(id(text.text))
                check_text(subject.findings, text, _severity(subject, site, text))
        del play
    for play in subject.plays:
        for written in _of_play(subject, play):
            if id(written) not in seen:
                seen.add(id(written))
                severity: Severity | None = None if id(written) in subject.reached else "warning"
                check_text(subject.findings, Text("vars", written), severity)


def _of_play(subject: Subject, made: PlaySubject) -> Iterator[SourceText]:
    play = made.play
    yield from texts([play.name, play.vars, play.vars_files, play.serial, play.hosts, play.strategy, play.order])
    for role in made.roles:
        yield from texts([role.defaults, role.vars, role.params, role.given])
    for view in made.views:
        for loaded in view.variables.files.values():
            yield from texts(loaded)
        for host in view.hosts[:1]:
            yield from texts(subject.inventory.variables(host, made.folder))


def _severity(subject: Subject, site: Site, text: Text) -> Severity | None:
    if site.dealt:
        return "hint"
    return "warning" if text.keyword == "vars" and id(text.text) not in subject.reached else None


def check_text(findings: Findings, text: Text, severity: Severity | None) -> None:
    """Look at one template or condition."""
    written, plain = text.text, str.__str__(text.text)
    parsed = text.parsed()
    origin = written.origin

    def place(name: str, line: int) -> Origin:
        return locate(origin, plain, name, line)

    if parsed.problem is not None:
        _syntax(findings, text, parsed, severity)
        return
    if text.condition and text.when != "shown" and is_template(plain):
        _braces(findings, text, parsed, severity)
    check_names(findings, parsed, place, severity)


def _syntax(findings: Findings, text: Text, parsed: Parsed, severity: Severity | None) -> None:
    assert parsed.problem is not None
    message, line = parsed.problem
    origin = locate(text.text.origin, str.__str__(text.text), "", line)
    what = f"the condition of '{text.keyword}'" if text.condition else "the template"
    hint = None
    if text.condition and is_template(text.text):
        hint = "a condition is an expression already: leave out the braces"
    findings.add("template-syntax", f"{what} cannot be parsed: {message}", origin, hint=hint, severity=severity)


def _braces(findings: Findings, text: Text, parsed: Parsed, severity: Severity | None) -> None:
    plain = str.__str__(text.text).strip()
    whole = plain.startswith("{{") and plain.endswith("}}") and plain.count("{{") == 1
    message = f"'{text.keyword}' has braces: a condition is an expression already"
    if whole:
        hint = f"write  {text.keyword}: {plain[2:-2].strip()}"
        findings.add("braces-in-condition", message, text.text.origin, hint=hint, severity=severity)
    else:
        hint = "write variables without {{ }}, as in  x == 'y'"
        said = f"'{text.keyword}' mixes an expression with templates"
        findings.add("braces-in-condition", said, text.text.origin, hint=hint, severity=severity or "error")
    del parsed


def check_names(findings: Findings, parsed: Parsed, place: Place, severity: Severity | None) -> None:
    """Note filters, tests and lookups that there are none of."""
    environment = value_environment()
    for kind, named in (("filter", parsed.filters), ("test", parsed.tests), ("lookup", parsed.lookups)):
        known: Iterable[str] = LOOKUPS
        if kind != "lookup":
            known = environment.filters if kind == "filter" else environment.tests
        for each in named:
            try:
                there = find_lookup(each.name) is not None if kind == "lookup" else each.name in known
            except TemplateError as problem:  # its collection says that it is gone
                where = place(each.name, each.line)
                findings.add(f"unknown-{kind}", problem.message, where, hint=problem.hint, severity=severity)
                continue
            if not there:
                surely = each.certain and not (findings.sure and each.applied)
                _unknown(findings, kind, each, known, place, severity or (None if surely else "warning"))


def _unknown(
    findings: Findings, kind: str, named: Named, known: Iterable[str], place: Place, severity: Severity | None
) -> None:
    instead = not_supported(kind, named.name)
    where = place(named.name, named.line)
    if instead:
        message = f"the {kind} '{named.name}' is not supported"
        findings.add("not-supported", message, where, hint=instead, severity=severity)
        return
    hint = _other_kind(kind, named.name) or why_not(kind, named.name) or did_you_mean(named.name, known)
    hint = hint or f"one of your own goes into {kind}_plugins/ beside the playbook"
    findings.add(f"unknown-{kind}", f"unknown {kind} '{named.name}'", where, hint=hint, severity=severity)


def _other_kind(kind: str, name: str) -> str | None:
    environment = value_environment()
    with contextlib.suppress(TemplateError):  # a collection says that the other one is gone
        if kind == "filter" and name in environment.tests:
            return f"'{name}' is a test: write  … is {name}"
        if kind == "test" and name in environment.filters:
            return f"'{name}' is a filter: write  … | {name}"
    return None


def names_in(text: SourceText) -> Parsed:
    """What a variable's value names."""
    return parse_value(str.__str__(text))
