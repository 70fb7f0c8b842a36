"""From variables and keywords to a connection; and that it is not worked out anew for each task."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.ansible_settings import become as settings
from stella_ops.engine import connections
from stella_ops.inventory.connection import CONNECTION_VARIABLES
from stella_ops.transport.become import METHODS

HEAD = "- hosts: all\n  gather_facts: false\n"


def spec_of(played: Any, number: int = 0) -> Any:
    return played.pool.calls[number][0]


def become_of(played: Any, number: int = 0) -> Any:
    return played.pool.calls[number][2]


async def test_what_the_inventory_says(play: Callable[..., Any]) -> None:
    hosts = (
        "a ansible_host=10.0.0.1 ansible_port=2222 ansible_user=ops ansible_ssh_private_key_file=~/k "
        "ansible_ssh_common_args='-J jump' ansible_ssh_extra_args='-o X=y' ansible_python_interpreter=/opt/py "
        "ansible_password=pw-of-a ansible_ssh_timeout=2.5 ansible_ssh_retries=3\n"
    )
    spec = spec_of(await play(HEAD + "  tasks: [ping: ]\n", hosts=hosts))
    assert (spec.name, spec.kind, spec.address, spec.port, spec.user) == ("a", "ssh", "10.0.0.1", 2222, "ops")
    assert spec.private_key_file == Path.home() / "k"
    assert spec.common_args == "-J jump -o X=y"
    assert (spec.interpreter, spec.password) == ("/opt/py", "pw-of-a")
    assert (spec.connect_timeout, spec.retries) == (2.5, 3)


@pytest.mark.parametrize(
    ("variable", "why"),
    [
        ("ansible_ssh_timeout=soon", "'soon' is no time in seconds"),
        ("ansible_ssh_retries=-1", "is no number of tries"),
    ],
)
async def test_what_no_number_is(play: Callable[..., Any], variable: str, why: str) -> None:
    played = await play(HEAD + "  tasks: [ping: ]\n", hosts=f"a {variable}\n")
    assert why in str(played.seen.results("ping")["a"])


@pytest.mark.parametrize("value", ["auto", "auto_silent", "auto_legacy"])
async def test_an_interpreter_to_be_found(play: Callable[..., Any], value: str) -> None:
    played = await play(HEAD + "  tasks: [ping: ]\n", hosts=f"a ansible_python_interpreter={value}\n")
    assert spec_of(played).interpreter is None


async def test_variables_win_over_keywords_and_those_over_options(play: Callable[..., Any]) -> None:
    text = HEAD + "  remote_user: keyword\n  port: 23\n  tasks: [ping: ]\n"
    played = await play(text, hosts="a ansible_user=variable\nb\n", remote_user="option")
    specs = {spec.name: spec for spec, _, _ in played.pool.calls}
    assert (specs["a"].user, specs["b"].user) == ("variable", "keyword")
    assert specs["b"].port == 23
    played = await play(HEAD + "  tasks: [ping: ]\n", remote_user="option")
    assert spec_of(played).user == "option"


async def test_switching_verification_off_accepts_new_keys_only(play: Callable[..., Any]) -> None:
    played = await play(HEAD + "  tasks: [ping: ]\n", hosts="a ansible_host_key_checking=false\n")
    assert spec_of(played).common_args == "-o StrictHostKeyChecking=accept-new"


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
async def test_a_port_that_is_none(play: Callable[..., Any], port: str) -> None:
    played = await play(HEAD + "  tasks: [ping: ]\n", hosts=f"a ansible_port={port!r}\nb\n".replace("'", '"'))
    assert played.seen.statuses("ping") == {"a": "failed", "b": "ok"}


async def test_become_by_keyword_is_rendered(play: Callable[..., Any]) -> None:
    text = HEAD + "  vars: {who: web, yes_please: true}\n  become: '{{ yes_please }}'\n"
    text += "  become_user: '{{ who }}-{{ inventory_hostname }}'\n  tasks: [ping: ]\n"
    assert become_of(await play(text, hosts="a,")).user == "web-a"


async def test_become_password_is_kept_secret(play: Callable[..., Any]) -> None:
    hosts = "a ansible_become=true ansible_become_password='{{ pw }}' pw=CANARY-sudo\n"
    text = HEAD + "  tasks:\n    - ping:\n    - debug: msg='{{ pw }}'\n"
    played = await play(text, hosts=hosts)
    become = become_of(played)
    assert (become.user, become.method, become.password) == ("root", "sudo", "CANARY-sudo")
    assert "CANARY" not in repr(become) + repr(played.seen.events)


async def test_b_without_a_word_in_the_play(play: Callable[..., Any]) -> None:
    played = await play(HEAD + "  tasks:\n    - ping:\n    - ping:\n      become: false\n", hosts="a,", become=True)
    assert become_of(played, 0).user == "root"
    assert become_of(played, 1) is None


async def test_the_delegates_connection_is_taken(play: Callable[..., Any]) -> None:
    text = HEAD + "  tasks:\n    - ping:\n      delegate_to: b\n      when: inventory_hostname == 'a'\n"
    played = await play(text, hosts="a ansible_host=10.0.0.1\nb ansible_host=10.0.0.2 ansible_user=of_b\n")
    assert (spec_of(played).name, spec_of(played).address, spec_of(played).user) == ("b", "10.0.0.2", "of_b")


async def test_a_delegate_that_the_inventory_does_not_know(play: Callable[..., Any]) -> None:
    played = await play(HEAD + "  tasks:\n    - ping:\n      delegate_to: 192.0.2.7\n", hosts="a ansible_user=x\n")
    assert (spec_of(played).address, spec_of(played).user) == ("192.0.2.7", None)


async def test_set_fact_changes_the_connection(play: Callable[..., Any]) -> None:
    text = HEAD + "  tasks:\n    - ping:\n    - set_fact: {ansible_host: 10.9.9.9}\n    - ping:\n"
    played = await play(text, hosts="a ansible_host=10.0.0.1\n")
    assert [spec.address for spec, _, _ in played.pool.calls] == ["10.0.0.1", "10.9.9.9"]


async def test_variables_of_a_task_change_the_connection(play: Callable[..., Any]) -> None:
    text = HEAD + "  tasks:\n    - ping:\n    - ping:\n      vars: {ansible_user: other}\n    - ping:\n"
    played = await play(text, hosts="a ansible_user=ops\n")
    assert [spec.user for spec, _, _ in played.pool.calls] == ["ops", "other", "ops"]


async def test_a_connection_that_hangs_on_the_item(play: Callable[..., Any]) -> None:
    text = HEAD + "  tasks:\n    - ping:\n      loop: [x, y]\n"
    played = await play(text, hosts="a ansible_user=\"{{ item | default('none') }}\"\n")
    assert [spec.user for spec, _, _ in played.pool.calls] == ["x", "y"]


async def test_what_does_not_change_is_worked_out_once(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from stella_ops.engine import connections

    made: list[str] = []
    really = connections.connection_spec

    def counted(host: str, *rest: Any) -> Any:
        made.append(host)
        return really(host, *rest)

    monkeypatch.setattr(connections, "connection_spec", counted)
    text = HEAD + "  tasks:\n" + "    - command: echo\n      register: r\n" * 5
    await play(text, hosts="a ansible_user=ops\nb\n")
    assert sorted(made) == ["a", "b"]


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMmQnv8DZ82LRT3aLmrdRrJzvqlxfZENWICdDP75zUe1"


async def test_host_keys_and_authorities_are_lists_or_text(play: Callable[..., Any]) -> None:
    text = HEAD + f"  vars: {{stella_ssh_host_ca: ['{{{{ key }}}} x'], key: '{KEY}'}}\n  tasks:\n  - ping:\n"
    played = await play(text, hosts="a stella_host_keys='{{ key }}'\nb\n")
    specs = {spec.name: spec for spec, _, _ in played.pool.calls}
    assert specs["a"].host_keys == (KEY,)
    assert specs["b"].host_keys == ()
    assert specs["a"].host_authorities == specs["b"].host_authorities == (f"{KEY} x",)


async def test_host_keys_that_are_no_text_stop_that_host_alone(play: Callable[..., Any]) -> None:
    played = await play(HEAD + "  tasks: [ping: ]\n", hosts="a stella_host_keys='[1, 2]'\nb\n")
    assert played.seen.statuses("ping") == {"a": "failed", "b": "ok"}


async def test_a_list_without_a_template_is_worked_out_once(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    real = connections.connection_spec
    monkeypatch.setattr(connections, "connection_spec", lambda *args: made.append(args[0]) or real(*args))
    tasks = "  tasks:\n" + "  - ping:\n" * 3
    played = await play(HEAD + f"  vars: {{stella_host_keys: ['{KEY}']}}\n{tasks}", hosts="a\n")
    assert [spec.host_keys for spec, _, _ in played.pool.calls] == [(KEY,)] * 3
    assert made == ["a"]


async def test_another_program_and_flags_for_becoming(play: Callable[..., Any]) -> None:
    text = HEAD + "  become: true\n  become_flags: '-H -S -n -E'\n  tasks: [ping: ]\n"
    played = await play(text, hosts="a ansible_become_exe=/opt/sudo\n")
    become = become_of(played)
    # Whether it may ask for a password is not for the flags to say.
    assert (become.program, become.flags) == ("/opt/sudo", ("-H", "-E"))
    plain = become_of(await play(HEAD + "  become: true\n  tasks: [ping: ]\n", hosts="a,"))
    assert (plain.program, plain.flags) == (None, ("-H",))
    together = await play(HEAD + "  become: true\n  become_flags: -HSn --stdin\n  tasks: [ping: ]\n", hosts="a,")
    assert become_of(together).flags == ("-H",)


OF_SU = {"user": "set", "exe": "/set/su", "flags": "--set", "password": "set", "prompts": ["Kennwort"]}


@pytest.mark.parametrize(
    ("variables", "keywords", "options", "expected"),
    [
        ("", "", {}, ("root", None, (), None, ())),
        ("", "", {"become_settings": {"su": OF_SU}}, ("set", "/set/su", ("--set",), "set", ("Kennwort",))),
        ("", "", {"become_settings": {"sudo": OF_SU}}, ("root", None, (), None, ())),
        ("", "", {"become_settings": {"su": OF_SU}, "become_user": "option"}, ("option",)),
        ("", "become_user: keyword", {"become_user": "option"}, ("keyword",)),
        ("ansible_become_user=all", "become_user: keyword", {}, ("all",)),
        ("ansible_become_user=all ansible_su_user=own ansible_sudo_user=other", "", {}, ("own",)),
        (
            "ansible_su_exe=/own/su ansible_become_exe=/all/su ansible_su_flags='-s /bin/sh' ansible_su_pass=own "
            "ansible_become_pass=all ansible_su_prompt_l10n=Eins,Zwei",
            "become_exe: /keyword/su",
            {"become_settings": {"su": OF_SU}},
            ("set", "/own/su", ("-s", "/bin/sh"), "own", ("Eins", "Zwei")),
        ),
        ("ansible_become_password=all", "", {"become_password": "option"}, ("root", None, (), "all", ())),
        ("", "", {"become_password": "option"}, ("root", None, (), "option", ())),
    ],
)
async def test_what_is_said_of_a_method(
    play: Callable[..., Any], variables: str, keywords: str, options: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    text = HEAD + f"  become: true\n  {keywords}\n  tasks: [ping: ]\n"
    played = await play(text, hosts=f"a ansible_become_method=ansible.builtin.su {variables}\n", **options)
    become = become_of(played)
    found = (become.user, become.program, become.flags, become.password, become.prompts)
    assert become.method == "su"
    assert found[: len(expected)] == expected


async def test_sudosu_has_sudos_variables_and_a_program_of_its_own(play: Callable[..., Any]) -> None:
    hosts = "a ansible_become_method=community.general.sudosu ansible_sudo_user=app ansible_become_exe=/x\n"
    become = become_of(await play(HEAD + "  become: true\n  tasks: [ping: ]\n", hosts=hosts))
    assert (become.method, become.user, become.program) == ("sudosu", "app", None)


@pytest.mark.parametrize(
    ("method", "why"),
    [("nosuch", "could not find matching plugin"), ("runas", "for Windows"), ("community.general.pbrun", "not known")],
)
async def test_a_method_that_is_not_there_fails_the_task(play: Callable[..., Any], method: str, why: str) -> None:
    text = HEAD + f"  become: true\n  become_method: {method}\n  tasks: [ping: ]\n"
    played = await play(text, hosts="a,")
    assert played.seen.statuses("ping") == {"a": "failed"}
    [failure] = [event for event in played.seen.events if getattr(event, "status", None) == "failed"]
    assert why in failure.result["msg"] and f"'{method}'" in failure.result["msg"]
    assert "known: sudo, su, doas" in failure.hint


async def test_who_is_the_user_already_becomes_nobody(play: Callable[..., Any]) -> None:
    text = HEAD + "  become: true\n  become_user: ops\n  tasks: [ping: ]\n"
    hosts = "a ansible_user=ops\nb ansible_user=other\nc\n"
    played = await play(text, hosts=hosts)
    assert {spec.name: become is None for spec, _, become in played.pool.calls} == {"a": True, "b": False, "c": False}
    played = await play(text, hosts=hosts, become_same_user=True)
    assert all(become is not None for _, _, become in played.pool.calls)
    me = pwd.getpwuid(os.geteuid()).pw_name
    text = HEAD + f"  become: true\n  become_user: {me}\n  connection: local\n  tasks: [ping: ]\n"
    assert become_of(await play(text, hosts="a ansible_user=other\n")) is None


def test_every_method_has_variables_and_settings() -> None:
    named = {method.named or name: method for name, method in METHODS.items()}
    assert set(named) == set(settings.METHODS)
    for name, method in named.items():
        options = ["user", "pass", "exe", "flags"]
        options += ["prompt_l10n"] if method.asks in ("words", "terminal") else []
        assert {f"ansible_{name}_{option}" for option in options} <= CONNECTION_VARIABLES
        known = [each.env[0] for each in settings.SETTINGS if each.name.startswith(f"BECOME_{name}_")]
        assert known == [
            f"ANSIBLE_{name}_{option}".upper() for option in ("user", "exe", "flags", "pass", *options[4:])
        ]


async def test_flags_that_cannot_be_read_fail_the_host(play: Callable[..., Any]) -> None:
    text = HEAD + '  become: true\n  become_flags: "-p \'open"\n  tasks: [ping: ]\n'
    played = await play(text, hosts="a,")
    assert played.seen.statuses("ping") == {"a": "failed"}


async def test_tasks_whose_loop_is_named_by_a_template_do_not_share_what_is_known_of_them(
    play: Callable[..., Any],
) -> None:
    task = "    - ping:\n      loop: [1]\n      loop_control: {loop_var: '{{ named }}'}\n"
    text = HEAD + "  vars: {named: each}\n  tasks:\n" + (task + task + "      vars: {ansible_user: other}\n") * 3
    played = await play(text, hosts="a ansible_user=ops\n")
    assert [spec.user for spec, _, _ in played.pool.calls] == ["ops", "other"] * 3


@pytest.mark.parametrize(
    ("hosts", "seconds"),
    [
        ("a ansible_timeout=3\n", 3.0),
        ("a ansible_ssh_timeout=3\n", 3.0),
        ("a ansible_timeout=3 ansible_ssh_timeout=4\n", 4.0),
        ("a\n", 10.0),
    ],
)
async def test_what_a_host_says_of_timeouts_counts_more_than_what_tasks_are_told(
    play: Callable[..., Any], hosts: str, seconds: float
) -> None:
    assert spec_of(await play(HEAD + "  tasks: [ping: ]\n", hosts=hosts)).connect_timeout == seconds
