"""Rules for parameters of modules that were written for ansible-core, by what their documentation says.

What such a module takes it says only when it runs; its documentation may leave something out, and what is required may
come from the environment. So a name counts as wrong only where it is a letter or two from a documented one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stella_ops.content import module_path
from stella_ops.errors import StellaError
from stella_ops.linting.rules import Severity
from stella_ops.linting.subject import Site, Subject
from stella_ops.linting.typos import is_typo
from stella_ops.module_docs import read_doc
from stella_ops.origins import origin_of
from stella_ops.places import locate_key
from stella_ops.playbook.keywords import is_template, spoken
from stella_ops.spelling import did_you_mean

Options = Mapping[str, Mapping[str, Any]]


def check(subject: Subject) -> None:
    """Look at each task whose module does not say what it takes."""
    known: dict[str, Options] = {}
    seen: set[int] = set()
    for _, site in subject.sites():
        task = site.task
        if id(task) in seen or task.action == "meta":
            continue
        seen.add(id(task))
        if task.action not in known:
            known[task.action] = _options(subject, task.action)
        if known[task.action]:
            _check(subject, site, known[task.action])


def _options(subject: Subject, action: str) -> Options:
    """The options that a module's documentation has; none for modules that say themselves what they take."""
    try:
        spec = subject.modules.spec(action)
        path = module_path(action, subject.options.module_folders)
        if spec is None or spec.arguments is not None or path is None:
            return {}
        return read_doc(action, path).options
    except (StellaError, OSError, ValueError):
        return {}


def _check(subject: Subject, site: Site, options: Options) -> None:
    task, findings = site.task, subject.findings
    severity: Severity = "hint" if site.dealt or site.never() else "warning"
    names = {alias: name for name, each in options.items() for alias in (name, *(each.get("aliases") or ()))}
    for key, value in task.args.items():
        where = locate_key(task.origin, str(key))
        if key not in names:
            if any(is_typo(str(key), str(name)) for name in names):
                message = f"'{task.written or task.action}' has no parameter '{key}' in its documentation"
                hint = did_you_mean(str(key), map(str, names))
                findings.add("unknown-parameter", message, where, hint=hint, severity=severity)
            continue
        choices = options[names[key]].get("choices")
        if choices and isinstance(value, str) and not is_template(value) and options[names[key]].get("type") != "list":
            known = [str(choice) for choice in choices]
            if value not in known and value.lower() not in ("yes", "no", "true", "false"):
                message = f"'{key}' of '{task.action}' must be one of {', '.join(known)}, not {spoken(value)}"
                hint = did_you_mean(str(value), known)
                findings.add("wrong-value", message, origin_of(value) or where, hint=hint, severity=severity)
