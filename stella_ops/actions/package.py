"""Manages packages with the host's own package manager: the module of its name (apt, dnf, yum …)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stella_ops.actions.base import ActionContext, ActionError, Result
from stella_ops.errors import TaskError

# What else is given is for the module that is chosen, which checks it.
ARGUMENTS: dict[str, dict[str, Any]] | None = None


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Choose by ``use``, the variable ``ansible_package_use``, known facts, else by asking the host."""
    given = {name: value for name, value in args.items() if name != "use"}
    manager = args.get("use") or "auto"
    if manager == "auto":
        manager = context.variables.get("ansible_package_use") or _by_facts(context.variables)
    if manager is None:
        context.alone()
        manager = await _asked(context)
    try:
        return await context.module(str(manager), given)
    except TaskError as problem:
        if f"there is no module '{manager}'" not in str(problem):
            raise
        text = f'Could not find a matching action for the "{manager}" package manager.'
        raise ActionError(text, _hint=problem.hint) from None


def _by_facts(variables: Mapping[str, Any]) -> Any:
    facts = variables.get("ansible_facts")
    found = facts.get("pkg_mgr") if isinstance(facts, Mapping) else None
    return found if found and found != "unknown" else None


async def _asked(context: ActionContext) -> str:
    """The package manager that the host says it has."""
    wanted = {"gather_subset": ["!all", "!min", "pkg_mgr"], "filter": ["ansible_pkg_mgr"]}
    answer = await context.module("setup", wanted, check=False)
    if answer.get("failed"):
        raise ActionError(f"Failed to fetch ansible_pkg_mgr to determine the package manager: {answer.get('msg')}")
    facts = answer.get("ansible_facts")
    found = facts.get("ansible_pkg_mgr") if isinstance(facts, Mapping) else None
    if not found or found == "unknown":
        raise ActionError(
            "Could not detect a package manager. Try using the 'use' option.", _hint="for example: use: apt"
        )
    return str(found)
