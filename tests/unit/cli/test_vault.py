from __future__ import annotations

import getpass
import io
import json
import os
import sqlite3
import sys
from pathlib import Path

import click
import pytest
import yaml

from stella_ops.vault.cipher import encrypt
from stella_ops.vault.envelope import is_encrypted, vault_id_of
from stella_ops.vault.keyring import Keyring, Secret

PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "pass").write_text(f"{PASSWORD}\n")
    (tmp_path / "other").write_text("another one\n")


class _Bytes:
    """Standard output or input that takes bytes, as the real ones do."""

    def __init__(self, data: bytes = b"") -> None:
        self.buffer = io.BytesIO(data)

    def write(self, text: str) -> int:
        return self.buffer.write(text.encode())

    def flush(self) -> None:
        return None

    def isatty(self) -> bool:
        return False


@pytest.fixture
def vault(stella, monkeypatch: pytest.MonkeyPatch):
    """Runs ``stella-ops vault`` with bytes for standard input; exit status, bytes of standard output, errors."""

    def run(*args: object, stdin: bytes = b"") -> tuple[int, bytes, str]:
        from contextlib import redirect_stderr

        from stella_ops.cli.entry import run_cli

        words = ["vault", *map(str, args)]
        out, err = _Bytes(), io.StringIO()
        monkeypatch.setattr(sys, "argv", ["stella-ops", *words])
        monkeypatch.setattr(sys, "stdin", _Bytes(stdin))
        monkeypatch.setattr(sys, "stdout", out)
        with redirect_stderr(err):
            status = run_cli(words)
        return status, out.buffer.getvalue(), err.getvalue()

    return run


def opened(data: bytes, password: str = PASSWORD) -> bytes:
    return Keyring([Secret("default", password.encode())]).decrypt(data)


def test_encrypt_view_and_decrypt(vault, tmp_path: Path) -> None:
    path = tmp_path / "vars.yml"
    path.write_bytes(b"a: 1")
    path.chmod(0o640)
    assert vault("encrypt", "--vault-id", "prod@pass", "vars.yml") == (0, b"", "")
    assert vault_id_of(path.read_bytes()) == "prod" and path.stat().st_mode & 0o777 == 0o640
    assert vault("view", "--vault-password-file", "pass", "vars.yml") == (0, b"a: 1\n", "")
    assert vault("decrypt", "--vault-pass-file", "pass", "--output", "-", "vars.yml") == (0, b"a: 1", "")
    assert is_encrypted(path.read_bytes())
    assert vault("decrypt", "--vault-password-file", "pass", "vars.yml") == (0, b"", "")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"a: 1", 0o600)


def test_streams(vault, tmp_path: Path) -> None:
    status, sealed, _ = vault("encrypt", "--vault-id", "pass", stdin=b"\xff\x00 binary")
    assert (status, opened(sealed)) == (0, b"\xff\x00 binary")
    assert vault("decrypt", "--vault-id", "pass", "-", stdin=sealed)[1] == b"\xff\x00 binary"
    assert vault("encrypt", "--vault-id", "pass", "--output", "new", "-", stdin=b"x")[0] == 0
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


def test_passwords_from_the_environment(vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_VAULT_IDENTITY_LIST", "dev@pass,prod@other")
    assert "Specify the vault-id to encrypt with --encrypt-vault-id" in vault("encrypt", stdin=b"x")[2]
    status, sealed, _ = vault("encrypt", "--encrypt-vault-id", "prod", stdin=b"x")
    assert (status, vault_id_of(sealed), opened(sealed, "another one")) == (0, "prod", b"x")
    monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "dev")
    assert vault_id_of(vault("encrypt", stdin=b"x")[1]) == "dev"


def test_a_salt_of_the_environment_makes_equal_content_equal(vault, monkeypatch: pytest.MonkeyPatch) -> None:
    random = {vault("encrypt", "--vault-id", "pass", stdin=b"x")[1] for _ in range(2)}
    monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_SALT", "salt for a test")
    salted = {vault("encrypt", "--vault-id", "pass", stdin=b"x")[1] for _ in range(2)}
    strings = {vault("encrypt_string", "--vault-id", "pass", "x")[1] for _ in range(2)}
    assert (len(random), len(salted), len(strings)) == (2, 1, 1)
    assert opened(salted.pop()) == b"x"


