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
    variables, _, _ = build({"inventory": SourceText("{{ inventory_hostname }}!", Origin("hosts.yml"))})
    assert variables.rendered("a")["x"] == "a!"
    variables._states["a"].add_variables({"x": "new"})
    variables.changed()
    assert variables.rendered("a")["x"] == "new"


@pytest.mark.parametrize("level", ["play", "files"])
def test_hostvars_have_nothing_of_the_play(level: str) -> None:
    variables, task, _ = build({level: "x"})
    assert variables.of("a", task)["x"] == "x"
    assert "x" not in variables.rendered("a")


def test_a_delegated_task_sees_how_its_delegate_is_reached() -> None:
    variables, task, _ = build({})
    variables._inventory.hosts["b"].vars.update(ansible_user="bob", ansible_host="192.0.2.2")
    seen = variables.of("a", task, address="b")
    assert (seen["ansible_user"], seen["ansible_host"]) == ("bob", "192.0.2.2")
    assert "ansible_user" not in variables.of("a", task)


def test_hostvars_of_nobody() -> None:
    variables, _, _ = build({})
    hostvars = variables.of("a")["hostvars"]
    assert "zz" not in hostvars and list(hostvars) == ["a", "b"] and len(hostvars) == 2
    with pytest.raises(KeyError):
        hostvars["zz"]
    assert hostvars["localhost"]["inventory_hostname"] == "localhost"


def template(text: str) -> SourceText:
    return SourceText(text, Origin("p.yml", 1))


class Renders:
    """Renders ``x`` for a task as a run does, and notes which variables were rendered anew for it."""

    def __init__(self, play_vars: dict[str, Any]) -> None:
        self.variables, self.task, _ = build({})
        self.variables._play_vars.update(play_vars)

    def __call__(self, task: Task | None = None) -> Any:
        task = task or self.task
        view = Templar().lazy(self.variables.of("a", task), self.variables.kept("a", task))
        return view["x"]

    @property
    def kept(self) -> dict[str, Any]:
        return self.variables.kept("a", self.task)


def test_what_was_rendered_is_kept_for_the_next_task() -> None:
    render = Renders({"x": template("{{ y }}!"), "y": template("{{ inventory_hostname }}")})
    assert render() == "a!"
    assert render.kept == {"x": "a!", "y": "a"}
    render.kept["y"] = "kept"
    del render.kept["x"]
    assert render() == "kept!"


@pytest.mark.parametrize("change", ["register", "facts", "clear"])
def test_nothing_is_kept_when_a_variable_of_the_host_changed(change: str) -> None:
    render = Renders({"x": template("{{ z | default('none') }}")})
    state = render.variables._states["a"]
    state.add_facts({"z": "old"})
    assert render() == "old"
    if change == "register":
        state.add_variables({"z": "new"})
    elif change == "facts":
        state.add_facts({"z": "new"})
    else:
        state.clear_facts()
    assert render() == ("none" if change == "clear" else "new")


def test_variables_of_the_task_have_a_say() -> None:
    render = Renders({"x": template("{{ y }}"), "y": "play"})
    inherited = Inherited(vars=[{"y": "task"}])
    other = Task(name=None, action="debug", args={}, origin=Origin("p.yml"), inherited=inherited)
    assert (render(), render(other), render()) == ("play", "task", "play")


@pytest.mark.parametrize(
    "text",
    [
        "{{ lookup('env', 'HOME') }}",
        "{{ query('env', 'HOME')[0] }}",
        "{{ now() }}",
        "{{ [1, 2] | random }}",
        "{{ hostvars['b'].inventory_hostname }}",
        "{{ ansible_play_hosts | length }}",
        "{{ groups['all'] | length }}",
    ],
)
def test_what_may_be_different_next_time_is_not_kept(text: str) -> None:
    render = Renders({"x": template("{{ y }}"), "y": template(text)})
    render()
    assert render.kept == {}


def test_containers_are_not_kept_since_templates_in_them_wait() -> None:
    render = Renders({"x": {"port": template("{{ now() }}")}})
    render()
    assert render.kept == {}
