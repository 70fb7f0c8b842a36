"""Makes an ``Inventory`` from what ``-i`` names.

A source is a YAML, JSON or INI file, a program that prints JSON, a folder of such files, or a list of hosts
with a comma in it (``-i web1,``). Several sources are merged in their order; later ones win.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from stella_ops.errors import InventoryError
from stella_ops.inventory.ini_source import read_ini
from stella_ops.inventory.model import Inventory
from stella_ops.inventory.ranges import expand_host_pattern
from stella_ops.inventory.script_source import read_script
from stella_ops.inventory.source_text import read_source
from stella_ops.inventory.yaml_source import read_yaml
from stella_ops.origins import Origin, did_you_mean

YAML_EXTENSIONS = (".yml", ".yaml", ".json")
INI_EXTENSIONS = (".ini", ".cfg")

# In a folder, these are not inventories: variables, configuration, what editors and package managers leave.
_NOT_SOURCES = ("group_vars", "host_vars", "vars_plugins", "__pycache__", "stella.toml")
_PASSED_OVER = re.compile(
    r"^\.|~$|\.(?:bak|orig|cfg|retry|pyc|pyo|swp|md|txt|rst|rpm\w*|dpkg-\w+|ucf-\w+)$", re.IGNORECASE
)
# The first line with content of an extensionless file: "---", a directive, or "name:" means YAML.
_YAML_START = re.compile(r"---(?:\s|$)|%YAML\b|\{|(?:\"[^\"]*\"|'[^']*'|[^\s\[{#;=\"']+)\s*:(?:\s|$)")


def load_inventory(sources: Sequence[str | Path]) -> Inventory:
    """Read inventory sources.

    Args:
        sources: paths, or host lists such as ``"web1,web2"``. None at all gives an inventory without hosts,
            in which this machine can still be named.

    Raises:
        InventoryError: a source does not exist, cannot be read or is wrong; with file and line.
    """
    inventory = Inventory()
    for source in sources:
        path = Path(source)
        if isinstance(source, str) and "," in source and not _is_there(path):
            _read_host_list(source, inventory)
            continue
        if not path.exists():
            raise _missing(path)
        folder = path if path.is_dir() else path.parent
        if folder in inventory.folders:  # its last place counts, as later sources win
            inventory.folders.remove(folder)
        inventory.folders.append(folder)
        _read_path(path, inventory)
    inventory.settle()
    return inventory


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a list of many hosts is longer than a file's name can be
        return False


def _read_path(path: Path, inventory: Inventory) -> None:
    if path.is_dir():
        try:
            below = sorted(path.iterdir())
        except OSError as problem:
            raise InventoryError(f"cannot read the folder: {problem.strerror}", where=path) from None
        for entry in below:
            if entry.name not in _NOT_SOURCES and not _PASSED_OVER.search(entry.name):
                _read_path(entry, inventory)
        return
    if _is_program(path):
        read_script(path, inventory)
        return
    text = read_source(path)
    if text.startswith("#!"):
        raise InventoryError(
            "the file is a program that may not be executed",
            where=Origin(str(path), 1),
            hint=f"chmod +x {path}",
        )
    if _is_yaml(path, text):
        read_yaml(text, str(path), inventory)
    else:
        read_ini(text, str(path), inventory)


def _read_host_list(source: str, inventory: Inventory) -> None:
    where = Origin(f"-i {source}")
    for item in source.split(","):
        if not item.strip():
            continue
        names, port = expand_host_pattern(item.strip(), where)
        for name in names:
            host = inventory.ensure_host(name, where)
            if port is not None:
                host.vars["ansible_port"] = port


def _is_program(path: Path) -> bool:
    """Whether to run a file. On some file systems everything is executable, so the content counts too."""
    if not os.access(path, os.X_OK):
        return False
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError:
        return True  # it may be run though it may not be read
    return start.startswith(b"#!") or b"\0" in start


def _is_yaml(path: Path, text: str) -> bool:
    extension = path.suffix.lower()
    if extension in YAML_EXTENSIONS:
        return True
    if extension in INI_EXTENSIONS:
        return False
    if extension == ".toml":
        raise InventoryError("TOML inventories are not supported", where=path, hint="write it as YAML or INI")
    for line in text.splitlines():
        if line.strip() and line.lstrip()[0] not in "#;":
            return bool(_YAML_START.match(line.strip()))
    return False


def _missing(path: Path) -> InventoryError:
    try:
        beside = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        beside = []
    hint = did_you_mean(path.name, beside) or f"a single host needs a comma behind it: -i {path},"
    return InventoryError("the inventory source does not exist", where=path, hint=hint)
