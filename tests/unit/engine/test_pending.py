from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.engine.pending import Pending
from stella_ops.errors import NotYet
from stella_ops.inventory.connection import CONNECTION_VARIABLES
from stella_ops.origins import Origin, SourceText
from stella_ops.templating.templar import Templar

REGISTERED = Pending(frozenset({"r"}), facts=False)
GATHERING = Pending(frozenset(), facts=True)
NOTHING = Pending(frozenset(), facts=False)
BELOW = {"r": "old", "x": 1, "ansible_system": "old", "hostvars": {}}


def written(text: str) -> SourceText:
    return SourceText(text, Origin("play.yml", 1, 1))


WAYS: list[Callable[[Any], Any]] = [
    lambda layer: layer["r"],
    lambda layer: layer.get("r"),
    lambda layer: "r" in layer,
    lambda layer: layer["hostvars"],
    list,
    len,
    lambda layer: layer.keys() & {"r"},
    lambda layer: {**layer},
    lambda layer: list(layer.items()),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrap", [lambda layer: layer, lambda layer: ChainMap(layer, BELOW)], ids=["alone", "in front"])
def test_no_way_leads_to_a_name_that_is_still_to_be_set(way: Callable[[Any], Any], wrap: Callable[[Any], Any]) -> None:
    with pytest.raises(NotYet):
        way(wrap(REGISTERED))


def test_others_are_found_below() -> None:
    seen = ChainMap[str, Any](REGISTERED, BELOW)  # type: ignore[arg-type]
    assert seen["x"] == 1 and "x" in seen and seen.get("y", 2) == 2
    assert seen["ansible_system"] == "old"


@pytest.mark.parametrize("name", ["ansible_system", "ansible_facts", "ansible_local", "ansible_anything", "hostvars"])
def test_facts_that_are_being_gathered(name: str) -> None:
    with pytest.raises(NotYet):
        ChainMap(GATHERING, BELOW).get(name)  # type: ignore[arg-type]


def test_no_fact_says_how_a_host_is_reached_or_what_the_run_is() -> None:
    seen = ChainMap[str, Any](GATHERING, BELOW)  # type: ignore[arg-type]
    for name in (*CONNECTION_VARIABLES, "ansible_check_mode", "ansible_play_hosts", "x", "stella_environment"):
        seen.get(name)


def test_hostvars_may_be_looked_at_when_nothing_is_to_be_set() -> None:
    assert ChainMap(NOTHING, BELOW)["hostvars"] == {}  # type: ignore[arg-type]
    assert not NOTHING and REGISTERED and GATHERING


@pytest.mark.parametrize(
    "text",
    [
        "{{ r }}",
        "{{ r is defined }}",
        "{{ r is not defined or true }}",
        "{{ r | default('x') }}",
        "{{ vars['r'] }}",
        "{{ vars.get('r') }}",
        "{{ 'r' in vars }}",
        "{{ vars | length }}",
        "{% for name in vars %}{{ name }}{% endfor %}",
        "{{ lookup('vars', 'r', default=1) }}",
        "{{ query('varnames', '.*') }}",
        "{{ query('vars', 'indirect') }}",
        "{{ indirect }}",
        "{{ deep.list[0].text }}",
        "{{ hostvars.web }}",
        "{{ vars.hostvars }}",
        "{% set r2 = r %}{{ r2 }}",
        "{% macro m() %}{{ r }}{% endmacro %}{{ m() }}",
        "{{ nowhere }}",
        "{{ lookup('pipe', 'true') }}",
        "{{ lookup('lines', 'true', errors='ignore') }}",
        "{{ [1] | map('extract', [deep.list[0].text]) | list }}",
    ],
)
def test_no_template_gets_round_it(text: str) -> None:
    below = {
        **BELOW,
        "indirect": written("{{ r }}"),
        "deep": {"list": [{"text": written("{{ indirect }}")}]},
    }
    templar = Templar()
    view = templar.lazy(ChainMap(REGISTERED, below))  # type: ignore[arg-type]
    with pytest.raises(NotYet):
        templar.render(written(text), view)
    with pytest.raises(NotYet):
        templar.render_file(text, "file.j2", view)
    with pytest.raises(NotYet):
        # As the template action lays its own names over them.
        templar.render_file(text, "file.j2", ChainMap({"template_path": "x"}, view))  # type: ignore[arg-type]


def test_it_is_no_error_that_could_be_taken_for_an_answer() -> None:
    assert not issubclass(NotYet, Exception)


HERE = Pending(frozenset(), facts=False, here=True)


@pytest.mark.parametrize(
    "text",
    ["{{ lookup('file', '/etc/hostname') }}", "{{ '/etc/hostname' is file }}", "{{ ['/'] | select('exists') | list }}"],
)
def test_a_task_on_the_controller_may_be_changing_what_templates_look_at(text: str) -> None:
    templar = Templar()
    templar.render(written(text), templar.lazy(ChainMap(NOTHING, BELOW)))  # type: ignore[arg-type]
    with pytest.raises(NotYet):
        templar.render(written(text), templar.lazy(ChainMap(HERE, BELOW)))  # type: ignore[arg-type]
    assert templar.render(written("{{ x }}"), templar.lazy(ChainMap(HERE, BELOW))) == 1  # type: ignore[arg-type]
