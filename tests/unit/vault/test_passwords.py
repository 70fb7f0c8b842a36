from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.errors import VaultError
from stella_ops.vault.cipher import encrypt
from stella_ops.vault.keyring import Keyring
from stella_ops.vault.passwords import Environment, asking, read_keyring, sources


def nobody(prompt: str) -> str:
    raise AssertionError(f"asked: {prompt}")


def read(
    *named: str, ask=nobody, new: bool = False, environment: Environment | None = None
) -> tuple[Keyring, list[str]]:
    warnings: list[str] = []
    return read_keyring(named, environment or Environment(), ask, warnings.append, new=new), warnings


def pairs(keyring: Keyring) -> list[tuple[str, bytes]]:
    return [(secret.vault_id, secret.password) for secret in keyring.secrets]


@pytest.fixture
def script(tmp_path: Path):
    def write(name: str, body: str) -> Path:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o700)
        return path

    return write


def test_the_order_of_sources() -> None:
    environment = Environment(label="mine", identities=("one@1", "two@2"), password_file="file", ask=True)
    found = sources(environment, ["three@3"], ["other"])
    assert found == ["one@1", "two@2", "three@3", "mine@other", "mine@file", asking(environment)]
    assert sources(Environment()) == []


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pass").write_bytes(b"  pass word \r\n")
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    keyring, warnings = read("pass", "prod@$PLACE/pass", f"a@{tmp_path}/pass")
    assert pairs(keyring) == [("default", b"pass word"), ("prod", b"pass word"), ("a", b"pass word")]
    assert warnings == []


def test_a_file_may_be_encrypted_by_a_password_before_it(tmp_path: Path) -> None:
    (tmp_path / "first").write_text("first\n")
    (tmp_path / "second").write_bytes(encrypt(b"second\n", b"first", None))
    keyring, _ = read(f"a@{tmp_path}/first", f"b@{tmp_path}/second")
    assert pairs(keyring)[1] == ("b", b"second")
    with pytest.raises(VaultError, match="there is no vault password"):
        read(f"b@{tmp_path}/second")


def test_programs(script) -> None:
    plain = script("pass.sh", 'echo "$# from program"')
    client = script("vault-client.sh", 'echo "$1 $2"')
    keyring, _ = read(f"x@{plain}", f"dev@{client}", str(client))
    assert [password for _, password in pairs(keyring)] == [b"0 from program", b"--vault-id dev", b"--vault-id default"]


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("a-client", "echo no such id >&2; exit 2", "has no password for vault id 'dev': no such id"),
        ("a-client", "echo broken >&2; exit 3", r"failed \(exit status 3\) for vault id 'dev': broken"),
        ("a.sh", "exit 2", r"failed \(exit status 2\)"),
        ("a.sh", "kill -9 $$", r"failed \(signal 9\)"),
        ("a.sh", "echo", "gives an empty password"),
    ],
)
def test_programs_that_fail(script, name: str, body: str, message: str) -> None:
    with pytest.raises(VaultError, match=message):
        read(f"dev@{script(name, body)}")


def test_what_cannot_be_a_password_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program\n")
    (tmp_path / "text").chmod(0o700)
    (tmp_path / "empty").write_text("\n")
    for name, message in (
        ("none", "was not found"),
        (".", "can not be a directory"),
        ("text", "cannot run the vault password program"),
        ("empty", "gives an empty password"),
    ):
        with pytest.raises(VaultError, match=message):
            read(f"{tmp_path}/{name}")


def test_one_source_that_fails_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("good")
    keyring, [warning] = read(f"a@{tmp_path}/none", f"b@{tmp_path}/pass")
    assert pairs(keyring) == [("b", b"good")]
    assert "was not found" in warning


@pytest.mark.parametrize(
    ("named", "new", "prompts"),
    [
        ("prod@prompt", False, ["Vault password (prod): "]),
        ("prompt", False, ["Vault password (default): "]),
        (asking(Environment()), False, ["Vault password: "]),
        ("prod@prompt", True, ["New vault password (prod): ", "Confirm new vault password (prod): "]),
        (asking(Environment()), True, ["New Vault password: ", "Confirm New Vault password: "]),
    ],
)
def test_people_are_asked_in_ansibles_words(named: str, new: bool, prompts: list[str]) -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "typed "

    assert pairs(read(named, ask=ask, new=new)[0])[0][1] == b"typed"
    assert asked == prompts


def test_answers_that_are_none() -> None:
    answers = iter(["one", "two", "", "x"])
    with pytest.raises(VaultError, match="differ"):
        read("prompt", ask=lambda _: next(answers), new=True)
    with pytest.raises(VaultError, match="is empty"):
        read("prompt", ask=lambda _: next(answers))

    def gone(prompt: str) -> str:
        raise EOFError

    with pytest.raises(VaultError, match="input ended"):
        read("prompt", ask=gone)


def test_labels_that_cannot_be_vault_ids() -> None:
    with pytest.raises(VaultError, match="no vault id"):
        read("a;b@prompt")
