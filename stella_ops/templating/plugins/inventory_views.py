"""An inventory as ansible-core's plug-ins see it: ``InventoryData`` with its hosts and groups.

They stand before the hosts and groups of ``stella_ops.inventory.model`` and hold nothing themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from stella_ops.errors import StellaError
from stella_ops.origins import Origin
from stella_ops.templating.plugins.ansible_errors import AnsibleError


class _Entity:
    """A host or group."""

    def __init__(self, of: Any) -> None:
        self._of = of
        self.name: str = of.name

    @property
    def vars(self) -> dict[str, Any]:
        return self._of.vars  # type: ignore[no-any-return]

    def get_name(self) -> str:
        return self.name

    def set_variable(self, key: str, value: Any) -> None:
        """Set a variable of it."""
        setter = getattr(self._of, "set_variable", None)
        if setter is not None:
            setter(key, value)
        else:
            self._of.vars[key] = value

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Entity) and other._of is self._of

    def __hash__(self) -> int:
        return hash(self.name)


class Host(_Entity):
    """A host."""

    @property
    def address(self) -> str:
        return str(self._of.vars.get("ansible_host", self.name))

    @property
    def implicit(self) -> bool:
        return bool(self._of.implicit)

    @property
    def groups(self) -> list[Group]:
        return self.get_groups()

    def get_groups(self) -> list[Group]:
        """All groups that it is in, also by way of others."""
        found: dict[str, Any] = {}
        above = list(self._of.groups.values())
        while above:
            group = above.pop(0)
            if group.name not in found:
                found[group.name] = group
                above += group.parents.values()
        return [Group(group) for group in found.values()]

    def get_magic_vars(self) -> dict[str, Any]:
        """Its names, and those of its groups."""
        names = sorted(group.name for group in self.get_groups() if group.name != "all")
        short = self.name.split(".", 1)[0]
        return {"inventory_hostname": self.name, "inventory_hostname_short": short, "group_names": names}

    def get_vars(self) -> dict[str, Any]:
        """Its own variables, with the magic ones."""
        return {**self._of.vars, **self.get_magic_vars()}


class Group(_Entity):
    """A group."""

    @property
    def priority(self) -> int:
        return int(self._of.priority)

    @property
    def hosts(self) -> list[Host]:
        return [Host(host) for host in self._of.hosts.values()]

    @property
    def child_groups(self) -> list[Group]:
        return [Group(group) for group in self._of.children.values()]

    @property
    def parent_groups(self) -> list[Group]:
        return [Group(group) for group in self._of.parents.values()]

    def get_hosts(self) -> list[Host]:
        """Its hosts, and those of all groups below it."""
        found: dict[str, Host] = {}
        below, seen = [self._of], set()
        while below:
            group = below.pop(0)
            if group.name not in seen:
                seen.add(group.name)
                found.update({name: Host(host) for name, host in group.hosts.items()})
                below += group.children.values()
        return list(found.values())

    def get_vars(self) -> dict[str, Any]:
        """Its own variables."""
        return dict(self._of.vars)


class Services(Protocol):
    """What plug-ins need of inventories that is not in this room."""

    extra_vars: Mapping[str, Any]

    def expand(self, pattern: str) -> tuple[list[str], int | None]:
        """The host names that a pattern with ranges stands for, and the port behind it."""
        ...

    def compose(self, template: Any, variables: Mapping[str, Any]) -> Any:
        """The value of an expression without braces."""
        ...

    def construct(
        self, host: str, said: Mapping[str, Any], variables: Mapping[str, Any], name_of: Callable[[str], str]
    ) -> None:
        """Give a host what ``compose``, ``groups`` and ``keyed_groups`` say; ``name_of`` makes names of groups."""
        ...


class InventoryData:
    """What a plug-in adds hosts, groups and variables to.

    Args:
        of: the inventory itself.
        where: the source that is read.
        services: what plug-ins need besides.
    """

    def __init__(self, of: Any, where: str, services: Services) -> None:
        self._of = of
        self.services = services
        self._where = Origin(where)
        self.current_source = where
        self.processed_sources: list[str] = []

    @property
    def hosts(self) -> dict[str, Host]:
        return {name: Host(host) for name, host in self._of.hosts.items()}

    @property
    def groups(self) -> dict[str, Group]:
        return {name: Group(group) for name, group in self._of.groups.items()}

    @property
    def localhost(self) -> Host:
        return Host(self._of.host("localhost"))

    def get_host(self, hostname: str) -> Host | None:
        """A host by name; this machine's names always have one."""
        try:
            return Host(self._of.host(hostname))
        except StellaError:
            return None

    def get_groups_dict(self) -> Mapping[str, list[str]]:
        """The names of the hosts of each group."""
        return self._of.groups_to_hosts()  # type: ignore[no-any-return]

    def add_group(self, group: str) -> str:
        """Make a group that is not there yet; its name."""
        if not isinstance(group, str) or not group:
            raise AnsibleError(f"Invalid empty/false group name provided: {group}")
        return str(self._of.ensure_group(str.__str__(group), self._where, checked=False).name)

    def add_host(self, host: str, group: str | None = None, port: Any = None) -> str:
        """Make a host that is not there yet, and put it into a group; its name."""
        if not isinstance(host, str) or not host:
            raise AnsibleError(f"Invalid empty host name provided: {host}")
        if group is not None and group not in self._of.groups:
            raise AnsibleError(f"Could not find group {group} in inventory")
        made = self._of.ensure_host(str.__str__(host), self._where, port)
        if group is not None:
            self._of.put(made, self._of.groups[group])
        return str(made.name)

    def set_variable(self, entity: str, varname: str, value: Any) -> None:
        """Set a variable of a group or host."""
        found = self._of.groups.get(entity) or self._of.hosts.get(entity)
        if found is None:
            raise AnsibleError(f"Could not identify group or host named {entity}")
        (Group if entity in self._of.groups else Host)(found).set_variable(str(varname), value)

    def add_child(self, group: str, child: str) -> bool:
        """Put a group or host into a group; whether it was not there."""
        if group not in self._of.groups:
            raise AnsibleError(f"{group} is not a known group")
        above = self._of.groups[group]
        if child in self._of.groups:
            return bool(self._of.add_child(above, self._of.groups[child], self._where))
        if child in self._of.hosts:
            return bool(self._of.put(self._of.hosts[child], above))
        raise AnsibleError(f"{child} is not a known host nor group")

    def reconcile_inventory(self) -> None:
        """Put groups and hosts that are nowhere below ``all``."""
        self._of.settle()
