"""Runs cases with ``stella-ops``, on this machine as it is, or by way of SSH."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from stella_ops.transport.base import ModuleCall
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.pool import SessionPool
from stella_ops.transport.ssh import SshSession

HERE = Path(__file__).parent


def _sibling(name: str) -> ModuleType:
    """A file beside this one: tests are no package that could be imported from."""
    known = f"tests_integration_play_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, HERE / f"{name}.py")
        assert spec and spec.loader
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]


cases = _sibling("case")
transcript = _sibling("transcript")
_sibling("program")
rows = _sibling("rows")


@dataclass
class Ran:
    """What came of a run: exit status, comparable transcript, both streams."""

    status: int
    transcript: str
    stdout: str
    stderr: str


@pytest.fixture
def run_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs a case, through the program's own entry point and in this process, which saves its start-up."""
    work = tmp_path / "work"
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("STELLA_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("STELLA_INVENTORY", "ANSIBLE_INVENTORY"):
        monkeypatch.delenv(name, raising=False)

    def run(case: Any, label: str, lab: Any = None) -> Ran:
        from stella_ops.cli.entry import run_cli

        runs = [["play", *args] for args in case.unpack(work, label)]
        if lab is not None:
            _by_ssh(work, home, lab)
        for name, value in case.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(work)
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        keys = (*transcript.KEYS, *case.keys)
        status, printed, said, complained = 0, [], "", ""
        for args in runs:
            monkeypatch.setattr(sys, "argv", ["stella-ops", *args])
            stdout, stderr = io.StringIO(), io.StringIO()
            with redirect_stdout(stdout), redirect_stderr(stderr):
                status = run_cli(args)
            printed.append(transcript.normalize(stdout.getvalue(), str(work), keys))
            said += stdout.getvalue()
            complained += stderr.getvalue()
        return Ran(status, "\n".join(printed), said, complained)

    return run


def _by_ssh(work: Path, home: Path, lab: Any) -> None:
    """Have a case's hosts reached by SSH, and nothing but that: no variable is added, none changes its precedence."""
    inventory = work / "hosts.ini"
    text = inventory.read_text(encoding="utf-8")
    inventory.write_text(text.replace("ansible_connection=local", "ansible_connection=ssh"), encoding="utf-8")
    (host,) = lab.hosts
    # Addresses and names that a case means to be out of reach stay what they are.
    config = (lab.folder / "ssh_config").read_text(encoding="utf-8")
    config = config.replace(f"Host {host.name}\n", "Host * !127.0.0.* !*.invalid\n")
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh" / "config").write_text(config, encoding="utf-8")
    for left in host.folder.iterdir():  # by the case before
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


@pytest.fixture
def no_ssh_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules that were called ahead of their turn."""
    called: list[str] = []
    really = SshSession.call

    async def call(self: SshSession, call: ModuleCall, become: Any = None) -> dict[str, Any]:
        if call.link is not None and call.link.previous is not None:
            called.append(call.module)
        return await really(self, call, become)

    monkeypatch.setattr(SshSession, "call", call)
    return called


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that the hosts' login user can write to, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="stella-rows-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def play(openssh_lab: Any, root: Path, tmp_path: Path) -> Callable[..., Any]:
    """Runs tasks on a host of the lab."""

    async def run(
        tasks: list[dict[str, Any]], *, strategy: str = "linear", address: tuple[str, int] | None = None, **more: Any
    ) -> Any:
        host = next(iter(openssh_lab.hosts))
        variables = host.inventory_vars()
        if address is not None:
            known = tmp_path / "known_hosts"
            known.write_text(f"[{address[0]}]:{address[1]} {host.public_key}\n")
            variables |= {"ansible_host": address[0], "ansible_port": address[1]}
            variables["ansible_ssh_common_args"] = f"-o UserKnownHostsFile={known}"
        (tmp_path / "inventory").mkdir(exist_ok=True)
        (tmp_path / "inventory" / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"web": variables}}}))
        keywords = {name: more.pop(name) for name in ("handlers", "gather_facts", "vars") if name in more}
        book = [{"hosts": "all", "gather_facts": False, "strategy": strategy, **keywords, "tasks": tasks}]
        pool = SessionPool(CodeLibrary(()), config_files=[], project_known_hosts=tmp_path / "known")
        async with asyncio.timeout(90):
            return await rows.play(tmp_path, book, hosts=tmp_path / "inventory", root=root, pool=pool, **more)

    return run
