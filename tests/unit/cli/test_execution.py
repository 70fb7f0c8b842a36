from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.cli.workplace import Choices, prepare
from stella_ops.errors import InventoryError, UsageError


@pytest.fixture
def prompts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Answers password prompts in order; the list of what was asked."""

    def answer(*answers: str) -> list[str]:
        asked: list[str] = []
        left = iter(answers)

        def ask(prompt: str = "Password: ") -> str:
            asked.append(prompt)
            return next(left)

        monkeypatch.setattr(getpass, "getpass", ask)
        return asked

    return answer


@pytest.fixture(autouse=True)
def in_project(stella: Any) -> None:
    """In a folder of its own."""


def test_become_password_is_asked_for_and_kept_secret(hosts: Path, prompts: Callable[..., list[str]]) -> None:
    asked = prompts("CANARY-1")
    workplace = prepare(Choices(inventories=(str(hosts),), ask_become_pass=True))
    assert asked == ["BECOME password: "]
    assert workplace.options.become_password == "CANARY-1"
    assert workplace.redactor.scrub("x CANARY-1 y") == "x ******** y"
    assert "CANARY" not in repr(workplace.options)


@pytest.mark.parametrize(("answer", "password"), [("other-pw", "other-pw"), ("", "login-pw")])
def test_with_both_prompts_enter_means_the_login_password(
    hosts: Path, prompts: Callable[..., list[str]], answer: str, password: str
) -> None:
    asked = prompts("login-pw", answer)
    options = prepare(Choices(inventories=(str(hosts),), ask_pass=True, ask_become_pass=True)).options
    assert asked == ["SSH password: ", "BECOME password[defaults to SSH password]: "]
    assert (options.connection_password, options.become_password) == ("login-pw", password)


def test_become_password_from_a_file(hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("  with blanks \n")
    choices = Choices(inventories=(str(hosts),), become_password_file=str(tmp_path / "pw"))
    assert prepare(choices).options.become_password == "  with blanks "
    with pytest.raises(UsageError, match="The password file "):
        prepare(Choices(inventories=(str(hosts),), become_password_file=str(tmp_path / "no")))
    with pytest.raises(UsageError, match="not both"):
        prepare(Choices(inventories=(str(hosts),), become_password_file=str(tmp_path / "pw"), ask_become_pass=True))


def test_tags_are_split(hosts: Path) -> None:
    options = prepare(Choices(inventories=(str(hosts),), tags=("a, b", "c"), skip_tags=("x,y",))).options
    assert (options.tags, options.skip_tags) == (("a", "b", "c"), ("x", "y"))
    assert prepare(Choices(inventories=(str(hosts),))).options.tags == ("all",)


def test_where_inventories_come_from(hosts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(prepare(Choices(inventories=("x,y,",))).inventory.hosts) == ["x", "y"]
    with pytest.raises(InventoryError, match="there is no inventory 'nothere'"):
        prepare(Choices(inventories=("nothere",)))
    monkeypatch.setenv("ANSIBLE_INVENTORY", str(hosts))
    assert list(prepare(Choices()).inventory.hosts) == ["a", "b"]
    other = tmp_path / "other.ini"
    other.write_text("z\n")
    monkeypatch.setenv("STELLA_INVENTORY", str(other))
    assert list(prepare(Choices()).inventory.hosts) == ["z"]


def test_the_projects_settings_are_defaults(hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "stella.toml").write_text(
        '[defaults]\ninventory = "hosts.ini"\nforks = 7\nremote_user = "ops"\ntimeout = "3s"\n'
    )
    options = prepare(Choices()).options
    assert (options.forks, options.remote_user, options.timeout) == (7, "ops", 3.0)
    options = prepare(Choices(forks=2, remote_user="me", timeout=1.5)).options
    assert (options.forks, options.remote_user, options.timeout) == (2, "me", 1.5)
