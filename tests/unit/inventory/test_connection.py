import pytest

from stella_ops.inventory.connection import CONNECTION_VARIABLES, connection_variables
from stella_ops.origins import Origin, SourceText


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {}),
        ({"ansible_host": "a", "http_port": 80}, {"host": "a"}),
        ({"stella_host": "s", "ansible_host": "a"}, {"host": "s"}),
        ({"stella_host": None, "ansible_host": "a"}, {"host": "a"}),
        ({"ansible_host": None}, {}),
        ({"ansible_ssh_host": "old"}, {"host": "old"}),
        ({"ansible_ssh_host": "old", "ansible_host": "new"}, {"host": "old"}),
        ({"stella_ssh_host": "s", "ansible_ssh_host": "old"}, {"host": "s"}),
        ({"ansible_ssh_port": 1, "ansible_ssh_user": "u"}, {"port": 1, "user": "u"}),
        ({"ansible_ssh_pass": "p"}, {"password": "p"}),
        ({"ansible_ssh_password": "p"}, {"password": "p"}),
        ({"ansible_password": "p"}, {"password": "p"}),
        ({"ansible_private_key_file": "k"}, {"ssh_private_key_file": "k"}),
        ({"stella_ssh_private_key_file": "k"}, {"ssh_private_key_file": "k"}),
        ({"ansible_host_key_checking": False}, {"ssh_host_key_checking": False}),
        ({"ansible_become": False}, {"become": False}),
        ({"ansible_become_pass": "p"}, {"become_password": "p"}),
        ({"ansible_become_password": "p"}, {"become_password": "p"}),
        ({"ansible_sudo_pass": "p", "ansible_su_user": "u"}, {"sudo_pass": "p", "su_user": "u"}),
        ({"stella_become_password": "s", "ansible_become_pass": "p"}, {"become_password": "s"}),
        ({"ansible_python_interpreter": "/x", "ansible_connection": "local"},
         {"python_interpreter": "/x", "connection": "local"}),
        ({"ansible_ssh_common_args": "-J bastion"}, {"ssh_common_args": "-J bastion"}),
    ],
)  # fmt: skip
def test_resolves(variables: dict[str, object], expected: dict[str, object]) -> None:
    assert connection_variables(variables) == expected


@pytest.mark.parametrize("name", sorted({name.partition("_")[2] for name in CONNECTION_VARIABLES}))
def test_every_name_works_with_both_prefixes(name: str) -> None:
    [short] = connection_variables({f"ansible_{name}": 1})
    assert connection_variables({f"ansible_{name}": 1, f"stella_{name}": 2}) == {short: 2}


def test_values_stay_as_written() -> None:
    written = SourceText("{{ address }}", Origin("hosts.yml", 3))
    assert connection_variables({"ansible_host": written})["host"] is written