def test_passwords_are_asked_for(vault, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return PASSWORD

    monkeypatch.setattr(getpass, "getpass", answer)
    sealed = vault("encrypt", stdin=b"x")[1]
    assert opened(sealed) == b"x"
    assert vault("decrypt", "-J", stdin=sealed)[1] == b"x"
    assert asked == ["New Vault password: ", "Confirm New Vault password: ", "Vault password: "]


def test_rekey(vault, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(encrypt(path.name.encode(), PASSWORD.encode(), "old"))
        path.chmod(0o644)
    assert vault("rekey", "--vault-id", "pass", "--new-vault-id", "new@other", "a", "b")[0] == 0
    assert [opened(path.read_bytes(), "another one") for path in paths] == [b"a", b"b"]
    assert [(vault_id_of(path.read_bytes()), path.stat().st_mode & 0o777) for path in paths] == [("new", 0o644)] * 2
    assert vault("rekey", "--vault-id", "other", "--new-vault-password-file", "pass", "a")[0] == 0
    assert vault_id_of(paths[0].read_bytes()) is None
    # One that does not open: nothing is written.
    before = [path.read_bytes() for path in paths]
    status, _, err = vault("rekey", "--vault-id", "other", "--new-vault-password-file", "pass", "b", "a")
    assert status == 1 and "no vault password fits" in err
    assert [path.read_bytes() for path in paths] == before
    assert vault("rekey", "--vault-id", "x@pass", "--new-vault-id", "a", "--new-vault-password-file", "b", "a")[0] == 2


def test_edit_and_create(vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "by $0" >> "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    path = tmp_path / "new" / "vars.yml"
    status, _, err = vault("create", "--vault-id", "prod@pass", path)
    assert status == 5 and "not a tty" in err and not path.exists()
    assert vault("create", "--skip-tty-check", "--vault-id", "prod@pass", path)[0] == 0
    assert vault("edit", "--vault-id", "pass", path)[0] == 0
    assert (vault_id_of(path.read_bytes()), opened(path.read_bytes())) == ("prod", f"by {editor}\n".encode() * 2)
    assert vault("create", "--skip-tty-check", "--vault-id", "prod@pass", path)[0] == 2
    before = path.read_bytes()
    monkeypatch.setenv("EDITOR", "true")
    assert vault("edit", "--vault-id", "pass", path)[0] == 0
    monkeypatch.setenv("EDITOR", "false")
    status, _, err = vault("edit", "--vault-id", "pass", path)
    assert status == 1 and "the editor failed" in err
    assert path.read_bytes() == before  # the very same: nothing was changed


def test_encrypt_string(vault, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("encrypt_string", "--vault-id", "prod@pass")
    status, out, err = vault(*words, "-n", "one", "--name", "two", "--stdin-name", "three", "1", "2", "4", stdin=b"3\n")
    assert status == 0
    assert err.splitlines() == [
        "There are more strings than --name options: those after 'two' have no name.",
        '# The encrypted version of variable ("three", the string #1 from stdin).',
        '# The encrypted version of variable ("one", the string #2 from the command line args).',
        '# The encrypted version of variable ("two", the string #3 from the command line args).',
        "# The encrypted version of the string #4 from the command line args.",
    ]
    named, last = out.decode().split("\n!vault |\n")
    assert named.startswith("three: !vault |\n          $ANSIBLE_VAULT;1.2;AES256;prod\n")
    loaded = yaml.load(named, Loader=_vaults())
    assert {name: opened(text.encode()) for name, text in loaded.items()} == {"three": b"3\n", "one": b"1", "two": b"2"}
    assert opened("\n".join(map(str.strip, last.splitlines())).encode()) == b"4"
    assert vault(*words, "alone")[2] == ""
    for refused, status in ((("",), 5), (("-p", "-"), 2), (("-p", "--stdin-name", "x"), 2), (("-",), 5)):
        assert vault(*words, *refused)[0] == status
    answers = iter(["", "five", "six", "shown"])
    monkeypatch.setattr(click, "prompt", lambda *args, **options: next(answers))
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "typed")
    assert vault(*words, "--prompt")[1].startswith(b"!vault |\n")
    assert vault(*words, "--prompt")[1].startswith(b"five: !vault |\n")
    [(name, sealed)] = yaml.load(vault(*words, "-p", "--show-input")[1], Loader=_vaults()).items()
    assert (name, opened(sealed.encode())) == ("six", b"shown")


def _vaults() -> type[yaml.SafeLoader]:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!vault", lambda loader, node: loader.construct_scalar(node))
    return Loader


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (["view", "--vault-id", "other", "sealed"], 1, "no vault password fits"),
        (["view", "--vault-id", "none", "sealed"], 1, "was not found"),
        (["view", "--vault-id", "pass", "plain"], 1, "Input is not vault encrypted data"),
        (["view", "--vault-id", "pass", "missing"], 1, "Unable to read source file (missing)"),
        (["decrypt", "--vault-id", "pass", "damaged"], 1, "damaged"),
        (["encrypt", "--vault-id", "pass", "sealed"], 1, "input is already encrypted"),
        (["encrypt", "--vault-id", "a;b@pass", "plain"], 1, "no vault id"),
        (["encrypt", "--vault-id", "pass", "--encrypt-vault-id", "x", "plain"], 1, "--encrypt-vault-id=x"),
        (["encrypt", "--vault-id", "pass", "--output", "x", "plain", "sealed"], 5, "At most one input file"),
        (["encrypt", "--vault-id", "pass", "--output", "none/x", "plain"], 1, "cannot write"),
        (["edit", "--vault-id", "pass"], 2, "no file is named"),
        (["create", "--vault-id", "pass", "a", "b"], 5, "create can take only one filename argument"),
    ],
)  # fmt: skip
def test_errors(vault, tmp_path: Path, args: list[str], status: int, message: str) -> None:
    sealed = encrypt(b"x", PASSWORD.encode(), None)
    (tmp_path / "sealed").write_bytes(sealed)
    (tmp_path / "damaged").write_bytes(sealed[:-9])
    (tmp_path / "plain").write_bytes(b"a: 1\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    found, out, err = vault(*args)
    assert (found, out) == (status, b"")
    assert message in err and "Traceback" not in err and PASSWORD not in err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_inventory_shows_what_is_encrypted_as_it_is(stella, tmp_path: Path) -> None:
    sealed = encrypt(b"x", PASSWORD.encode(), None).decode()
    block = "".join(f"    {line}\n" for line in sealed.splitlines())
    (tmp_path / "hosts.yml").write_text(f"all:\n  hosts: {{web: }}\n  vars:\n   token: !vault |\n{block}")
    said = stella("inventory", "-i", "hosts.yml", "--host", "web")
    assert json.loads(said.out) == {"token": {"__ansible_vault": sealed}}


def test_an_encrypted_inventory(stella, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_bytes(encrypt(b"[web]\nweb1 port=80\n", PASSWORD.encode(), None))
    said = stella("inventory", "-i", "hosts", "--vault-password-file", "pass", "--host", "web1")
    assert json.loads(said.out) == {"port": 80}
    said = stella("inventory", "-i", "hosts", "--host", "web1")
    assert said.status == 4 and "there is no vault password" in said.err and "hosts:1" in said.err


def test_the_record_of_a_run_holds_nothing_that_was_encrypted(stella, hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "vars.yml").write_bytes(encrypt(b"user: deploy\ntoken: tok-en-1234\n", PASSWORD.encode(), None))
    sealed = encrypt(b"opened-5678", PASSWORD.encode(), None).decode().replace("\n", "\n        ").rstrip()
    (tmp_path / "site.yml").write_text(
        "- hosts: a\n  gather_facts: false\n  vars_files: [vars.yml]\n  vars:\n    one: !vault |\n"
        f"        {sealed}\n  tasks:\n    - debug: {{msg: '{{{{ token }}}} {{{{ one }}}} {{{{ user }}}}'}}\n"
    )
    said = stella("play", "site.yml", "-i", hosts, "--vault-password-file", "pass")
    assert said.status == 0 and "tok-en-1234 opened-5678 deploy" in said.out, said.out + said.err
    [store] = (tmp_path / ".stella").glob("*.db")
    with sqlite3.connect(store) as database:
        dump = "\n".join(database.iterdump())
    assert "********" in dump
    assert "tok-en-1234" not in dump and "opened-5678" not in dump and PASSWORD not in dump
