"""``ansible-doc`` of a collection prints what ansible-core 2.19 was seen to print: ``docs/recorded``.

The first line of such a file is the command line; what goes to standard error stands behind the status.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parent / "docs"


@pytest.mark.parametrize("recorded", sorted((DOCS / "recorded").glob("*.txt")), ids=lambda path: path.stem)
def test_what_was_recorded(
    program: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Path
) -> None:
    shutil.copytree(DOCS / "collections", tmp_path / "collections")
    # What stands out is between escape sequences off terminals, too, unless that is not wanted.
    monkeypatch.delenv("NO_COLOR")
    if "escapes" not in recorded.stem:
        monkeypatch.setenv("ANSIBLE_NOCOLOR", "1")
    monkeypatch.setenv("ANSIBLE_FORCE_COLOR", str("colors" in recorded.stem))
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_SCAN_SYS_PATH", "0")
    command, _, expected = recorded.read_text().replace("HERE", str(tmp_path)).partition("\n")
    name, *words = command.split()
    status, out, err = program(name, "--playbook-dir", ".", *words)
    out = out.removeprefix("No config file found; using defaults\n")
    told = [line for line in err.splitlines(keepends=True) if line.strip() and "warnings can be disabled" not in line]
    assert f"{out}status {status}\n{''.join(told)}" == expected
