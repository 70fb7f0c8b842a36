"""The rules: a word, how bad a finding is, and one sentence. ``docs/lint.md`` has the same table."""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "hint"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")


class Rule(NamedTuple):
    """What is looked for.

    Attributes:
        severity: of most findings; one of a rule may be milder where the playbook deals with the failure.
    """

    name: str
    severity: Severity
    about: str


_RULES = (
    Rule("yaml", "error", "A file is not valid YAML, or cannot be read."),
    Rule("duplicate-key", "error", "A mapping says the same key twice; one of them would be lost."),
    Rule("syntax", "error", "What stands there has no meaning: a value of the wrong kind, two modules in a task."),
    Rule("unknown-keyword", "error", "A play, block or task has a key that is neither a keyword nor a module."),
    Rule("not-supported", "error", "Something of ansible-core's that there is none of here."),
    Rule("unknown-module", "error", "There is no module of this name."),
    Rule("unknown-parameter", "error", "The module has no parameter of this name."),
    Rule("missing-parameter", "error", "A parameter that the module needs is not given."),
    Rule("wrong-value", "error", "A value is not one of a parameter's choices, or of another type."),
    Rule("exclusive-parameters", "error", "Parameters that exclude each other are given together."),
    Rule("unknown-handler", "error", "A task notifies a handler that is not there."),
    Rule("unused-handler", "warning", "Nothing notifies the handler, so that it never runs."),
    Rule("template-syntax", "error", "A template or condition that cannot be parsed."),
    Rule("template-fails", "error", "A template fails with the values that are known before the run."),
    Rule("unknown-filter", "error", "A template names a filter that there is none of."),
    Rule("unknown-test", "error", "A template names a test (after 'is') that there is none of."),
    Rule("unknown-lookup", "error", "A template names a lookup that there is none of."),
    Rule("braces-in-condition", "warning", "A condition is an expression already: braces in it mislead."),
    Rule("undefined-variable", "error", "A template uses a variable that is defined nowhere."),
    Rule("undefined-on-host", "warning", "A variable is defined for some hosts of the play, but not for others."),
    Rule("missing-file", "error", "A file, playbook or role that is named is not there."),
    Rule("role-arguments", "error", "What a role is given does not fit the arguments that it specifies."),
    Rule("no-hosts", "error", "The pattern of a play matches no host of the inventory."),
    Rule("unreachable-task", "warning", "A task stands behind an unconditional end, and never runs."),
    Rule("unused-register", "hint", "A registered variable is never used."),
    Rule("deprecated", "warning", "A form that is on its way out of the language, with what to write instead."),
)
RULES: dict[str, Rule] = {rule.name: rule for rule in _RULES}
