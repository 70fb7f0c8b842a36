"""An inventory as ``ansible-inventory`` shows it: as JSON, YAML, TOML, or a tree."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from stella_ops.errors import InventoryError
from stella_ops.inventory.model import Group, Inventory


class InventoryForms:
    """Shows an inventory.

    Args:
        hosts: those that ``--limit`` leaves.
        extra_vars: stand above all variables of hosts.
        export: groups and hosts have their own variables alone, so that what is shown can be an inventory again.
        playbook_dir: a folder whose ``group_vars`` and ``host_vars`` count as well.
        own_playbook_dir: the same for what a group or host has as its own: only what was asked for by name.
    """

    def __init__(
        self,
        inventory: Inventory,
        hosts: Collection[str],
        *,
        extra_vars: Mapping[str, Any] | None = None,
        export: bool = False,
        playbook_dir: Path | None = None,
        own_playbook_dir: Path | None = None,
    ) -> None:
        self._inventory = inventory
        self._hosts = hosts
        self._extra_vars = dict(extra_vars or {})
        self._export = export
        self._playbook_dir = playbook_dir
        self._own_playbook_dir = own_playbook_dir

    def host(self, name: str) -> dict[str, Any]:
        """The variables of a host."""
        if self._export:
            return self._inventory.own_variables(self._inventory.host(name), self._own_playbook_dir)
        return {**self._inventory.variables(name, self._playbook_dir), **self._extra_vars}

    def group(self, group: Group) -> dict[str, Any]:
        """The variables of a group itself."""
        found = self._inventory.own_variables(group, self._own_playbook_dir)
        if group.priority != 1:
            found["ansible_group_priority"] = group.priority
        return found

    def script(self) -> dict[str, Any]:
        """The form that inventory programs print for ``--list``."""
        listed: dict[str, Any] = {}
        for group in self._groups():
            shown = self._non_empty(
                hosts=[] if group.name == "all" else self._members(group),
                children=list(group.children),
                vars=self.group(group) if self._export else {},
            )
            if shown:
                listed[group.name] = shown
        variables = {name: self.host(name) for name in self._hosts}
        hostvars = {name: marked(found) for name, found in variables.items() if found}
        return {**listed, "_meta": {"hostvars": hostvars, "profile": "inventory_legacy"}}

    def nested(self) -> dict[str, Any]:
        """The form of YAML inventories."""
        return self._nested(self._inventory.groups["all"], set(), set())

    def _nested(self, group: Group, groups: set[str], hosts: set[str]) -> dict[str, Any]:
        children: dict[str, Any] = {}
        for child in group.children.values():
            if child.name in groups:
                children[child.name] = {}
            else:
                children.update(self._nested(child, groups, hosts))
                groups.add(child.name)
        shown = self._non_empty(
            children=children,
            hosts={} if group.name == "all" else self._with_variables(group, hosts),
            vars=self.group(group) if self._export else {},
        )
        return {group.name: shown} if shown else {}

    def tables(self) -> dict[str, Any]:
        """The form of TOML inventories."""
        found: dict[str, Any] = {}
        hosts: set[str] = set()
        for group in self._groups():
            shown = self._non_empty(
                children=[] if group.name == "all" else list(group.children),
                hosts={} if group.name == "all" else self._with_variables(group, hosts),
                vars=self.group(group) if self._export else {},
            )
            if shown:
                found[group.name] = shown
        return found

    def graph(self, start: str, *, variables: bool = False) -> str:
        """Groups and hosts below a group as a tree, as ansible-inventory draws it."""
        return "\n".join(self._graph(self._inventory.groups[start], 0, variables))

    def _graph(self, group: Group, depth: int, variables: bool) -> Iterator[str]:
        yield _branch(f"@{group.name}:", depth)
        for child in group.children.values():
            yield from self._graph(child, depth + 1, variables)
        for name in () if group.name == "all" else group.hosts:
            yield _branch(name, depth + 1)
            if variables:
                yield from _values(self.host(name), depth + 2)
        if variables:
            yield from _values(self.group(group), depth + 1)

    def _groups(self) -> Iterator[Group]:
        """Each group once, a group before those below it."""
        seen: set[str] = set()
        waiting = [self._inventory.groups["all"]]
        while waiting:
            group = waiting.pop()
            if group.name not in seen:
                seen.add(group.name)
                yield group
                waiting += reversed(group.children.values())

    def _members(self, group: Group) -> list[str]:
        return [name for name in group.hosts if name in self._hosts]

    def _with_variables(self, group: Group, seen: set[str]) -> dict[str, Any]:
        found = {name: {} if name in seen else self.host(name) for name in self._members(group)}
        seen.update(found)
        return found

    @staticmethod
    def _non_empty(**parts: Any) -> dict[str, Any]:
        return {name: part for name, part in parts.items() if part}


def _branch(text: str, depth: int) -> str:
    return f"{'  |' * depth}--{text}" if depth else text


def _values(variables: Mapping[str, Any], depth: int) -> Iterator[str]:
    for name in sorted(variables):
        yield _branch(f"{{{name} = {variables[name]}}}", depth)


def marked(value: Any) -> Any:
    """Variables as ansible-core's JSON shows them: a text that is data, and never a template, is marked."""
    if isinstance(value, Mapping):
        return {key: marked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [marked(item) for item in value]
    return {"__ansible_unsafe": value} if type(value) is str else value


def as_json(data: Any) -> str:
    """JSON with sorted keys."""
    return json.dumps(data, indent=4, sort_keys=True, default=_unknown, ensure_ascii=False)


def _unknown(value: Any) -> Any:
    from stella_ops.origins import SourceVault

    return {"__ansible_vault": value.ciphertext} if isinstance(value, SourceVault) else str(value)


def as_yaml(data: Any) -> str:
    """YAML in block style with sorted keys; many lines as ansible-core dumps them."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", str.__str__(value))

    Dumper.add_multi_representer(str, text)
    shown: str = yaml.dump(_plain(data), Dumper=Dumper, default_flow_style=False, allow_unicode=True)
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str.__str__(value) if isinstance(value, str) else value


def as_toml(data: Mapping[str, Any]) -> str:
    """TOML.

    Raises:
        InventoryError: a value that TOML does not know (null).
    """
    lines: list[str] = []
    _table(data, (), lines)
    return "\n".join(lines).strip("\n") + "\n"


def _table(data: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    for name, value in data.items():
        if not isinstance(value, Mapping):
            lines.append(f"{_key(name)} = {_toml(value, (*path, str(name)))}")
    for name, value in data.items():
        if isinstance(value, Mapping):
            inner = (*path, str(name))
            if not value or any(not isinstance(item, Mapping) for item in value.values()):
                lines += ["", f"[{'.'.join(map(_key, inner))}]"]
            _table(value, inner, lines)


def _key(name: Any) -> str:
    text = str(name)
    plain = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    return text if plain else json.dumps(text, ensure_ascii=False)


def _toml(value: Any, path: tuple[str, ...]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_toml(v, (*path, str(k)))}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item, path) for item in value) + "]"
    if value is None:
        raise InventoryError(f"'{'.'.join(path)}' is null, which TOML cannot say", hint="show it as JSON or YAML")
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
