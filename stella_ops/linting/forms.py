"""Findings as text for people, and as JSON and SARIF for programs.

Source: "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", OASIS Standard, 3.13 to 3.30.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stella_ops import __version__
from stella_ops.console.problems import excerpt, paint_if
from stella_ops.console.text import safe_block, safe_line
from stella_ops.linting.findings import Finding
from stella_ops.linting.rules import RULES, SEVERITIES

_STYLES = {"error": "failed", "warning": "changed", "hint": "hint"}
_LEVELS = {"error": "error", "warning": "warning", "hint": "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(findings: Sequence[Finding], *, color: bool = False) -> str:
    """For people: each finding with its place, the source there, and what to do; at the end how many."""
    lines: list[str] = []
    for found in findings:
        said = f"{found.severity} [{found.rule}] {safe_line(found.message)}"
        lines.append(f"{safe_line(found.where)}: {paint_if(color, said, _STYLES[found.severity])}")
        lines.extend(excerpt(str(found.where), color))
        lines.extend(f"  {safe_line(note)}" for note in found.notes)
        if found.hint:
            lines.append(paint_if(color, f"  hint: {safe_block(found.hint).rstrip()}", "hint"))
        lines.append("")
    lines.append(summary(findings))
    return "\n".join(lines) + "\n"


def summary(findings: Sequence[Finding]) -> str:
    """How many there are of each severity."""
    counted = Counter(found.severity for found in findings)
    if not counted:
        return "nothing found"
    told = [f"{counted[name]} {name}{'s' if counted[name] != 1 else ''}" for name in SEVERITIES if counted[name]]
    return ", ".join(told)


def as_json(findings: Sequence[Finding]) -> str:
    """One document."""
    counted = Counter(found.severity for found in findings)
    told = [
        {
            "rule": found.rule,
            "severity": found.severity,
            "file": found.where.source,
            "line": found.where.line or None,
            "column": found.where.column or None,
            "message": found.message,
            "hint": found.hint,
            "notes": list(found.notes),
        }
        for found in findings
    ]
    return json.dumps({"findings": told, "summary": {name: counted[name] for name in SEVERITIES}}, indent=2) + "\n"


def as_sarif(findings: Sequence[Finding], folder: Path) -> str:
    """A SARIF log of one run.

    Args:
        folder: that places are relative to where they are below it.
    """
    order = {name: index for index, name in enumerate(RULES)}
    rules = [
        {
            "id": rule.name,
            "shortDescription": {"text": rule.about},
            "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        }
        for rule in RULES.values()
    ]
    results = [
        {
            "ruleId": found.rule,
            "ruleIndex": order[found.rule],
            "level": _LEVELS[found.severity],
            "message": {"text": _message(found)},
            "locations": [{"physicalLocation": _location(found, folder)}],
        }
        for found in findings
    ]
    driver = {"name": "stella-ops lint", "version": __version__, "rules": rules}
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(log, indent=2) + "\n"


def rules_as_text() -> str:
    """The rules, a line each."""
    width = max(map(len, RULES))
    return "".join(f"{rule.name:{width}}  {rule.severity:7}  {rule.about}\n" for rule in RULES.values())


def rules_as_json() -> str:
    """The rules, one document."""
    return json.dumps([rule._asdict() for rule in RULES.values()], indent=2) + "\n"


def _message(found: Finding) -> str:
    return "\n".join([found.message, *found.notes, *([found.hint] if found.hint else [])])


def _location(found: Finding, folder: Path) -> dict[str, Any]:
    path = Path(found.where.source).absolute()
    inside = path.is_relative_to(folder)
    uri = quote(path.relative_to(folder).as_posix()) if inside else path.as_uri()
    location: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if found.where.line:
        location["region"] = {"startLine": found.where.line}
        if found.where.column:
            location["region"]["startColumn"] = found.where.column
    return location
