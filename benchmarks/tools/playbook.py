"""Steps as a playbook: the very same file for stella-ops, ansible-core and Mitogen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from benchmarks.tools.base import Site
from benchmarks.works.steps import Command, Copy, Directory, Facts, Line, Ping, Stat, Step, Template, Work


def write_inventory(site: Site) -> Path:
    """The hosts of a site as an inventory file."""
    path = site.folder / "inventory.yml"
    hosts = {name: dict(variables) for name, variables in site.variables.items()}
    path.write_text(yaml.safe_dump({"bench": {"hosts": hosts}}, sort_keys=False))
    return path


def write_playbook(work: Work, site: Site, *, strategy: str | None = None) -> Path:
    """A work as a playbook of one play, a task a step; with the tool's own strategy if none is given."""
    path = site.folder / f"{work.name}.yml"
    play: dict[str, Any] = {"name": work.name, "hosts": "all", "gather_facts": False}
    if strategy is not None:
        play["strategy"] = strategy
    if any(isinstance(step, Template) for step in work.steps):
        play["vars"] = {"host_name": "{{ inventory_hostname }}", "host_kernel": "{{ ansible_facts['kernel'] }}"}
    play["tasks"] = [_task(step, site.materials) for step in work.steps]
    path.write_text(yaml.safe_dump([play], sort_keys=False))
    return path


def _task(step: Step, materials: Path) -> dict[str, Any]:
    match step:
        case Ping():
            return {"name": "ping", "ping": {}}
        case Facts():
            return {"name": "facts", "setup": {}}
        case Directory():
            arguments = {"path": _on_host(step.path), "state": "directory", "mode": step.mode}
            return {"name": f"directory {step.path}", "file": arguments}
        case Template():
            arguments = {"src": str(materials / step.source), "dest": _on_host(step.path), "mode": step.mode}
            return {"name": f"template {step.path}", "template": arguments}
        case Copy():
            arguments = {"src": str(materials / step.source), "dest": _on_host(step.path), "mode": step.mode}
            return {"name": f"copy {step.path}", "copy": arguments}
        case Line():
            arguments = {"content": step.text + "\n", "dest": _on_host(step.path), "mode": step.mode}
            return {"name": f"line {step.path}", "copy": arguments}
        case Command():
            command = f"/bin/sh -c '{step.shell('{{ bench_root }}')}'"
            return {"name": step.mark, "command": command, "changed_when": False}
        case Stat():
            return {"name": f"stat {step.path}", "stat": {"path": _on_host(step.path)}, "register": "looked"}


def _on_host(path: str) -> str:
    return "{{ bench_root }}/" + path
