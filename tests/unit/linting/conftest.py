"""Lints playbooks in a folder of their own, with an inventory of two hosts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from stella_ops.linting.findings import Finding

Lint = Callable[..., list[Finding]]
INVENTORY = "[web]\na only_a=1\nb\n[web:vars]\nansible_connection=local\nport=80\n"


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lint:
    """Writes a playbook beside what is there already, and lints it."""
    from stella_ops.cli.workplace import Choices, prepare
    from stella_ops.linting.check import lint as find
    from stella_ops.module_folders import folders_beside
    from stella_ops.playbook.problems import Problems

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("STELLA_INVENTORY", "ANSIBLE_INVENTORY", "ANSIBLE_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def run(text: str, *, inventory: str | None = INVENTORY, extra: tuple[str, ...] = ()) -> list[Finding]:
        path = Path("site.yml")
        path.write_text(text, encoding="utf-8")
        sources = ()
        if inventory is not None:
            if not Path("hosts.ini").exists():
                Path("hosts.ini").write_text(inventory)
            sources = ("hosts.ini",)
        workplace = prepare(Choices(inventories=sources, extra_vars=extra, output="json"))
        folders = folders_beside([path], (), (), {})
        workplace.options = dataclasses.replace(workplace.options, module_folders=folders)
        problems = Problems()
        books = workplace.load([path], problems)
        assert workplace.modules is not None and workplace.files is not None
        return find(
            [path],
            books,
            problems,
            inventory=workplace.inventory,
            options=workplace.options,
            modules=workplace.modules,
            files=workplace.files,
            named_inventory=bool(workplace.inventory.hosts),
        )

    return run
