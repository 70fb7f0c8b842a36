"""Users' filters, tests and lookups of a run: which folders are looked in, and since when."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from stella_ops.engine.events import Warned
from stella_ops.engine.run_context import RunContext
from stella_ops.inventory.model import Inventory
from stella_ops.playbook.model import Play, Role, Step, walk_tasks
from stella_ops.templating.lookups.hosts import select_with
from stella_ops.templating.plugins import folders


def start(modules: Sequence[Path] = ()) -> None:
    """A run begins: its plug-ins are those that the environment names, until a play or role brings more.

    Args:
        modules: folders of modules of the user's own, which plug-ins may ask about.
    """
    folders.forget()
    folders.use_configured()
    folders.use_modules(modules)
    select_with(_select)


def of_play(context: RunContext, play: Play, folder: Path) -> None:
    """Use those beside a playbook and in the roles that it names."""
    steps: list[Step] = [step for _, section in play.sections() for step in section]
    _use(context, [folder, *_folders([*play.roles, *_roles_of([*steps, *play.handlers])])])


def of_included(context: RunContext, roles: Iterable[Role], steps: list[Step]) -> None:
    """Use those of roles that were included."""
    _use(context, _folders([*roles, *_roles_of(steps)]))


def _roles_of(steps: list[Step]) -> Iterator[Role]:
    for task in walk_tasks(steps):
        if task.inherited.role is not None:
            yield task.inherited.role


def _folders(roles: Iterable[Role]) -> list[Path]:
    found = dict.fromkeys(each.folder for role in roles for each in (role, *role.dependencies))
    return list(map(Path, found))


def _use(context: RunContext, places: Iterable[Path]) -> None:
    for place in places:
        for message in folders.use_beside(place):
            context.emit(Warned(time=time.time(), message=message))


def _select(groups: Mapping[str, list[str]], patterns: list[str]) -> list[str]:
    """The hosts that patterns mean in an inventory of these groups."""
    inventory = Inventory()
    for group, hosts in groups.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, [group] if group != "all" else [])
    chosen = inventory.select(patterns)
    # Groups lose the order of "all" as a whole, which these patterns keep.
    everyone = bool(patterns) and patterns[0].partition(":")[0].partition(",")[0] in ("all", "*")
    return sorted(chosen, key=groups["all"].index) if everyone and set(chosen) <= set(groups["all"]) else chosen
