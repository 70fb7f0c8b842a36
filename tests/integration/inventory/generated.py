"""Inventories made by chance, of every kind of source, to compare what two programs make of them."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import yaml

HOSTS = ["web1", "web2", "db1", "db-2", "10.0.0.7", "n.example.com", "lone", "x_1"]
GROUPS = ["web", "db", "prod", "eu", "front", "back"]
NAMES = ["port", "tier", "size", "owner", "d"]
VALUES: list[Any] = [80, "gold", "two words", True, 1.5, [1, "b"], {"k": 1}, "yes", "0x10", "007", None, "", "a#b", "é"]
INI_VALUES = [
    "80",
    "gold",
    "'two words'",
    "True",
    "1.5",
    "[1,'b']",
    "\"{'k': 1}\"",
    "yes",
    "0x10",
    "007",
    "None",
    "''",
    "1e3",
]
PATTERNS = [
    *("all", "web", "web:db", "web,db", "web:&prod", "all:!db", "web*", "*1", "~(web|db)", "~.*\\d", "prod:&eu:!web1"),
    *("web[0]", "all[1:2]", "all[-1]", "all[0:]", "!web", "&prod", "web1:db1", "web?", "all:!~web.*", "ungrouped"),
]


class Generated:
    """One inventory in a folder; ``args`` name its sources, ``limit`` is a pattern or None."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._by = random.Random(seed)
        self._folder = folder
        self.args: list[str] = []
        number = self._by.randint(1, 3)
        kinds = ["ini", "yaml", "script", "list", "toml"]
        whole = self._by.random() < 0.4
        place = folder / "inv" if whole else folder
        place.mkdir(parents=True, exist_ok=True)
        for index in range(number):
            self._source(place, index, self._by.choice(kinds), whole)
        if self._by.random() < 0.5:
            path = place / "z_constructed.yml"
            path.write_text(yaml.safe_dump(self._constructed()))
            if not whole:
                self.args += ["-i", path.name]
        if whole:
            self.args = ["-i", "inv", *self.args]
            for junk in ("junk.bak", "x.retry", ".hidden", "y~", "z.cfg"):
                (place / junk).write_text("[[[")
        for kind, names in (("group_vars", ["all", *GROUPS]), ("host_vars", HOSTS)):
            for name in names:
                if self._by.random() < 0.15:
                    (place / kind).mkdir(exist_ok=True)
                    (place / kind / f"{name}.yml").write_text(yaml.safe_dump(self._variables()))
        self.limit = self._by.choice(PATTERNS)

    def _source(self, place: Path, index: int, kind: str, whole: bool) -> None:
        if kind == "list":
            if not whole:
                self.args += ["-i", ",".join(self._some(HOSTS)) + ","]
            return
        name = {"ini": f"{index}_hosts", "yaml": f"{index}.yml", "script": f"{index}_run.sh", "toml": f"{index}.toml"}
        path = place / name[kind]
        path.write_text(getattr(self, f"_{kind}")(), encoding="utf-8")
        if kind == "script":
            path.chmod(0o755)
        if not whole:
            self.args += ["-i", path.name]

    def _some(self, names: list[str], most: int = 4) -> list[str]:
        return self._by.sample(names, self._by.randint(1, most))

    def _variables(self) -> dict[str, Any]:
        return {name: copy.deepcopy(self._by.choice(VALUES)) for name in self._by.sample(NAMES, self._by.randint(0, 3))}

    def _children(self, index: int) -> list[str]:
        later = GROUPS[index + 1 :]
        return self._by.sample(later, self._by.randint(0, min(2, len(later))))

    def _ini(self) -> str:
        lines = [self._ini_host(name) for name in self._by.sample(HOSTS, self._by.randint(0, 2))]
        groups = sorted(self._some(GROUPS), key=GROUPS.index)
        for index, group in enumerate(groups):
            lines += [f"[{group}]", *(self._ini_host(name) for name in self._by.sample(HOSTS, self._by.randint(0, 3)))]
            if self._by.random() < 0.3:
                lines.append(f"[{group}:vars]")
                lines += [f"{name} = {self._by.choice(INI_VALUES)}" for name in self._some(NAMES, 2)]
                if self._by.random() < 0.3:
                    lines.append(f"ansible_group_priority={self._by.randint(1, 9)}")
            below = groups[index + 1 :]
            if below and self._by.random() < 0.4:
                lines += [f"[{group}:children]", self._by.choice(below)]
        return "\n".join(lines) + "\n"

    def _ini_host(self, name: str) -> str:
        if self._by.random() < 0.15:
            name = self._by.choice(["r[1:3]", "r[01:03]", "r[a:c]", "web1:2222", "r[1:5:2].x"])
        variables = [f"{key}={self._by.choice(INI_VALUES)}" for key in self._by.sample(NAMES, self._by.randint(0, 2))]
        comment = [" # a comment"] if self._by.random() < 0.1 else []
        return " ".join([name, *variables, *comment])

    def _yaml(self) -> str:
        groups: dict[str, Any] = {}
        for group in sorted(self._some(GROUPS), key=GROUPS.index):
            data: dict[str, Any] = {}
            if self._by.random() < 0.8:
                data["hosts"] = {name: self._variables() or None for name in self._some(HOSTS, 3)}
            if self._by.random() < 0.3:
                data["vars"] = self._variables()
            children = self._children(GROUPS.index(group))
            if children:
                data["children"] = dict.fromkeys(children)
            groups[group] = data or None
        if self._by.random() < 0.5:
            groups = {"all": {"children": groups, "hosts": dict.fromkeys(self._some(HOSTS, 2))}}
        return yaml.safe_dump(groups, sort_keys=False, allow_unicode=True)

    def _script(self) -> str:
        listed: dict[str, Any] = {}
        for group in sorted(self._some(GROUPS), key=GROUPS.index):
            if self._by.random() < 0.3:
                listed[group] = self._some(HOSTS, 3)
            else:
                listed[group] = {
                    "hosts": self._some(HOSTS, 3),
                    "vars": self._variables(),
                    "children": self._children(GROUPS.index(group)),
                }
        if self._by.random() < 0.8:
            listed["_meta"] = {"hostvars": {name: self._variables() for name in self._some(HOSTS)}}
        text = json.dumps(listed).replace("'", "'\\''")
        return f"#!/bin/sh\nif [ \"$1\" = --list ]; then echo '{text}'; else echo '{{\"asked\": \"'$2'\"}}'; fi\n"

    def _toml(self) -> str:
        lines = []
        for group in sorted(self._some(GROUPS), key=GROUPS.index):
            lines += [f"[{group}]", f"children = {json.dumps(self._children(GROUPS.index(group)))}"]
            lines += [f"[{group}.hosts]", *(f'"{name}" = {{ port = 1 }}' for name in self._some(HOSTS, 2))]
        return "\n".join(lines) + "\n"

    def _constructed(self) -> dict[str, Any]:
        by = self._by
        keyed = []
        for name in self._some(NAMES, 2):
            entry: dict[str, Any] = {"key": by.choice([name, f"{name} | default('none')"])}
            entry |= {"prefix": by.choice(["k", "", name])} if by.random() < 0.7 else {}
            entry |= {"separator": by.choice(["", "-", "__"])} if by.random() < 0.3 else {}
            entry |= {"parent_group": by.choice(["keyed", "web"])} if by.random() < 0.2 else {}
            entry |= by.choice([{}, {"default_value": "dflt"}, {"trailing_separator": False}])
            keyed.append(entry)
        return {
            "plugin": by.choice(["constructed", "ansible.builtin.constructed"]),
            "strict": False,
            "leading_separator": by.random() < 0.5,
            "use_vars_plugins": by.random() < 0.3,
            "compose": {"made": by.choice(["port | default(0)", "inventory_hostname ~ '-x'", "nosuch.thing", "tier"])},
            "groups": {
                "odd": by.choice(["'1' in inventory_hostname", "'web' in group_names", "port is defined", "made"])
            },
            "keyed_groups": keyed,
        }
