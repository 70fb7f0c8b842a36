"""Gathers facts: the module ``setup``, or those that are set in its place.

ansible-core's FACTS_MODULES and the variable ``ansible_facts_modules`` name them; ``smart`` stands for ``setup``.
"""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, Result
from stella_ops.collections import current

ARGUMENTS: dict[str, dict[str, Any]] | None = None
FACTS_MODULES = "ansible_facts_modules"

_SETUP = frozenset({"setup", "ansible.builtin.setup", "ansible.legacy.setup"})
# What only setup takes, and how it is called where another does not get it.
_OF_SETUP = {"gather_subset": "subset", "gather_timeout": "timeout", "filter": "filter"}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """One module after the other; ``parallel`` has no meaning."""
    args = {name: value for name, value in args.items() if name != "parallel"}
    modules = _modules(context)
    if len(modules) == 1 and modules[0] in _SETUP:
        return await context.module("setup", args)
    made: Result = {"ansible_facts": {}, "changed": False}
    failed: dict[str, Result] = {}
    skipped: dict[str, Result] = {}
    for name in modules:
        result = await context.module("setup" if name in _SETUP else name, _args(name, args), told=context.told)
        if result.get("failed"):
            failed[name] = result
        elif result.get("skipped"):
            skipped[name] = result
        else:
            _merge(made["ansible_facts"], result.get("ansible_facts", {}))
            for key in ("warnings", "deprecations"):
                made[key] = [*made.get(key, []), *result.get(key, [])]
    if skipped:
        made.update(msg=f"The following modules were skipped: {', '.join(skipped)}.", skipped_modules=skipped)
        made["skipped"] = len(skipped) == len(modules)
    if failed:
        made.update(msg=f"The following modules failed to execute: {', '.join(failed)}.", failed_modules=failed)
        made["failed"] = True
    return made


def _modules(context: ActionContext) -> list[str]:
    said: Any = context.facts_modules
    if FACTS_MODULES in context.variables:
        said = context.templar.render(context.variables[FACTS_MODULES], context.variables)
    names = [str(name).strip() for name in (said.split(",") if isinstance(said, str) else said)]
    found = [name for name in names if name != "smart"]
    if len(found) < len(names) and _SETUP.isdisjoint(found):
        found.append("setup")
    return found


def _args(name: str, args: dict[str, Any]) -> dict[str, Any]:
    if name in _SETUP:
        return args
    for key, word in _OF_SETUP.items():
        value = args.get(key)
        if value is not None and not (key == "gather_subset" and value in ("all", ["all"])):
            current().say(f"Not passing {word}({value}) to {name}")
    return {key: value for key, value in args.items() if key not in _OF_SETUP}


def _merge(into: dict[str, Any], facts: dict[str, Any]) -> None:
    """Deep; of lists, what comes later stands behind what it does not repeat."""
    for name, value in facts.items():
        old = into.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            into[name] = [*(each for each in old if each not in value), *value]
        else:
            into[name] = value
