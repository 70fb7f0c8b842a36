"""What a host may say of itself, and what it may not."""

import pytest

from stella_ops.engine.host_state import HostState
from stella_ops.inventory.connection import connection_variables

HOSTILE = {
    "ansible_connection": "local",
    "ansible_host": "10.0.0.66",
    "ansible_ssh_host": "10.0.0.66",
    "ansible_port": 2222,
    "ansible_user": "root",
    "ansible_password": "x",
    "ansible_private_key_file": "/root/.ssh/id_ed25519",
    "ansible_ssh_common_args": "-o ProxyCommand='touch /tmp/pwned'",
    "ansible_ssh_extra_args": "-o StrictHostKeyChecking=no",
    "ansible_host_key_checking": False,
    "ansible_ssh_host_key_checking": False,
    "ansible_python_interpreter": "sh -c 'touch /tmp/pwned'",
    "ansible_become": True,
    "ansible_become_user": "root",
    "ansible_become_password": "x",
    "ansible_become_exe": "/tmp/sudo",
    "ansible_sudo_pass": "x",
    "stella_connection": "local",
    "stella_host": "10.0.0.66",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_host_does_not_say_how_it_is_reached(name):
    state = HostState("web1")
    state.add_facts({name: HOSTILE[name]})
    assert name not in state.facts
    assert connection_variables(state.facts) == {}


@pytest.mark.parametrize("name", ["stella_agent_name", "stella_environment", "stella_agent_prefix", "stella_labels"])
def test_a_host_does_not_say_which_agent_it_is(name):
    """Else it would be enrolled, and given a certificate, under another host's name."""
    state = HostState("web1")
    state.add_facts({name: "db1"})
    assert name not in state.facts


def test_facts_that_begin_alike_are_kept():
    facts = {
        "ansible_hostname": "web1",
        "ansible_host_key_x": 1,
        "ansible_user_id": "ops",
        "ansible_user_dir": "/home/ops",
        "ansible_python": {"executable": "/usr/bin/python3"},
        "ansible_python_version": "3.11.2",
        "ansible_ssh_host_key_ed25519_public": "AAAA",
        "ansible_local": {"a": 1},
        "ansible_machine": "x86_64",
        "ansible_interfaces": ["lo"],
    }
    state = HostState("web1")
    state.add_facts(facts)
    assert state.facts == facts
    assert state.bare_facts["hostname"] == "web1"
