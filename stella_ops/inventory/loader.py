"""Makes an ``Inventory`` from what ``-i`` names.

A source is a YAML, JSON, TOML or INI file, a program that prints JSON, a folder of such files, or a list of hosts
with a comma in it (``-i web1,``). Several sources are merged in their order; later ones win.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from stella_ops.errors import InventoryError, StellaError
from stella_ops.inventory.group_names import AS_WRITTEN, GroupNames
from stella_ops.inventory.ini_source import read_ini
from stella_ops.inventory.model import Inventory
from stella_ops.inventory.ranges import expand_host_pattern
from stella_ops.inventory.script_source import read_script
from stella_ops.inventory.source_text import read_source
from stella_ops.inventory.yaml_source import read_yaml
from stella_ops.origins import Origin
from stella_ops.spelling import did_you_mean

if TYPE_CHECKING:
    from stella_ops.inventory.plugin_source import Expressions

YAML_EXTENSIONS = (".yml", ".yaml", ".json")
HOST_LIST = "-i "  # begins the origin of hosts that a list of names brings
INI_EXTENSIONS = (".ini", ".cfg")

# In a folder, these are not inventories: variables, configuration, what editors and package managers leave.
_NOT_SOURCES = ("group_vars", "host_vars", "vars_plugins", "__pycache__", "stella.toml")
_PASSED_OVER = re.compile(
    r"^\.|~$|\.(?:bak|orig|cfg|retry|pyc|pyo|swp|md|txt|rst|rpm\w*|dpkg-\w+|ucf-\w+)$", re.IGNORECASE
)
# The first line with content of an extensionless file: "---", a directive, or "name:" means YAML.
_YAML_START = re.compile(r"---(?:\s|$)|%YAML\b|\{|(?:\"[^\"]*\"|'[^']*'|[^\s\[{#;=\"']+)\s*:(?:\s|$)")


class SourcePlugins(Protocol):
    """Reads sources by plug-ins that people wrote for ansible-core."""

    def read(self, source: str, inventory: Inventory, name: str | None = None) -> bool:
        """Read a source by the plug-in of a name, or by any that is enabled and takes it; whether one did."""
        ...


@dataclass(frozen=True, slots=True)
class _Reading:
    """What holds for all sources: what a folder's names must not be, and variables that constructed groups may use."""

    passed_over: tuple[re.Pattern[str], ...]
    extra_vars: Mapping[str, Any]
    expressions: Expressions | None
    on_problem: Callable[[str, StellaError], None] | None
    enabled: frozenset[str] | None
    plugins: SourcePlugins | None

    def check(self, path: Path, *kinds: str) -> None:
        """Refuse a source whose kind is not enabled."""
        if self.enabled is not None and not self.enabled.intersection(kinds):
            raise InventoryError(
                f"inventory sources of the kind '{kinds[0]}' are not enabled",
                where=path,
                hint="inventory.enable_plugins names the kinds that are",
            )


def load_inventory(
    sources: Sequence[str | Path],
    *,
    ignored: Sequence[str] | None = None,
    ignored_names: Sequence[str] = (),
    extra_vars: Mapping[str, Any] | None = None,
    expressions: Expressions | None = None,
    on_problem: Callable[[str, StellaError], None] | None = None,
    enabled: Sequence[str] | None = None,
    plugins: SourcePlugins | None = None,
    group_names: GroupNames = AS_WRITTEN,
) -> Inventory:
    """Read inventory sources.

    Args:
        sources: paths, or host lists such as ``"web1,web2"``. None at all gives an inventory without hosts,
            in which this machine can still be named.
        ignored: endings of names that are no sources in a folder, in place of the usual ones.
        ignored_names: regular expressions for more such names.
        extra_vars: for ``constructed`` sources that use them.
        expressions: evaluates what such sources say.
        on_problem: takes the path of a source, and what is wrong with it, in place of an error; the others count.
        enabled: the kinds of sources that are read, by the names of ansible-core's plug-ins; all by default.
        plugins: read what they can before anything else does.
        group_names: how names of groups are taken; where that is not strictly, what is no part of a group is passed
            over.

    Raises:
        InventoryError: a source does not exist, cannot be read or is wrong; with file and line.
    """
    inventory = Inventory(group_names)
    kinds = None if enabled is None else frozenset(name.removeprefix("ansible.builtin.") for name in enabled)
    reading = _Reading(_passed_over(ignored, ignored_names), extra_vars or {}, expressions, on_problem, kinds, plugins)
    for source in sources:
        _read(source, inventory, reading)
    inventory.settle()
    inventory.warn_of_names()
    return inventory


def _read(source: str | Path, inventory: Inventory, reading: _Reading) -> None:
    path = Path(source)
    is_list = isinstance(source, str) and "," in source and not _is_there(path)
    if reading.plugins is not None and is_list and reading.plugins.read(str(source), inventory):
        return
    if is_list:
        reading.check(path, "host_list", "advanced_host_list")
        _read_host_list(str(source), inventory)
        return
    if not path.exists():
        if reading.on_problem is None:
            raise _missing(path)
        reading.on_problem(str(path), _missing(path))
        return
    folder = path if path.is_dir() else path.parent
    if folder in inventory.folders:  # its last place counts, as later sources win
        inventory.folders.remove(folder)
    inventory.folders.append(folder)
    _read_path(path, inventory, reading)


def _passed_over(ignored: Sequence[str] | None, names: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    usual = _PASSED_OVER if ignored is None else re.compile(rf"^\.|(?:{'|'.join(map(re.escape, ignored)) or '$^'})$")
    try:
        return (usual, *(re.compile(name) for name in names))
    except re.error as problem:
        raise InventoryError(f"inventory_ignore_patterns: {problem}") from None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a list of many hosts is longer than a file's name can be
        return False


def _read_path(path: Path, inventory: Inventory, reading: _Reading) -> None:
    if path.is_dir():
        try:
            below = sorted(path.iterdir())
        except OSError as problem:
            raise InventoryError(f"cannot read the folder: {problem.strerror}", where=path) from None
        for entry in below:
            if entry.name not in _NOT_SOURCES and not any(p.search(entry.name) for p in reading.passed_over):
                _read_path(entry, inventory, reading)
        return
    try:
        _read_file(path, inventory, reading)
    except StellaError as problem:
        if reading.on_problem is None:
            raise
        reading.on_problem(str(path), problem)


def _read_file(path: Path, inventory: Inventory, reading: _Reading) -> None:
    if reading.plugins is not None and reading.plugins.read(str(path), inventory):
        return
    if _is_program(path):
        reading.check(path, "script")
        read_script(path, inventory)
        return
    text = read_source(path)
    if text.startswith("#!"):
        raise InventoryError(
            "the file is a program that may not be executed",
            where=Origin(str(path), 1),
            hint=f"chmod +x {path}",
        )
    if path.suffix.lower() == ".toml":
        from stella_ops.inventory.toml_source import read_toml

        reading.check(path, "toml")
        read_toml(text, str(path), inventory)
    elif _is_yaml(path, text):
        read_yaml(text, str(path), inventory, reading.extra_vars, reading.expressions, reading.check, reading.plugins)
    else:
        reading.check(path, "ini")
        read_ini(text, str(path), inventory)


def _read_host_list(source: str, inventory: Inventory) -> None:
    where = Origin(f"{HOST_LIST}{source}")
    for item in source.split(","):
        if not item.strip():
            continue
        names, port = expand_host_pattern(item.strip(), where)
        for name in names:
            inventory.ensure_host(name, where, port)


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
