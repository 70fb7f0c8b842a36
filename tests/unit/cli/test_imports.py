"""What each command imports: start-up time is imports, and one careless line brings a library back.

``docs/performance.md`` says what each of these costs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stella_ops.store.database import Store

# Never needed to say something about oneself.
HEAVY = {
    *("alembic", "asyncio", "asyncssh", "cryptography", "dataclasses", "jinja2", "packaging", "pydantic", "rich"),
    *("sqlalchemy", "sqlite3", "tabulate", "tomllib", "yaml", "stella_ops.engine", "stella_ops.transport"),
}
# Never needed to read a playbook and an inventory.
NOT_TO_READ = {
    *("alembic", "asyncio", "asyncssh", "cryptography", "importlib.resources", "jinja2", "packaging"),
    *("pydantic", "rich", "sqlalchemy", "sqlite3", "tabulate", "tomllib"),
}
# Never needed to reach a host.
NOT_TO_CONNECT = {
    *("alembic", "cryptography.x509", "importlib.resources", "jinja2", "packaging", "pydantic", "rich"),
    *("sqlalchemy", "tabulate", "tomllib", "zipfile", "stella_ops.store.database", "stella_ops.console.live"),
    *("stella_ops.pki", "stella_ops.doctor", "stella_ops.lab", "stella_ops.releases"),
}
# Runs a command line, and says what was imported by its end, or by the first connection to a host.
SCRIPT = """
import os, sys

def tell():
    with open("imported", "w") as file:
        file.write("\\n".join(list(sys.modules)))

def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        tell()
        os._exit(0)

sys.addaudithook(watch)
from stella_ops.cli.entry import run_cli
code = run_cli()
assert code == 0, code
tell()
"""


@pytest.fixture
def imported(tmp_path: Path):
    (tmp_path / "hosts.yml").write_text(
        'all: {hosts: {"h[1:3]": {ansible_host: 127.0.0.1, ansible_port: 1, ansible_user: nobody}}}\n'
    )
    (tmp_path / "site.yml").write_text("- hosts: all\n  tasks:\n    - ping:\n    - copy: {content: x, dest: /x}\n")
    # A run that has to make its store imports what that takes, beside the first connection or before it.
    (tmp_path / "state").mkdir(mode=0o700)
    Store.open(f"sqlite:///{tmp_path}/state/fleet.db").close()
    environ = {**os.environ, "HOME": str(tmp_path), "STELLA_HOME": str(tmp_path / "state")}

    def run(*args: str) -> set[str]:
        subprocess.run(
            [sys.executable, "-c", SCRIPT, *args],
            check=True,
            cwd=tmp_path,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )
        return set((tmp_path / "imported").read_text().split())

    return run


@pytest.mark.parametrize(
    "args",
    [
        ["--version"],
        ["--help"],
        ["play", "--help"],
        ["run", "--help"],
        ["serve", "--help"],
        ["operator", "add", "--help"],
        ["vault", "encrypt_string", "--help"],
    ],
    ids=" ".join,
)
def test_saying_something_about_oneself(imported, args: list[str]) -> None:
    assert imported(*args) & HEAVY == set()


@pytest.mark.parametrize(
    "args",
    [
        ["play", "--syntax-check", "-i", "hosts.yml", "site.yml"],
        ["play", "--list-tasks", "-i", "hosts.yml", "site.yml"],
        ["inventory", "-i", "hosts.yml", "--list"],
        ["inventory", "-i", "hosts.yml", "--list", "--vault-password-file", "hosts.yml"],
    ],
    ids=lambda args: " ".join(args[:2]),
)
def test_reading(imported, args: list[str]) -> None:
    found = imported(*args)
    assert "yaml" in found
    assert found & NOT_TO_READ == set()


@pytest.mark.parametrize("args", [["play", "site.yml"], ["run", "all", "-m", "ping"]], ids=lambda args: args[0])
def test_the_way_to_the_first_connection(imported, args: list[str]) -> None:
    found = imported(*args, "-i", "hosts.yml")
    assert "asyncssh" in found
    assert found & NOT_TO_CONNECT == set()


def test_pinned_host_keys_cost_no_store(imported, tmp_path: Path) -> None:
    (tmp_path / "state" / "pinned_hosts").write_text("h1 ssh-ed25519 AAAA pinned\n")
    found = imported("run", "all", "-m", "ping", "-i", "hosts.yml")
    assert "asyncssh" in found
    assert found & NOT_TO_CONNECT == set()


def test_a_run_on_this_machine_needs_no_ssh(imported) -> None:
    found = imported("run", "all", "-m", "ping", "-i", "hosts.yml", "-c", "local")
    assert "stella_ops.transport.local" in found
    assert "asyncssh" not in found
