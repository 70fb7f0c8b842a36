"""``stella-ops vault`` and ansible-vault read what the other wrote. What ansible-vault once wrote stands in
``tests/unit/vault/recorded``, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

OURS = [sys.executable, "-m", "stella_ops", "vault"]
CONTENTS = {
    "text": b"a: 1\n",
    "no end": b"a: 1",
    "empty": b"",
    "binary": bytes(range(256)),
    "large": b"line\n" * 40_000,
}


@pytest.fixture
def theirs(peer_bin: Path) -> list[str]:
    return [str(peer_bin / "ansible-vault")]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "one").write_text("first password\n")
    (tmp_path / "two").write_text("zweites Paßwort 🔑\n")
    return tmp_path


def run(command: list[str], work: Path, *args: str, stdin: bytes = b"") -> bytes:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environ.update(HOME=str(work), STELLA_HOME=str(work / ".stella"), LC_ALL="C.UTF-8")
    done = subprocess.run([*command, *args], cwd=work, env=environ, input=stdin, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(params=[0, 1], ids=["ours to theirs", "theirs to ours"])
def both(request: pytest.FixtureRequest, theirs: list[str]) -> tuple[list[str], list[str]]:
    """Who writes and who reads."""
    return (OURS, theirs) if request.param == 0 else (theirs, OURS)


def test_files(work: Path, both: tuple[list[str], list[str]]) -> None:
    writes, reads = both
    for name, content in CONTENTS.items():
        for vault_id in ("one", "prod@two"):
            sealed = run(writes, work, "encrypt", "--vault-id", vault_id, "--output", "-", "-", stdin=content)
            found = run(reads, work, "decrypt", "--vault-id", vault_id, "--output", "-", "-", stdin=sealed)
            assert found == content, (name, vault_id)


def test_rekey(work: Path, both: tuple[list[str], list[str]]) -> None:
    writes, reads = both
    path = work / "vars.yml"
    path.write_bytes(b"a: 1\n")
    run(reads, work, "encrypt", "--vault-id", "one", "vars.yml")
    run(writes, work, "rekey", "--vault-id", "one", "--new-vault-id", "prod@two", "vars.yml")
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;1.2;AES256;prod\n")
    assert run(reads, work, "view", "--vault-id", "two", "vars.yml") == b"a: 1\n"


def test_strings_have_the_same_form(work: Path, theirs: list[str]) -> None:
    args = ["encrypt_string", "--vault-id", "prod@two", "-n", "a", "-n", "b", "--stdin-name", "c", "1", "2"]
    made = [run(command, work, *args, stdin=b"3\n").decode() for command in (OURS, theirs)]

    def form(text: str) -> list[str]:
        # Salts differ, and lengths with them by a line of few characters: the form is what is left.
        return ["hex" if line.strip().isdigit() else line for line in text.splitlines() if len(line.strip()) > 4]

    assert form(made[0])[:3] == form(made[1])[:3]
    for text in made:
        for name, sealed in yaml.load(text, Loader=_vaults()).items():
            wanted = {"a": b"1", "b": b"2", "c": b"3\n"}[name]
            for reads in (OURS, theirs):
                assert run(reads, work, "decrypt", "--vault-id", "two", stdin=sealed.encode()) == wanted


def _vaults() -> type[yaml.SafeLoader]:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!vault", lambda loader, node: loader.construct_scalar(node))
    return Loader
