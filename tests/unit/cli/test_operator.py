"""``stella-ops operator``."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

KEY = re.compile(r"[0-9a-f]{16}\.[A-Za-z0-9_-]{43}")


def test_a_key_is_shown_once_and_alone_on_standard_output(stella: Callable[..., Any]) -> None:
    said = stella("operator", "add", "alice", "--role", "operator")
    assert said.status == 0, said
    assert KEY.fullmatch(said.out.strip())
    assert "alice is in as operator" in said.err
    listed = stella("operator", "list")
    assert "alice" in listed.out and said.out.strip().split(".")[1] not in listed.out


def test_json_and_files(stella: Callable[..., Any], tmp_path: Path) -> None:
    made = json.loads(stella("operator", "add", "ci", "--role", "viewer", "--ttl", "90d", "--format", "json").out)
    assert KEY.fullmatch(made["key"]) and made["role"] == "viewer" and made["expires_at"].endswith("Z")
    said = stella("operator", "add", "bob", "--role", "admin", "--output", tmp_path / "key")
    assert said.status == 0
    assert KEY.fullmatch((tmp_path / "key").read_text().strip())
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert not KEY.search(said.out + said.err)


def test_a_key_that_cannot_be_written_is_no_key(stella: Callable[..., Any], tmp_path: Path) -> None:
    said = stella("operator", "add", "bob", "--role", "admin", "--output", tmp_path / "no" / "key")
    assert said.status == 2
    assert "cannot write the file" in said.err
    (only,) = json.loads(stella("operator", "list", "--all", "--format", "json").out)
    assert only["status"] == "revoked"


def test_a_certificate(stella: Callable[..., Any], tmp_path: Path) -> None:
    command = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -subj /CN=alice -out r"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    said = stella("operator", "add", "alice", "--role", "admin", "--csr", "r", "--output", "c")
    assert said.status == 0, said
    assert (tmp_path / "c").read_text().count("BEGIN CERTIFICATE") == 2
    wrong = stella("operator", "add", "bob", "--role", "admin", "--csr", "r")
    assert wrong.status == 1
    assert "not for 'bob'" in wrong.err
    (tmp_path / "r").write_bytes(b"\xff")
    assert stella("operator", "add", "bob", "--role", "admin", "--csr", "r").status == 2


def test_revoking(stella: Callable[..., Any]) -> None:
    key = stella("operator", "add", "alice", "--role", "operator").out
    operator_id = key.split(".")[0]
    assert "would be revoked" in stella("operator", "revoke", "--check", operator_id).out
    assert "good" in stella("operator", "list").out
    assert "is revoked" in stella("operator", "revoke", operator_id).out
    assert "before" in stella("operator", "revoke", operator_id).out
    assert "No operators yet" in stella("operator", "list").out
    assert "revoked" in stella("operator", "list", "--all").out
    unknown = stella("operator", "revoke", "0" * 16)
    assert unknown.status == 2 and "no operator has the id" in unknown.err


def test_check_and_wrong_words(stella: Callable[..., Any]) -> None:
    assert "would be let in" in stella("operator", "add", "alice", "--role", "viewer", "--check").out
    assert json.loads(stella("operator", "list", "--all", "--format", "json").out) == []
    assert stella("operator", "add", "alice").status == 2
    assert stella("operator", "add", "../x", "--role", "viewer").status == 1
    wrong = stella("operator", "add", "alice", "--role", "viewer", "--ttl", "soon")
    assert wrong.status == 2 and "--ttl" in wrong.err


def test_help_has_examples(stella: Callable[..., Any]) -> None:
    for command in (["operator", "add"], ["operator", "list"], ["operator", "revoke"], ["serve"]):
        assert "Examples:" in stella(*command, "--help").out
