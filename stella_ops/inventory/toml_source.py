"""Reads inventories in TOML syntax.

[web]
children = ["front"]
[web.vars]
http_port = 8080
[web.hosts]
web1 = { ansible_host = "10.0.0.7" }
"""

from __future__ import annotations

import re
import tomllib

from stella_ops.errors import InventoryError
from stella_ops.inventory.model import Inventory
from stella_ops.inventory.ranges import expand_host_pattern
from stella_ops.inventory.script_source import trusted
from stella_ops.origins import Origin
from stella_ops.spelling import did_you_mean

_KEYS = ("hosts", "children", "vars")


def read_toml(text: str, source: str, inventory: Inventory) -> None:
    """Add what a TOML inventory says.

    Raises:
        InventoryError: it is no TOML, or says something else than groups.
    """
    where = Origin(source)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        found = re.search(r" \(at line (\d+), column (\d+)\)$", str(problem))
        place = Origin(source, int(found[1]), int(found[2])) if found else where
        raise InventoryError(f"not valid TOML: {str(problem).split(' (at ')[0]}", where=place) from None
    for name, data in document.items():
        group = inventory.ensure_group(name, where)
        if not isinstance(data, dict):
            raise InventoryError(f"group '{name}' must be a table", where=where, hint=f"write [{name}.hosts]")
        for key, value in data.items():
            if key not in _KEYS:
                raise InventoryError(
                    f"unknown key '{key}' in group '{name}'", where=where, hint=did_you_mean(key, _KEYS)
                )
            expected: type = list if key == "children" else dict
            if not isinstance(value, expected) and not (key == "hosts" and isinstance(value, list)):
                kind = "a list" if expected is list else "a table"
                raise InventoryError(f"'{key}' of group '{name}' must be {kind}", where=where)
        for child in data.get("children", []):
            inventory.add_child(group, inventory.ensure_group(child, where), where)
        for key, value in data.get("vars", {}).items():
            group.set_variable(key, trusted(value, where), where)
        hosts = data.get("hosts", {})
        for written in hosts:
            names, port = expand_host_pattern(str(written), where)
            for host_name in names:
                host = inventory.ensure_host(host_name, where, port)
                inventory.put(host, group)
                host.vars.update(trusted(hosts[written] or {}, where) if isinstance(hosts, dict) else {})
