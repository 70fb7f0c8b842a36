"""Reads inventories in YAML (or JSON) syntax.

    all:
      hosts:
        web0:                          # a host without variables
      children:
        web:
          hosts:
            web[01:20]: {http_port: 8080}
          vars: {ansible_user: deploy}

Every mapping of a group has ``hosts``, ``children`` and ``vars``, each of which may be left out or empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.errors import InventoryError
from stella_ops.inventory.model import Group, Inventory
from stella_ops.inventory.ranges import expand_host_pattern
from stella_ops.inventory.vars_files import check_variables, kind_of
from stella_ops.origins import Origin, SourceList, SourceMapping, key_origin, origin_of
from stella_ops.source_files import load_yaml
from stella_ops.spelling import nearest

if TYPE_CHECKING:
    from stella_ops.inventory.loader import SourcePlugins
    from stella_ops.inventory.plugin_source import Expressions

_KEYS = ("hosts", "children", "vars")


def read_yaml(
    text: str,
    source: str,
    inventory: Inventory,
    extra_vars: Mapping[str, Any] | None = None,
    expressions: Expressions | None = None,
    check: Callable[..., None] = lambda *_: None,
    plugins: SourcePlugins | None = None,
) -> None:
    """Add what a YAML inventory says. An empty document says nothing.

    Args:
        plugins: read what names one of them.
        check: refuses a source by its path and the names of its kind.

    Raises:
        InventoryError: with the line that is wrong.
    """
    data = load_yaml(text, source, error=InventoryError)
    if data is None:
        return
    if not isinstance(data, SourceMapping):
        hint = "the outermost names are groups: begin with 'all:'"
        raise InventoryError("an inventory must be a mapping of groups", where=_where(data, source), hint=hint)
    if "plugin" in data and not isinstance(data["plugin"], (SourceMapping, type(None))):
        from stella_ops.inventory.plugin_source import read_plugin

        name = str(data["plugin"])
        if plugins is not None and plugins.read(source, inventory, name.removeprefix("ansible.legacy.")):
            return
        check(Path(source), str(data["plugin"]).removeprefix("ansible.builtin."), "auto")
        read_plugin(data, source, inventory, extra_vars or {}, expressions)
        return
    check(Path(source), "yaml")
    reader = _Reader(source, inventory)
    for name, group in data.items():
        reader.read_group(name, group, key_origin(data, name) or Origin(source), ())


class _Reader:
    def __init__(self, source: str, inventory: Inventory) -> None:
        self._source = source
        self._inventory = inventory

    def read_group(self, name: Any, data: Any, where: Origin, above: tuple[str, ...]) -> Group:
        group = self._inventory.ensure_group(name, where)
        if name in above:
            loop = " > ".join([*above[above.index(name) :], name])
            raise InventoryError(f"group '{name}' contains itself: {loop}", where=where)
        if data is None:
            return group
        if not isinstance(data, SourceMapping) and not self._inventory.names.strict:
            self._inventory.warnings.append(f"Skipping '{name}' as this is not a valid group definition")
            return group
        if not isinstance(data, SourceMapping):
            raise InventoryError(
                f"group '{name}' must hold hosts, children or vars",
                where=_where(data, where),
                hint=f"write '{name}:', and below it 'hosts:' with a line 'name:' for each host",
            )
        for key in data:
            if key not in _KEYS:
                self._refuse(key, data[key], group, key_origin(data, key, where))
        for key in data:  # in the order written: it is the order in which hosts and groups come
            if key == "hosts":
                for host_key, host_data in self._section(data, "hosts", group).items():
                    self._read_host(host_key, host_data, group, data["hosts"])
            elif key == "children":
                self._read_children(data, group, where, above)
            elif key == "vars" and data["vars"] is not None:
                variables = check_variables(data["vars"], f"vars of group '{name}'", key_origin(data, "vars"))
                for variable, value in variables.items():
                    group.set_variable(variable, value, key_origin(variables, variable))
        return group

    def _read_children(self, data: SourceMapping, group: Group, where: Origin, above: tuple[str, ...]) -> None:
        for child_key, child_data in self._section(data, "children", group).items():
            place = key_origin(data["children"], child_key, where) or where
            child = self.read_group(child_key, child_data, place, (*above, group.name))
            self._inventory.add_child(group, child, place)

    def _section(self, data: SourceMapping, key: str, group: Group) -> dict[Any, Any]:
        section = data.get(key)
        if section is None:
            return {}
        if isinstance(section, str):  # a single name, as Ansible allows
            return {section: None}
        if isinstance(section, SourceMapping):
            return section
        hint = None
        if isinstance(section, SourceList) and section and isinstance(section[0], str):
            hint = f"these are keys, not list items: write '{section[0]}:' instead of '- {section[0]}'"
        raise InventoryError(
            f"'{key}' of group '{group.name}' must be a mapping of names",
            where=origin_of(section) or key_origin(data, key),
            hint=hint,
        )

    def _read_host(self, pattern: Any, data: Any, group: Group, section: Any) -> None:
        where = key_origin(section, pattern) or Origin(self._source)
        if not isinstance(pattern, str):
            raise InventoryError(
                f"a host name must be text, not {pattern!r}", where=where, hint=f'quote it: "{pattern}"'
            )
        names, port = expand_host_pattern(pattern, where)
        found: dict[str, Any] = {}
        if data is not None:
            if not isinstance(data, SourceMapping):
                raise InventoryError(
                    f"host '{pattern}' must hold variables, not be {kind_of(data)}",
                    where=_where(data, where),
                    hint=f"write '{pattern}:', and below it 'name: value' lines",
                )
            found.update(check_variables(data, f"host '{pattern}'", where))
        for name in names:
            host = self._inventory.ensure_host(name, where, port)
            self._inventory.put(host, group)
            host.vars.update(found)

    def _refuse(self, key: Any, value: Any, group: Group, where: Origin | None) -> None:
        if self._inventory.names.strict:
            raise self._unknown_key(key, group, where)
        if isinstance(value, SourceMapping):
            why = 'only "vars", "children" and "hosts" are valid'
            self._inventory.warnings.append(f"Skipping unexpected key ({key}) in group ({group.name}), {why}")
        elif value is not None:
            why = f"as it is not a mapping, it is {kind_of(value)}"
            self._inventory.warnings.append(f"Skipping key ({key}) in group ({group.name}) {why}")

    def _unknown_key(self, key: Any, group: Group, where: Origin | None) -> InventoryError:
        near = nearest(key, _KEYS) if isinstance(key, str) else None
        hint = (
            f"did you mean '{near}'?"
            if near
            else "a group has 'hosts', 'children' and 'vars': put it below one of them"
        )
        return InventoryError(f"unknown key '{key}' in group '{group.name}'", where=where, hint=hint)


def _where(data: Any, default: Origin | str) -> Origin:
    return origin_of(data) or (default if isinstance(default, Origin) else Origin(default))
