"""``stella-ops agent bootstrap``, ``agent install-script`` and ``token``."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

URL = "https://orchestrator.example.com:8443"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stella.toml").write_text(f'[orchestrator]\nurl = "{URL}"\n[tokens]\nmax_ttl = "1h"\nmax_uses = 3\n')
    return tmp_path


@pytest.fixture
def bootstrap(stella: Callable[..., Any], project: Path) -> Callable[..., dict[str, Any]]:
    def run(*more: str) -> dict[str, Any]:
        said = stella("agent", "bootstrap", "--name", "web1", "--env", "production", "--format", "json", *more)
        assert said.status == 0, said
        made = json.loads(said.out)
        assert isinstance(made, dict)
        return made

    return run


def test_the_text_is_the_specifications(stella: Callable[..., Any], project: Path) -> None:
    said = stella("agent", "bootstrap", "--name", "web1", "--env", "production", "--platform", "linux")
    assert said.status == 0, said
    lines = said.out.splitlines()
    assert lines[0] == "Bootstrap token generated (expires in 15 minutes):"
    token = lines[2].removeprefix("  Token: ")
    assert len(token.split(".")) == 3
    at = lines.index("One-line installer:")
    assert (
        lines[at + 1].startswith("  curl -sSL ")
        and f"{URL}/install.sh | sudo bash -s -- --token {token}" in lines[at + 1]
    )
    at = lines.index("Or download the install script:")
    assert lines[at + 1] == f"  stella agent install-script --token {token} --output install.sh"
    # What else is offered does not hold the token.
    at = next(number for number, line in enumerate(lines) if "standard input" in line)
    assert token not in lines[at + 1]


def test_json_has_the_specifications_fields(bootstrap: Callable[..., Any], stella: Callable[..., Any]) -> None:
    made = bootstrap("--capabilities", "docker,compose", "--label", "tier=web", "--label", "a=b=c", "--cluster", "c1")
    assert {"token", "token_expires", "configuration", "install_script", "install_command"} <= set(made)
    configuration = made["configuration"]
    assert configuration["agent_id"] == made["agent_id"]
    assert configuration["agent_name"] == "web1" and configuration["environment"] == "production"
    assert configuration["capabilities"] == ["docker", "compose"]
    assert configuration["labels"] == {"tier": "web", "a": "b=c"}
    assert configuration["cluster"]["id"] == "c1"
    assert configuration["orchestrator_url"] == URL
    assert made["token"] in made["install_script"] and made["token"] in made["install_command"]
    pin = base64.urlsafe_b64decode(made["token"].split(".")[2] + "=").hex()
    assert json.loads(stella("ca", "show", "--format", "json").out)["pin"] == pin


@pytest.mark.parametrize(
    ("platform", "begins"), [("linux", "curl "), ("windows", ""), ("docker", "docker run -d --name stella-agent")]
)
def test_each_platform_has_its_command(bootstrap: Callable[..., Any], platform: str, begins: str) -> None:
    made = bootstrap("--platform", platform)
    assert made["install_command"].startswith(begins)
    assert made["token"] in made["install_command"]
    assert "stella.example.com" not in made["install_command"]
    if platform != "docker":
        assert URL in made["install_command"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--name", "web 1"], "cannot be an agent's name"),
        (["--name", "w", "--env", "a/b"], "cannot be an agent's environment"),
        (["--name", "w", "--cluster", "a/b"], "cannot be an agent's cluster"),
        (["--name", "w", "--ttl", "2h"], "at most 1h"),
        (["--name", "w", "--ttl", "soon"], "is no duration"),
        (["--name", "w", "--uses", "4"], "1 to 3"),
        (["--name", "w", "--capabilities", "dokcer"], "did you mean 'docker'?"),
        (["--name", "w", "--label", "a"], "is not KEY=VALUE"),
        (["--name", "w", "--label", "a=1", "--label", "a=2"], "given twice"),
        (["--name", "w", "--label", "a=\x07"], "cannot be a label"),
        (["--name", "w", "--platform", "amiga"], "'amiga' is not one of"),
    ],
)
def test_what_cannot_be_is_refused_and_mints_nothing(
    stella: Callable[..., Any], project: Path, asked: list[str], said: str
) -> None:
    got = stella("agent", "bootstrap", *asked)
    assert got.status in (1, 2) and said in got.err, got
    assert "Traceback" not in got.err
    assert json.loads(stella("token", "list", "--all", "--format", "json").out) == []


def test_the_limits_of_the_project_hold(bootstrap: Callable[..., Any], stella: Callable[..., Any]) -> None:
    bootstrap("--ttl", "1h", "--uses", "3")
    (listed,) = json.loads(stella("token", "list", "--format", "json").out)
    assert (listed["uses"], listed["max_uses"], listed["status"]) == (0, 3, "valid")


def test_a_token_is_shown_and_revoked(bootstrap: Callable[..., Any], stella: Callable[..., Any]) -> None:
    made = bootstrap("--label", "tier=web")
    token_id, secret, _ = made["token"].split(".")
    table = stella("token", "list").out
    assert token_id in table and "web1" in table and secret not in table
    shown = stella("token", "show", token_id)
    assert "tier=web" in shown.out and secret not in shown.out
    assert "would be revoked" in stella("token", "revoke", token_id, "--check").out
    assert json.loads(stella("token", "show", token_id, "--format", "json").out)["status"] == "valid"
    assert stella("token", "revoke", token_id).out.endswith(": revoked\n")
    assert "revoked before" in stella("token", "revoke", token_id).out
    assert "No tokens." in stella("token", "list").err
    assert json.loads(stella("token", "show", token_id, "--format", "json").out)["status"] == "revoked"
    refused = stella("agent", "install-script", "--token", made["token"])
    assert refused.status == 2 and "the token is revoked" in refused.err and secret not in refused.err
    assert stella("token", "show", "0" * 16).status == 2
    assert stella("token", "revoke").status == 2


def test_all_tokens_can_be_revoked(bootstrap: Callable[..., Any], stella: Callable[..., Any]) -> None:
    bootstrap()
    bootstrap()
    assert stella("token", "revoke", "--all").out.count(": revoked\n") == 2
    assert json.loads(stella("token", "list", "--format", "json").out) == []


def test_the_script_with_a_token_is_its_owners(
    bootstrap: Callable[..., Any], stella: Callable[..., Any], tmp_path: Path
) -> None:
    made = bootstrap()
    target = tmp_path / "install.sh"
    before = os.umask(0)
    try:
        said = stella("agent", "install-script", "--token", made["token"], "--output", target)
    finally:
        os.umask(before)
    assert said.status == 0, said
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert target.read_text() == made["install_script"]
    # Nothing is left beside it, and what cannot be written is said.
    assert sorted(path.name for path in tmp_path.glob("*install*")) == ["install.sh"]
    refused = stella("agent", "install-script", "--output", tmp_path / "nowhere" / "install.sh")
    assert refused.status == 2 and "cannot write the script" in refused.err


def test_the_script_for_everybody_holds_no_token(bootstrap: Callable[..., Any], stella: Callable[..., Any]) -> None:
    made = bootstrap()
    script = stella("agent", "install-script").out
    assert script.startswith("#!/bin/sh") and URL in script
    assert made["token"].split(".")[1] not in script
    embedded = stella("agent", "install-script", "--embed-package").out
    assert len(embedded) > len(script) + 50_000


def test_the_secret_is_in_no_store(bootstrap: Callable[..., Any], tmp_path: Path) -> None:
    secret = bootstrap()["token"].split(".")[1].encode()
    for path in (tmp_path / ".stella").rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes(), path
