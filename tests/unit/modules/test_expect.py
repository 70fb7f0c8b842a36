"""``expect``: questions on a real terminal, under every Python."""

from __future__ import annotations

from typing import Any

import pytest

ASK = """#!/bin/sh
printf 'Name: '; read -r name; echo "Hello $name"
stty -echo; printf 'Secret: '; read -r secret; stty echo; echo
[ -t 0 ] && : </dev/tty && echo "on a terminal, $(stty size)"
[ "$name" = Eve ] && exit 3
[ "$name" = Sam ] && exec sleep 600
exit 0
"""


@pytest.fixture
def ask(host: Any) -> str:
    path = host.folder / "ask"
    path.write_text(ASK)
    path.chmod(0o755)
    return str(path)


def test_questions_are_answered(host: Any, ask: str) -> None:
    result = host("expect", command=ask, responses={"Name": "Ann", "(?i)secret": "xyz"})
    assert (result["rc"], result["changed"], result["failed"]) == (0, True, False), result
    assert result["stdout"] == "Name: Hello Ann\r\nSecret: \r\non a terminal, 24 80"
    assert result["stdout_lines"][0] == "Name: Hello Ann" and result["cmd"] == ask
    shown = host("expect", command=ask, responses={"Name": "Ann", "Secret": "xyz"}, echo=True)
    assert shown["stdout"].startswith("Name: Ann\r\nHello Ann")


def test_an_end_that_is_no_good(host: Any, ask: str) -> None:
    result = host("expect", command=ask, responses={"Name": "Eve", "Secret": 7})
    assert (result["rc"], result["msg"], result["failed"]) == (3, "non-zero return code", True)


def test_answers_that_run_out(host: Any, ask: str) -> None:
    result = host("expect", command=ask, responses={"Name": ["Ann"], "Secret|Hello": ["one"]})
    assert result["failed"] and result["msg"].startswith(
        "No remaining responses for 'Secret|Hello', output was 'Name: "
    )


def test_a_program_that_is_late_is_ended(host: Any, ask: str) -> None:
    result = host("expect", command=ask, responses={"Name": "Sam", "Secret": "x"}, timeout=1)
    assert (result["rc"], result["msg"]) == (None, "command exceeded timeout")
    assert "Hello Sam" in result["stdout"]


def test_when_it_is_not_needed(host: Any, ask: str) -> None:
    result = host("expect", command=ask, responses={}, creates=ask)
    assert (result["changed"], result["rc"], result["stdout"]) == (False, 0, f"skipped, since {ask} exists")
    result = host("expect", command=ask, responses={}, removes=ask + "not")
    assert result["stdout"] == f"skipped, since {ask}not does not exist"
    assert host("expect", check=True, command=ask, responses={})["skipped"] is True


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"command": " "}, "no command given"),
        ({"command": "/nothere"}, "The command was not found or was not executable: /nothere"),
        ({"command": "'"}, "No closing quotation"),
        ({"command": "true", "responses": {"(": "x"}}, "missing ), unterminated subpattern"),
        ({"command": "true", "responses": {"x": {}}}, "neither text nor a list"),
        ({"command": "true", "timeout": "soon"}, "invalid literal"),
        ({"command": "true", "chdir": "/nothere"}, "cannot change to /nothere"),
    ],
)
def test_what_cannot_be(host: Any, args: dict[str, Any], message: str) -> None:
    result = host("expect", **{"responses": {}, **args})
    assert result["failed"] and message in result["msg"], result
