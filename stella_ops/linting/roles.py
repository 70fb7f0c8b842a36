"""The rule for arguments that roles specify."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stella_ops.actions.argument_specs import problems_of
from stella_ops.linting.reading import scope_of
from stella_ops.linting.rules import Severity
from stella_ops.linting.subject import RUNTIME, Site, Subject, texts
from stella_ops.origins import SourceVault
from stella_ops.playbook.keywords import is_template
from stella_ops.spelling import did_you_mean
from stella_ops.templating.templar import Templar


def check(subject: Subject) -> None:
    """Look at each use of a role that says what it takes."""
    for play, site in subject.sites():
        task = site.task
        context = task.args.get("validate_args_context")
        spec = task.args.get("argument_spec")
        if task.action != "validate_argument_spec" or not isinstance(context, Mapping) or not isinstance(spec, Mapping):
            continue
        if context.get("type") != "role" or site.never():
            continue
        role = str(context.get("name"))
        provided = task.args.get("provided_arguments")
        for view in play.views:
            scope = scope_of(view, site)
            given = {name: scope[name] for name in spec if name in scope}
            given.update(provided if isinstance(provided, Mapping) else {})
            _check(subject, site, role, spec, given, open_=bool(subject.open) or play.hosts is None)


def _check(
    subject: Subject, site: Site, role: str, spec: Mapping[str, Any], given: Mapping[str, Any], *, open_: bool
) -> None:
    severity: Severity | None = "hint" if site.dealt else "warning" if site.conditional() else None
    findings, where = subject.findings, site.task.origin
    for name, each in spec.items():
        about = each if isinstance(each, Mapping) else {}
        aliases = [name, *(about.get("aliases") or ())]
        if not any(alias in given or alias in subject.runtime for alias in aliases):
            if about.get("required") and not open_:
                message = f"the role '{role}' needs the argument '{name}'"
                hint = did_you_mean(str(name), map(str, given)) or f"give it: vars: {{{name}: …}}"
                findings.add("role-arguments", message, where, hint=hint, severity=severity)
            continue
        value = given.get(name)
        if name in subject.runtime or value is None or value is RUNTIME or _unknown(value):
            continue
        for message in problems_of({name: about}, {name: _plain(value)}):
            findings.add("role-arguments", f"the role '{role}': {message}", where, severity=severity)


def _plain(value: Any) -> Any:
    """A value that is no template, as a run would have it."""
    return Templar().render(value, {})


def _unknown(value: Any) -> bool:
    return isinstance(value, SourceVault) or any(is_template(text) for text in texts(value))
