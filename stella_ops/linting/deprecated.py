"""The rule for forms that are on their way out, or have been without effect for long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stella_ops.linting.subject import Subject
from stella_ops.linting.texts import Text, texts_of, variable_texts
from stella_ops.origins import Origin, key_origin, origin_of
from stella_ops.places import locate

_VARIABLES: Mapping[str, str] = {
    "play_hosts": "ansible_play_batch",
    "ansible_ssh_user": "ansible_user",
    "ansible_ssh_host": "ansible_host",
    "ansible_ssh_port": "ansible_port",
    "ansible_sudo": "ansible_become",
}
_METHODS: Mapping[str, str] = {
    "iteritems": "items()",
    "iterkeys": "keys()",
    "itervalues": "values()",
    "has_key": "'key' in mapping",
}
_MODULES: Mapping[str, str] = {
    "apt_key": "apt-key is gone from Debian 13 and Ubuntu 24.10: use deb822_repository with signed_by",
}


def check(subject: Subject) -> None:
    """Look at what templates name, and at the names of variables."""
    seen: set[int] = set()
    for play, site in subject.sites():
        task = site.task
        if task.action in _MODULES:
            message, hint = f"the module '{task.action}' has no future", _MODULES[task.action]
            subject.findings.add("deprecated", message, task.origin, hint=hint, severity="hint")
        for text in (*texts_of(task), *variable_texts(task)):
            if id(text.text) not in seen:
                seen.add(id(text.text))
                _check_text(subject, text)
        del play
    for where, name in _named_variables(subject):
        hint = f"write {_VARIABLES[name]}"
        subject.findings.add("deprecated", f"'{name}' is an old name", where, hint=hint, severity="hint")


def _check_text(subject: Subject, text: Text) -> None:
    parsed, plain = text.parsed(), str.__str__(text.text)
    for use in parsed.uses:
        if use.name in _VARIABLES and use.name == "play_hosts":
            where = locate(text.text.origin, plain, use.name, use.line)
            hint = f"write {_VARIABLES[use.name]}"
            subject.findings.add("deprecated", f"'{use.name}' is an old name", where, hint=hint)
    for named in parsed.methods:
        if named.name in _METHODS:
            where = locate(text.text.origin, plain, f".{named.name}", named.line)
            message = f"'{named.name}' was Python 2's, and fails"
            hint = f"write {_METHODS[named.name]}"
            subject.findings.add("deprecated", message, where, hint=hint, severity="error")


def _named_variables(subject: Subject) -> Iterator[tuple[Origin, str]]:
    """Old names among variables of plays and hosts."""
    for play in subject.plays:
        for name in _VARIABLES:
            if name in play.play.vars:
                yield _place(play.play.vars, name, play.play.origin), name
        for view in play.views:
            for host in view.hosts[:1]:
                found = subject.inventory.variables(host, play.folder)
                for name in _VARIABLES:
                    if name in found and origin_of(found[name]) is not None:
                        yield _place({}, name, origin_of(found[name]) or play.play.origin), name


def _place(variables: Mapping[str, object], name: str, default: Origin) -> Origin:
    return key_origin(variables, name, origin_of(variables.get(name), default)) or default
