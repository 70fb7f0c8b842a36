from __future__ import annotations

import pytest

from stella_ops.engine.host_state import HostState


@pytest.mark.parametrize(
    "name",
    [
        "ansible_host",
        "ansible_connection",
        "ansible_user",
        "ansible_ssh_common_args",
        "ansible_ssh_executable",
        "ansible_become",
        "ansible_become_password",
        "ansible_become_pass",
        "ansible_sudo_pass",
        "ansible_private_key_file",
        "ansible_python_interpreter",
        "ansible_ruby_interpreter",
        "stella_host",
        "stella_agent_name",
    ],
)
def test_facts_do_not_say_how_to_reach_a_host(name: str) -> None:
    state = HostState("a")
    state.add_facts({name: "x"})
    assert state.facts == {} and state.bare_facts == {}


@pytest.mark.parametrize(
    "name",
    [
        "ansible_hostname",
        "ansible_user_id",
        "ansible_ssh_host_key_ed25519_public",
        "ansible_python",
        "own_fact",
    ],
)
def test_other_facts_are_taken(name: str) -> None:
    state = HostState("a")
    state.add_facts({name: "x"})
    assert state.facts == {name: "x"}
    assert state.bare_facts == {name.removeprefix("ansible_"): "x"}


def test_local_facts_keep_their_name() -> None:
    """As in ansible-core: ``ansible_facts.ansible_local``."""
    state = HostState("a")
    state.add_facts({"ansible_local": "x"})
    assert (state.facts, state.bare_facts) == ({"ansible_local": "x"}, {"ansible_local": "x"})


def test_that_facts_were_gathered_is_no_variable() -> None:
    state = HostState("a")
    state.add_facts({"ansible_system": "Linux"})
    assert not state.gathered
    state.add_facts({"_ansible_facts_gathered": True})
    assert state.gathered and "_ansible_facts_gathered" not in state.facts
    assert state.bare_facts["_ansible_facts_gathered"] is True
    state.clear_facts()
    assert not state.gathered and state.bare_facts == {}


def test_an_operator_may_say_what_a_host_may_not() -> None:
    state = HostState("a")
    state.add_variables({"ansible_host": "10.0.0.1"})
    assert state.set_facts == {"ansible_host": "10.0.0.1"}


def test_the_age_grows_only_with_what_matters_to_connections() -> None:
    state = HostState("a")
    state.add_variables({"result": 1})
    assert state.connection_age == 0
    state.add_variables({"ansible_port": 1})
    assert state.connection_age == 1
    state.clear_facts()
    assert state.connection_age == 2


def test_tally() -> None:
    state = HostState("a")
    state.count("ok")
    state.count("ok")
    state.count("changed")
    tally = state.tally()
    assert (tally.ok, tally.changed, tally.failed) == (2, 1, 0)


@pytest.mark.parametrize("flag", ["failed", "unreachable", "ended"])
def test_active(flag: str) -> None:
    state = HostState("a")
    assert state.active
    setattr(state, flag, True)
    assert not state.active
