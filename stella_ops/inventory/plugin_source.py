"""Reads YAML sources that name an inventory plug-in (``plugin: constructed``): groups and variables by expression.

    plugin: constructed
    strict: false
    compose:
      ansible_host: address | default(inventory_hostname)
    groups:
      webservers: inventory_hostname.startswith('web')
    keyed_groups:
      - {prefix: os, key: os_name}

Expressions see what the sources before this one say of a host. By default one that fails is passed over, since facts
it needs may not be there; ``strict`` makes it an error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from stella_ops.booleans import says_yes
from stella_ops.errors import InventoryError, StellaError
from stella_ops.inventory.group_names import NOT_IN_VARIABLES
from stella_ops.inventory.model import Host, Inventory
from stella_ops.inventory.ranges import expand_host_pattern
from stella_ops.origins import Origin, SourceMapping, key_origin, origin_of
from stella_ops.spelling import did_you_mean


class Expressions(Protocol):
    """Evaluates Jinja2 expressions with the variables of a host."""

    def value(self, text: Any, variables: Mapping[str, Any]) -> Any:
        """What an expression, written without braces, comes to."""
        ...

    def holds(self, text: Any, variables: Mapping[str, Any]) -> bool:
        """Whether a condition is true."""
        ...

    def text(self, text: Any, variables: Mapping[str, Any]) -> Any:
        """A template, rendered."""
        ...


KEYS = (
    *("plugin", "strict", "compose", "groups", "keyed_groups", "use_extra_vars", "use_vars_plugins"),
    *("leading_separator", "cache", "cache_plugin", "cache_timeout", "cache_connection", "cache_prefix"),
)
_EMPTY = (None, "")
_PLAIN = ("host_list", "advanced_host_list", "ini", "yaml", "toml", "script", "auto")


def read_plugin(
    data: SourceMapping,
    source: str,
    inventory: Inventory,
    extra_vars: Mapping[str, Any],
    expressions: Expressions | None,
) -> None:
    """Add what a source with a key ``plugin`` says.

    Raises:
        InventoryError: a plug-in that is not known, or a key or value that it cannot have.
    """
    name = str(data["plugin"])
    where = key_origin(data, "plugin") or Origin(source)
    short = name.removeprefix("ansible.builtin.")
    if short == "generator":
        _generate(data, source, inventory, expressions)
        return
    if short != "constructed":
        hint = "an executable file that prints JSON for --list can be an inventory"
        if short in _PLAIN:
            hint = "a source of this kind needs no 'plugin:': it is known by what is in it"
        near = did_you_mean(short, ("constructed", "generator"))
        raise InventoryError(f"inventory plug-in '{name}' is not supported", where=where, hint=near or hint)
    if expressions is None:
        raise InventoryError("a constructed source cannot be read here", where=where)
    for key in data:
        if key not in KEYS:
            raise InventoryError(
                f"unknown key '{key}' of the plug-in 'constructed'",
                where=key_origin(data, key),
                hint=did_you_mean(str(key), KEYS),
            )
    inventory.settle()
    _Constructed(data, source, inventory, extra_vars, expressions).read()


def _uses_extra_vars() -> bool:
    """Whether the environment says so for all sources."""
    return says_yes(os.environ.get("ANSIBLE_INVENTORY_USE_EXTRA_VARS"))


def construct_host(
    said: Mapping[str, Any],
    source: str,
    inventory: Inventory,
    host: str,
    variables: Mapping[str, Any],
    expressions: Expressions,
    name_of: Callable[[str], str],
) -> None:
    """Give one host what ``compose``, ``groups`` and ``keyed_groups`` of a plug-in's source say.

    Args:
        variables: what the plug-in knows of the host; they are over the inventory's.
        name_of: makes a group's name of a text.

    Raises:
        InventoryError: one of them fails, where the source is ``strict``.
    """
    data = SourceMapping(Origin(source))
    data.update(said)
    _Constructed(data, source, inventory, {}, expressions, name_of).read_host(host, variables)


def _group_name(text: str) -> str:
    """A text as a group's name: what cannot be part of a variable's name becomes "_", as in ansible-core."""
    return NOT_IN_VARIABLES.sub("_", text)


class _Constructed:
    def __init__(
        self,
        data: SourceMapping,
        source: str,
        inventory: Inventory,
        extra_vars: Mapping[str, Any],
        expressions: Expressions,
        name_of: Callable[[str], str] = _group_name,
    ) -> None:
        self._data = data
        self._name_of = name_of
        self._where = Origin(source)
        self._inventory = inventory
        self._expressions = expressions
        self._strict = self._flag("strict", False)
        self._extra = extra_vars if self._flag("use_extra_vars", False) or _uses_extra_vars() else {}
        self._leading = self._flag("leading_separator", True)
        self._files = self._flag("use_vars_plugins", False)
        self._compose = self._mapping("compose")
        self._groups = self._mapping("groups")
        self._keyed = data.get("keyed_groups") or []
        if not isinstance(self._keyed, list) or not all(isinstance(entry, Mapping) for entry in self._keyed):
            raise InventoryError("'keyed_groups' must be a list of mappings", where=key_origin(data, "keyed_groups"))
        for entry in self._keyed:
            self._check_keyed(entry)

    def read(self) -> None:
        for host in list(self._inventory.hosts.values()):
            self._read_host(host)

    def read_host(self, name: str, known: Mapping[str, Any]) -> None:
        """Of a host of which a plug-in knows these variables."""
        self._read_host(self._inventory.ensure_host(name, self._where), known)

    def _read_host(self, host: Host, of_plugin: Mapping[str, Any] | None = None) -> None:
        # Of a plug-in's host it is what the plug-in knows that is composed, and nothing else.
        composing = {**self._variables(host), **self._extra} if of_plugin is None else of_plugin
        for name, expression in self._compose.items():
            self._set(host, name, expression, composing)
        known = {**(of_plugin or {}), **self._variables(host)}
        for name, condition in self._groups.items():
            self._join_if(host, name, condition, known)
        for entry in self._keyed:
            self._add_keyed(host, entry, known)

    def _set(self, host: Host, name: str, expression: Any, variables: Mapping[str, Any]) -> None:
        self._try(
            lambda: self._expressions.value(expression, variables),
            lambda value: host.vars.__setitem__(name, value),  # data, wherever it came from
            f"cannot set '{name}' of host '{host.name}'",
            expression,
        )

    def _join_if(self, host: Host, group: str, condition: Any, variables: Mapping[str, Any]) -> None:
        self._try(
            lambda: self._expressions.holds(condition, variables),
            lambda true: self._join(host, group) if true else None,
            f"cannot tell whether host '{host.name}' is in group '{group}'",
            condition,
        )

    def _variables(self, host: Host) -> dict[str, Any]:
        found = self._inventory.source_variables(host.name, files=self._files)
        found.update(
            inventory_hostname=host.name,
            inventory_hostname_short=host.name.split(".", 1)[0],
            group_names=self._inventory.group_names(host.name),
        )
        return found

    def _join(self, host: Host, group: str, parent: Any = None) -> None:
        found = self._inventory.ensure_group(self._name_of(group), self._where, checked=False)
        self._inventory.put(host, found)
        if parent:
            above = self._inventory.ensure_group(self._name_of(str(parent)), self._where, checked=False)
            self._inventory.add_child(above, found, self._where)

    def _add_keyed(self, host: Host, entry: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        variables = {**known, **self._extra}
        self._try(
            lambda: self._expressions.value(entry.get("key"), variables),
            lambda key: self._join_keyed(host, entry, key, variables),
            f"cannot make a group for host '{host.name}'",
            entry.get("key"),
        )

    def _join_keyed(self, host: Host, entry: Mapping[str, Any], key: Any, variables: Mapping[str, Any]) -> None:
        default = entry.get("default_value")
        use_default = key in _EMPTY and default is not None
        if not key and not use_default:
            if self._strict and key not in ([], {}):
                raise InventoryError(f"the key '{entry.get('key')}' is empty for host '{host.name}'")
            return
        prefix, separator = str(entry.get("prefix", "")), str(entry.get("separator", "_"))
        parent = self._expressions.text(entry.get("parent_group"), variables)
        names = [default] if use_default else list(self._names(key, entry, separator))
        if prefix == "" and not self._leading:
            separator = ""
        for name in names:
            self._join(host, f"{prefix}{separator}{name}", parent)

    def _names(self, key: Any, entry: Mapping[str, Any], separator: str) -> Iterator[Any]:
        default = entry.get("default_value")
        if isinstance(key, str):
            yield key
        elif isinstance(key, list):
            for name in key:
                yield default if name in _EMPTY and default is not None else name
        elif isinstance(key, Mapping):
            for name, value in key.items():
                if value not in _EMPTY:
                    yield f"{name}{separator}{value}"
                elif default is not None:
                    yield f"{name}{separator}{default}"
                else:
                    yield name if entry.get("trailing_separator") is False else f"{name}{separator}{value}"
        else:
            raise _Misshapen(
                f"the key '{entry.get('key')}' comes to a value of type {type(key).__name__}; "
                "expected text, a list or a mapping"
            )

    def _try(self, make: Callable[[], Any], use: Callable[[Any], Any], said: str, written: Any) -> None:
        try:
            value = make()
        except StellaError as problem:
            if self._strict:
                raise InventoryError(f"{said}: {problem.message}", where=origin_of(written, self._where)) from None
            return
        try:
            use(value)
        except _Misshapen as problem:
            raise InventoryError(f"{said}: {problem}", where=origin_of(written, self._where)) from None

    def _check_keyed(self, entry: Mapping[str, Any]) -> None:
        where = origin_of(entry, self._where)
        if entry.get("trailing_separator") is not None and entry.get("default_value") is not None:
            raise InventoryError("'default_value' and 'trailing_separator' exclude each other", where=where)

    def _mapping(self, key: str) -> Mapping[str, Any]:
        found = self._data.get(key) or {}
        if not isinstance(found, Mapping):
            raise InventoryError(f"'{key}' must map names to expressions", where=key_origin(self._data, key))
        return found

    def _flag(self, key: str, default: bool) -> bool:
        found = self._data.get(key, default)
        if isinstance(found, str):
            found = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}.get(
                found.lower()
            )
        if not isinstance(found, bool):
            raise InventoryError(f"'{key}' must be true or false", where=key_origin(self._data, key))
        return found


class _Misshapen(Exception):
    """A value that no group can be named after."""


def _generate(data: SourceMapping, source: str, inventory: Inventory, expressions: Expressions | None) -> None:
    """The plug-in ``generator``: hosts, and groups above them, for every combination of the values of its layers."""
    import itertools

    where = Origin(source)
    layers, hosts = data.get("layers"), data.get("hosts")
    if expressions is None or not isinstance(layers, Mapping) or not isinstance(hosts, Mapping) or "name" not in hosts:
        raise InventoryError("a generator needs 'layers', and 'hosts' with a 'name'", where=where)
    render = expressions.text

    def add(child: str, parents: Any, variables: Mapping[str, Any]) -> None:
        for parent in parents or []:
            name = str(render(parent.get("name"), variables))
            group = inventory.ensure_group(name, where, checked=False)
            for key, value in (parent.get("vars") or {}).items():
                group.set_variable(key, render(value, variables), where)
            if child in inventory.hosts:
                inventory.put(inventory.hosts[child], group)
            else:
                inventory.add_child(group, inventory.groups[inventory.names.fit(child)], where)
            add(name, parent.get("parents"), variables)

    for values in itertools.product(*(list(choices) for choices in layers.values())):
        variables = dict(zip(layers, values, strict=True))
        written = str(render(hosts["name"], variables))
        for name in expand_host_pattern(written, where)[0]:
            inventory.ensure_host(name, where)
            add(name, hosts.get("parents"), variables)
