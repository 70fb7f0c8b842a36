"""Finds the health checks: files in ``modules/doctor/`` and in users' own module folders.

A check is found by its file and described by two literals in it, ``CHECK`` and ``ARGUMENTS``, which are read
without running the file: it runs on hosts alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stella_ops.content import builtin_folder
from stella_ops.errors import ParseError, UsageError
from stella_ops.origins import Origin
from stella_ops.spelling import did_you_mean

DEFAULT_TIMEOUT = 10.0

# The order in which reports tell: what an agent cannot do without comes first.
CATEGORIES = ("Security", "Core", "Resources", "Configuration", "Network", "Runtime", "Cluster")


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One health check.

    ``module`` is the name it is run by on hosts (``doctor/disk_space``), ``timeout`` is in seconds, and
    ``arguments`` are the names it takes.
    """

    name: str
    id: str
    category: str
    module: str
    timeout: float = DEFAULT_TIMEOUT
    arguments: frozenset[str] = frozenset()
    summary: str = ""


def load_checks(
    extra_folders: Sequence[Path] = (),
    categories: Iterable[str] | None = None,
    names: Iterable[str] | None = None,
) -> list[CheckSpec]:
    """The checks to run, in the order reports have them.

    Args:
        extra_folders: module folders of the user; a file ``doctor/NAME.py`` in one takes the place of the
            built-in check of that file name.
        categories: only checks of these ("security"); case does not matter. None or empty for all.
        names: only these, by id ("disk-space") or name ("Disk Space"). None or empty for all.

    Raises:
        UsageError: a category or name that no check has, or categories and names that have none in common.
        ParseError: a file that does not describe a check, or two that claim one id.
    """
    checks = [read_check(path) for path in _files(extra_folders).values()]
    _refuse_shared_ids(checks)
    checks.sort(key=_place)
    wanted = {_known(c, {check.category for check in checks}, "category") for c in categories or ()}
    by_word = {word: check for check in checks for word in (check.name, check.id)}
    picked = {by_word[_known(name, by_word, "check")].id for name in names or ()}
    chosen = [
        check for check in checks if (not wanted or check.category in wanted) and (not picked or check.id in picked)
    ]
    if not chosen:
        raise UsageError("no check has both the categories and the names that were asked for")
    return chosen


def read_check(path: Path) -> CheckSpec:
    """The description in one file. Raises ParseError."""
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except OSError as problem:
        raise ParseError(f"cannot read the check: {problem.strerror}", where=Origin(str(path))) from None
    except (SyntaxError, ValueError) as problem:
        line = getattr(problem, "lineno", None) or 0
        said = getattr(problem, "msg", None) or str(problem)
        raise ParseError(f"the check is not Python: {said}", where=Origin(str(path), line)) from None
    literals = _literals(tree, path)
    described = literals.get("CHECK")
    if not isinstance(described, dict):
        raise ParseError(
            "the file describes no check",
            where=Origin(str(path)),
            hint='give it CHECK = {"name": "…", "id": "…", "category": "…"}',
        )
    texts = {}
    for key in ("name", "id", "category"):
        value = described.get(key)
        if not isinstance(value, str) or not value:
            raise ParseError(f"CHECK has no '{key}'", where=Origin(str(path)))
        texts[key] = value
    timeout = described.get("timeout", DEFAULT_TIMEOUT)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0:
        raise ParseError("CHECK's 'timeout' must be a number of seconds", where=Origin(str(path)))
    arguments = literals.get("ARGUMENTS", {})
    if not isinstance(arguments, dict):
        raise ParseError("ARGUMENTS must be a mapping", where=Origin(str(path)))
    summary = (ast.get_docstring(tree) or "").partition("\n")[0]
    return CheckSpec(
        **texts,
        module=f"doctor/{path.stem}",
        timeout=float(timeout),
        arguments=frozenset(arguments),
        summary=summary,
    )


def _files(extra_folders: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in (*extra_folders, builtin_folder("modules")):
        for path in sorted((folder / "doctor").glob("*.py")):
            if not path.name.startswith("_"):
                found.setdefault(path.name, path)
    return found


def _literals(tree: ast.Module, path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for statement in tree.body:
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            if isinstance(target, ast.Name) and target.id in ("CHECK", "ARGUMENTS"):
                try:
                    found[target.id] = ast.literal_eval(statement.value)
                except (ValueError, TypeError):
                    # It is read without running the file, so it has to be written out.
                    raise ParseError(
                        f"{target.id} must be written as a literal", where=Origin(str(path), statement.lineno)
                    ) from None
    return found


def _refuse_shared_ids(checks: list[CheckSpec]) -> None:
    owners: dict[str, CheckSpec] = {}
    for check in checks:
        for word in (check.id.casefold(), check.name.casefold()):
            other = owners.setdefault(word, check)
            if other is not check:
                raise ParseError(
                    f"{other.module} and {check.module} are both the check '{check.id}'",
                    hint="give one of them another id and name, or the same file name to replace the other",
                )


def _place(check: CheckSpec) -> tuple[int, str, str]:
    known = CATEGORIES.index(check.category) if check.category in CATEGORIES else len(CATEGORIES)
    return known, check.category, check.name


def _known(word: str, known: Iterable[str], what: str) -> str:
    spellings = {name.casefold(): name for name in known}
    found = spellings.get(word.casefold())
    if found is None:
        listed = ", ".join(sorted(spellings.values()))
        close = did_you_mean(word.casefold(), spellings)
        raise UsageError(f"no {what} '{word}'", hint=close or f"there are: {listed}")
    return found
