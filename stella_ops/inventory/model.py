"""Hosts, the groups they are in, and their variables.

``load_inventory`` makes an ``Inventory``; add_host and group_by change it during a run. Names, relations and
order follow Ansible: every group is below ``all``; a host that is in no other group is in ``ungrouped``; the
hosts of a group are its own, then those of its children, breadth first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.errors import InventoryError
from stella_ops.inventory.ancestry import depths_below, downwards, path_down, upwards
from stella_ops.inventory.group_names import AS_WRITTEN, NOT_IN_VARIABLES, GroupNames
from stella_ops.inventory.patterns import LOCALHOST, select_hosts
from stella_ops.inventory.precedence import VariableLevels
from stella_ops.inventory.ranges import split_address
from stella_ops.origins import Origin, origin_of
from stella_ops.spelling import did_you_mean

if TYPE_CHECKING:
    from stella_ops.inventory.vars_files import Kind

PRIORITY_VARIABLES = ("ansible_group_priority", "stella_group_priority")


@dataclass(eq=False, slots=True)
class Host:
    """One host.

    Attributes:
        vars: variables from the inventory sources alone; ``Inventory.variables`` has all of them.
        groups: the groups that name the host themselves, by name; not their parents.
        origin: the place that named it first.
        implicit: this machine, without the inventory naming it.
    """

    name: str
    origin: Origin | None = None
    vars: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict, repr=False)
    implicit: bool = False


@dataclass(eq=False, slots=True)
class Group:
    """A group; ``hosts``, ``children`` and ``parents`` are the direct ones, by name, in their order."""

    name: str
    origin: Origin | None = None
    vars: dict[str, Any] = field(default_factory=dict)
    priority: int = 1
    hosts: dict[str, Host] = field(default_factory=dict, repr=False)
    children: dict[str, Group] = field(default_factory=dict, repr=False)
    parents: dict[str, Group] = field(default_factory=dict, repr=False)

    def set_variable(self, name: str, value: Any, where: Origin | None = None) -> None:
        """Set a variable; ``ansible_group_priority`` orders the group among those of its depth instead."""
        if name not in PRIORITY_VARIABLES:
            self.vars[name] = value
            return
        try:
            self.priority = int(value)
        except (TypeError, ValueError):
            raise InventoryError(f"{name} must be a whole number, not '{value}'", where=where) from None


class Inventory:
    """All hosts and groups.

    Attributes:
        hosts: every host, in the order of first mention.
        groups: every group; ``all`` and ``ungrouped`` are always there.
        folders: the folders whose ``group_vars/`` and ``host_vars/`` count, in the order of the sources.
        warnings: what a person should be told of and that is no error.
        odd_names: there are groups whose names, as they are written, are no names of variables.
        mismatch: what it means that a pattern names nothing: ``error``, ``warning`` or ``ignore``.
    """

    def __init__(self, names: GroupNames = AS_WRITTEN) -> None:
        self.hosts: dict[str, Host] = {}
        self.names = names
        self.groups: dict[str, Group] = {"all": Group("all"), "ungrouped": Group("ungrouped")}
        self.folders: list[Path] = []
        self.warnings: list[str] = []
        self.mismatch = "error"
        self.odd_names = False
        # Groups that are below "all" because they are below no other.
        self._orphans: set[str] = set()
        self._localhost: dict[str, Host] = {}
        self._added: list[tuple[Callable[..., bool], tuple[Any, ...]]] = []
        self._levels = VariableLevels(self.warnings)
        self._members: dict[str, dict[str, Host]] = {}
        self._depths: dict[str, int] | None = None
        self._chains: dict[frozenset[str], tuple[Group, ...]] = {}
        self._groups_to_hosts: dict[str, list[str]] | None = None
        self._link(self.groups["all"], self.groups["ungrouped"])

    @property
    def merge_hashes(self) -> bool:
        """Whether mappings add to weaker ones of their name."""
        return self._levels.merge_hashes

    @merge_hashes.setter
    def merge_hashes(self, merge: bool) -> None:
        self._levels.merge_hashes = merge
        self._levels.forget_groups()

    def ask(self, plugins: Callable[[Path, Sequence[Host | Group]], Mapping[str, Any]]) -> None:
        """Take variables of hosts and groups from plug-ins as well, for each folder that has variable files."""
        self._levels.plugins = plugins

    def order_levels(self, order: Sequence[str] | None, extensions: Sequence[str] | None) -> None:
        """Merge the variables of groups in another order, or find their files by other endings; None is as usual."""
        self._levels.order_levels(order, extensions)

    # --- asking -----------------------------------------------------------------------------------------

    def host(self, name: str) -> Host:
        """A host by name; this machine's names always have one.

        Raises:
            InventoryError: there is no such host.
        """
        found = self.hosts.get(name) or self._localhost.get(name)
        if found is None and name in LOCALHOST:
            made = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
            found = self._localhost[name] = Host(name, vars=made, implicit=True)
        if found is None:
            raise InventoryError(
                f"the inventory has no host '{name}'",
                where=origin_of(name),
                hint=did_you_mean(name, self.hosts),
            )
        return found

    def select(
        self, pattern: str | Sequence[str], limit: str | None = None, *, mismatch: str | None = None
    ) -> list[str]:
        """The names of the hosts that a pattern means; see ``patterns``.

        Args:
            pattern: a host pattern, or a list of them as a play's ``hosts`` may have.
            limit: a second pattern; the result is what both mean.
            mismatch: what it means here that a pattern names nothing, in place of what the inventory says.

        Raises:
            PatternError: a term is malformed, or names nothing that the inventory has.
        """
        return select_hosts(self, pattern, limit, mismatch or self.mismatch)

    def members(self, group: str) -> dict[str, Host]:
        """The hosts of a group and of all groups below it, by name, in order. Not to be changed."""
        found = self._members.get(group)
        if found is None:
            found = {}
            for below in downwards(self.groups[group]):
                found.update(below.hosts)
            if group == "all":
                found = {name: host for name, host in found.items() if not host.implicit}
            self._members[group] = found
        return found

    def group_names(self, host: str) -> list[str]:
        """The names of all groups that a host is in, sorted, without ``all``."""
        return sorted(group.name for group in self._chain(self.host(host)))

    def groups_to_hosts(self) -> dict[str, list[str]]:
        """The host names of each group, in order. Shared between callers: not to be changed."""
        if self._groups_to_hosts is None:
            self._groups_to_hosts = {name: list(self.members(name)) for name in self.groups}
        return self._groups_to_hosts

    def variables(self, host: str, playbook_dir: Path | None = None) -> dict[str, Any]:
        """The variables of a host, by Ansible's precedence; see ``precedence``. Without magic variables.

        Args:
            host: a host name; this machine's names too.
            playbook_dir: a folder whose ``group_vars/`` and ``host_vars/`` count as well.

        Returns:
            A new dict; its values are shared.

        Raises:
            InventoryError: no such host, or a variable file cannot be read.
        """
        found = self.host(host)
        chain = self._chain(found)
        return self._levels.merge(found, self.groups["all"], chain, self.folders, playbook_dir)

    def own_variables(self, of: Host | Group, playbook_dir: Path | None = None) -> dict[str, Any]:
        """The variables that are written for one host or group itself, without those of the groups above it."""
        kind: Kind = "host_vars" if isinstance(of, Host) else "group_vars"
        return self._levels.own(of, kind, self.folders, playbook_dir)

    def source_variables(self, host: str, *, files: bool = False) -> dict[str, Any]:
        """What the sources that were read so far say of a host; variable files only when asked for.

        For sources that are made from others; what is merged here is not kept.
        """
        found = self.host(host)
        levels = VariableLevels(self.warnings)
        return levels.merge(found, self.groups["all"], self._chain(found), self.folders if files else [], None)

    # --- changing, during a run -------------------------------------------------------------------------

    def add_host(self, name: str, groups: Iterable[str] = (), vars: Mapping[str, Any] | None = None) -> bool:
        """Add a host, or more groups and variables to one that exists (add_host, group_by).

        Args:
            name: the host, which may have a port behind it: ``web9:2222``.
            groups: names; missing groups are made.
            vars: replace those of the same name.

        Returns:
            Whether anything changed.
        """
        self._added.append((Inventory.add_host, (name, list(groups), dict(vars or {}))))
        name, port = split_address(name, origin_of(name) or Origin(f"host '{name}'"))
        known = self.hosts.get(name)
        host = known or self.ensure_host(name)
        changed = known is None
        if known is None:
            self.put(host, self.groups["all"])  # before those of the sources, as in ansible-core
        given: dict[str, Any] = dict(vars or {})
        if port is not None:
            given.setdefault("ansible_port", port)
        for key, value in given.items():
            if key not in host.vars or host.vars[key] != value:
                host.vars[key] = value
                changed = True
        for group_name in groups:
            changed |= self.add_group(group_name)
            changed |= self.put(host, self.groups[self.names.fit(group_name)])
        self._settle_host(host)
        return changed

    def join(self, name: str, group: str) -> bool:
        """Make a host that tasks run on a member of a group, which is made when missing (group_by).

        This machine, where no source names it, stays what it is, and none of ``all``.

        Returns:
            Whether anything changed.
        """
        if name in self.hosts or name not in LOCALHOST:
            return self.add_host(name, [group])
        self._added.append((Inventory.join, (name, group)))
        made = self.add_group(group)
        return self.put(self.host(name), self.groups[self.names.fit(group)]) or made

    def add_group(self, name: str, parents: Iterable[str] = ()) -> bool:
        """Add a group below its parents (``all`` when there are none); missing parents are made too.

        Returns:
            Whether anything changed.
        """
        self._added.append((Inventory.add_group, (name, list(parents))))
        changed = self.names.fit(name) not in self.groups
        group = self.ensure_group(name)
        for parent in parents:
            changed |= self.add_group(parent)
            if parent != "all":
                changed |= self.add_child(self.groups[self.names.fit(parent)], group)
        if not group.parents and name != "all":
            self._link(self.groups["all"], group)
        return changed

    @property
    def added(self) -> int:
        """How often something was added since the sources were read."""
        return len(self._added)

    def additions(self, since: int) -> list[list[Any]]:
        """What was added after the first so many: host, group or member, and the arguments of its method."""
        return [[_KINDS[add], *args] for add, args in self._added[since:]]

    def add_again(self, additions: Iterable[Sequence[Any]]) -> None:
        """Add what ``additions`` told of in another run."""
        for kind, *args in additions:
            next(add for add, known in _KINDS.items() if known == kind)(self, *args)

    def become(self, other: Inventory) -> None:
        """Take over the hosts and groups of another, in place of all that are here (``meta: refresh_inventory``)."""
        added = self._added
        self.__dict__.update(other.__dict__)
        self._added = []
        for add, args in added:  # what a run has added stays
            add(self, *args)

    # --- building, by the readers of sources ------------------------------------------------------------

    def ensure_host(self, name: str, where: Origin | None = None, port: int | None = None) -> Host:
        """The host of a name that was checked (``ranges``), made when missing.

        Args:
            port: what is written behind the name. As with Ansible it counts where the host is named first.
        """
        host = self.hosts.get(name)
        if host is None:
            host = self.hosts[name] = Host(name, where)
            if port is not None:
                host.vars["ansible_port"] = port
        return host

    def ensure_group(self, name: Any, where: Origin | None = None, *, checked: bool = True) -> Group:
        """The group of a name, made when missing. Dashes are fine; what patterns are made of is not.

        Args:
            checked: False takes any text for a name: one that was made of a variable's value.
        """
        if not isinstance(name, str):
            raise InventoryError(f"a group name must be text, not {name!r}", where=where, hint=f'quote it: "{name}"')
        written, name = name, self.names.fit(name)
        group = self.groups.get(name)
        if group is None:
            bad = self.names.bad(name) if checked else None
            if bad or not name:
                said = f"'{bad}' cannot be part of a group name: '{name}'" if bad else "a group name is empty"
                hint = f"call it '{self.names.fixed(name)}'" if name else None
                raise InventoryError(said, where=where, hint=hint)
            if NOT_IN_VARIABLES.search(written):
                self.odd_names = True
            group = self.groups[name] = Group(name, where)
            self._groups_to_hosts = self._depths = None
        return group

    def put(self, host: Host, group: Group) -> bool:
        """Make a host a member of a group; True when it was not."""
        if host.name in group.hosts:
            return False
        group.hosts[host.name] = host
        host.groups[group.name] = group
        self._members.clear()
        self._groups_to_hosts = None
        return True

    def add_child(self, parent: Group, child: Group, where: Origin | None = None) -> bool:
        """Put a group below another; True when it was not there.

        Raises:
            InventoryError: a group would contain itself.
        """
        if child.name in parent.children:
            return False
        if child.name == "all":
            raise InventoryError(
                f"'all' cannot be a child of '{parent.name}'", where=where, hint="every group is below 'all'"
            )
        loop = path_down(child, parent)
        if loop:
            shown = " > ".join([*loop, child.name])
            raise InventoryError(f"group '{child.name}' contains itself: {shown}", where=where)
        self._link(parent, child)
        return True

    def settle(self) -> None:
        """Put groups without a parent below ``all`` and hosts without a group into ``ungrouped``.

        May be called again when more sources were read.
        """
        everyone = self.groups["all"]
        for name in self._orphans:
            if len(self.groups[name].parents) > 1:  # a later source gave it a parent
                del self.groups[name].parents["all"], everyone.children[name]
        self._orphans.clear()
        for group in self.groups.values():
            if not group.parents and group.name != "all":
                self._link(everyone, group)
                self._orphans.add(group.name)
        for host in self.hosts.values():
            self._settle_host(host)

    def warn_of_names(self) -> None:
        """Note the names that mean a host and a group."""
        for name in self.groups.keys() & self.hosts.keys():
            self.warnings.append(f"Found both group and host with same name: {name}; in patterns it means the host")

    def _settle_host(self, host: Host) -> None:
        ungrouped = self.groups["ungrouped"]
        if any(name not in ("all", "ungrouped") for name in host.groups):
            if host.groups.pop("ungrouped", None):
                del ungrouped.hosts[host.name]
                self._members.clear()
                self._groups_to_hosts = None
        else:
            self.put(host, ungrouped)

    def _link(self, parent: Group, child: Group) -> None:
        parent.children[child.name] = child
        child.parents[parent.name] = parent
        self._members.clear()
        self._depths = None
        self._chains.clear()
        self._groups_to_hosts = None
        self._levels.forget_groups()

    def _chain(self, host: Host) -> tuple[Group, ...]:
        """All groups of a host but ``all``, those whose variables win last: by depth, priority and name."""
        key = frozenset(host.groups)
        found = self._chains.get(key)
        if found is None:
            depths = self._depths = self._depths or depths_below(self.groups.values())
            above = {group.name: group for start in host.groups.values() for group in upwards(start)}
            above.pop("all", None)
            order = sorted(above.values(), key=lambda group: (depths[group.name], group.priority, group.name))
            found = self._chains[key] = tuple(order)
        return found


# How additions are told of, by what added them.
_KINDS: dict[Callable[..., Any], str] = {
    Inventory.add_host: "host",
    Inventory.add_group: "group",
    Inventory.join: "member",
}
