"""Which layer wins, and that nothing is copied or kept that would go stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.engine.host_state import HostState
from stella_ops.engine.options import RunOptions
from stella_ops.engine.variables import PlayVariables
from stella_ops.inventory.loader import load_inventory
from stella_ops.origins import Origin, SourceText
from stella_ops.playbook.model import Inherited, Task
from stella_ops.templating.templar import Templar

# From the weakest to the strongest.
LAYERS = ("inventory", "facts", "play", "files", "block", "task", "set_fact", "extra_vars", "loop")


def build(values: dict[str, Any], name: str = "x") -> tuple[PlayVariables, Task, dict[str, Any]]:
    inventory = load_inventory(["a,b,"])
    if "inventory" in values:
        inventory.hosts["a"].vars[name] = values["inventory"]
    states = {"a": HostState("a"), "b": HostState("b")}
    if "facts" in values:
        states["a"].add_facts({name: values["facts"]})
    if "set_fact" in values:
        states["a"].add_variables({name: values["set_fact"]})
    variables = PlayVariables(
        inventory,
        RunOptions(extra_vars={name: values["extra_vars"]} if "extra_vars" in values else {}),
        Templar(),
        states,
        play_vars={name: values["play"]} if "play" in values else {},
        play_name="play",
        play_hosts=["a", "b"],
        playbook_dir=Path("/nowhere"),
        run_id="run",
    )
    variables.batch = ["a", "b"]
    if "files" in values:
        variables.files["a"] = {name: values["files"]}
    inherited = Inherited(vars=[{name: values[level]} for level in ("block", "task") if level in values])
    task = Task(name=None, action="debug", args={}, origin=Origin("p.yml"), inherited=inherited)
    return variables, task, {name: values["loop"]} if "loop" in values else {}


@given(st.sets(st.sampled_from(LAYERS), min_size=1))
def test_the_strongest_layer_wins(layers: set[str]) -> None:
    variables, task, loop = build({layer: layer for layer in layers})
    assert variables.of("a", task, loop)["x"] == max(layers, key=LAYERS.index)


@pytest.mark.parametrize("name", ["inventory_hostname", "groups", "hostvars", "ansible_play_hosts", "omit"])
def test_magic_variables_stand_above_all(name: str) -> None:
    variables, task, loop = build(dict.fromkeys(LAYERS, "overridden"), name)
    assert variables.of("a", task, loop)[name] != "overridden"


def test_hosts_that_failed_are_out() -> None:
    variables, _, _ = build({})
    assert variables.of("a")["ansible_play_hosts"] == ["a", "b"]
    variables._states["b"].failed = True
    variables.forget()
    assert variables.of("a")["ansible_play_hosts"] == ["a"] == variables.of("a")["ansible_play_batch"]
    assert variables.of("a")["ansible_play_hosts_all"] == ["a", "b"]


def test_hostvars_show_what_changed() -> None:
    variables, _, _ = build({"play": SourceText("{{ inventory_hostname }}!", Origin("p.yml"))})
    assert variables.rendered("b")["x"] == "b!"
    variables._states["b"].add_variables({"x": "new"})
    variables.changed()
    assert variables.rendered("b")["x"] == "new"


def test_hostvars_of_nobody() -> None:
    variables, _, _ = build({})
    hostvars = variables.of("a")["hostvars"]
    assert "zz" not in hostvars and list(hostvars) == ["a", "b"] and len(hostvars) == 2
    with pytest.raises(KeyError):
        hostvars["zz"]
    assert hostvars["localhost"]["inventory_hostname"] == "localhost"
