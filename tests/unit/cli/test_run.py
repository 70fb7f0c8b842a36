from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_one_module_on_many_hosts(stella: Callable[..., Any], hosts: Path) -> None:
    said = stella("run", "all", "-m", "ping", "-i", hosts)
    assert said.status == 0
    assert "a | SUCCESS => {" in said.out and "b | SUCCESS => {" in said.out and "PLAY" not in said.out


@pytest.mark.parametrize(
    ("module", "arguments", "shown"),
    [
        ("command", "echo free text", "free text"),
        ("shell", "echo a | tr a b", "b"),
        ("debug", "msg='two words'", "two words"),
        ("debug", '{"msg": ["from", "json"]}', "json"),
        ("debug", "msg={{ inventory_hostname }}-{{ x }}", "a-extra"),
        ("ansible.builtin.command", "echo full name", "full name"),
    ],
)
def test_arguments(stella: Callable[..., Any], hosts: Path, module: str, arguments: str, shown: str) -> None:
    said = stella("run", "a", "-m", module, "-a", arguments, "-i", hosts, "-e", "x=extra")
    assert said.status == 0 and shown in said.out


def test_command_is_the_default(stella: Callable[..., Any], hosts: Path) -> None:
    assert "a | CHANGED | rc=0 >>\nyes" in stella("run", "a", "-a", "echo yes", "-i", hosts).out


@pytest.mark.parametrize(
    ("args", "status", "shown"),
    [
        (("all", "-a", "false"), 2, "rc=1"),
        (("all", "-m", "pnig"), 4, "did you mean 'ping'?"),
        (("wbe", "-m", "ping"), 4, "did you mean 'web'?"),
        (("all", "-m", "file", "-a", "path=/x pth=/x"), 2, "Unsupported parameters for (file) module: pth"),
        (("all", "-m", "ping", "-l", "nobody"), 1, "nobody"),
        (("a", "--list-hosts", "-l", "b"), 1, "--limit leaves us with no hosts to target."),
        (("all", "-m", "debug", "-a", "msg={{ missing }}"), 2, "'missing' is undefined"),
    ],
)
def test_what_goes_wrong(
    stella: Callable[..., Any], hosts: Path, args: tuple[str, ...], status: int, shown: str
) -> None:
    said = stella("run", *args, "-i", hosts)
    assert said.status == status
    assert shown in said.out + said.err and "Traceback" not in said.out + said.err


def test_unreachable(stella: Callable[..., Any]) -> None:
    said = stella("run", "all", "-m", "ping", "-i", "127.0.0.1:1,", "-T", "2", "-e", "ansible_connection=ssh")
    assert said.status == 4 and "UNREACHABLE" in said.out


def test_events(stella: Callable[..., Any], hosts: Path) -> None:
    said = stella("run", "all", "-m", "ping", "-i", hosts, "--output", "json")
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["RunStarted", "RunFinished"]
    assert events[0]["kind"] == "run"
    assert {e["host"] for e in events if e["event"] == "HostFinished"} == {"a", "b"}
