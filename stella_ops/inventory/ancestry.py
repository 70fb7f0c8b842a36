"""Walks over the relations of groups: who is above, who is below, how deep."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stella_ops.inventory.model import Group


def downwards(group: Group) -> Iterator[Group]:
    """A group and every group below it, each once, breadth first."""
    seen = {group.name}
    waiting = deque([group])
    while waiting:
        current = waiting.popleft()
        yield current
        for child in current.children.values():
            if child.name not in seen:
                seen.add(child.name)
                waiting.append(child)


def upwards(group: Group) -> Iterator[Group]:
    """A group and every group above it, each once, in no order to rely on."""
    seen = {group.name}
    waiting = [group]
    while waiting:
        current = waiting.pop()
        yield current
        for parent in current.parents.values():
            if parent.name not in seen:
                seen.add(parent.name)
                waiting.append(parent)


def path_down(top: Group, group: Group) -> list[str] | None:
    """The names on a way from one group down to another, both included; None when there is none."""
    below: dict[str, str | None] = {group.name: None}
    waiting = [group]
    while waiting:
        current = waiting.pop()
        if current is top:
            path = [current.name]
            while (following := below[path[-1]]) is not None:
                path.append(following)
            return path
        for parent in current.parents.values():
            if parent.name not in below:
                below[parent.name] = current.name
                waiting.append(parent)
    return None


def depths_below(groups: Collection[Group]) -> dict[str, int]:
    """For each group, the longest way down to it from a group without parents. There must be no loops."""
    depths = {group.name: 0 for group in groups}
    missing = {group.name: len(group.parents) for group in groups}
    ready = deque(group for group in groups if not group.parents)
    while ready:
        group = ready.popleft()
        for child in group.children.values():
            depths[child.name] = max(depths[child.name], depths[group.name] + 1)
            missing[child.name] -= 1
            if not missing[child.name]:
                ready.append(child)
    return depths
