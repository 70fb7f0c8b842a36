"""``stella-ops doc``: ours, and modules written for ansible-core."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from stella_ops.cli.doc import doc

LIBRARY = Path(__file__).parents[2] / "integration/play/cases/others_modules/library"


def test_ours_and_others() -> None:
    said = CliRunner().invoke(doc, ["wait_for", "-M", str(LIBRARY), "note"], standalone_mode=False).output
    assert "WAIT_FOR" in said and "  port  (int" in said
    assert "Keep a note in a file" in said and "path  (path; required)" in said and "Where it is kept." in said


def test_json() -> None:
    said = CliRunner().invoke(doc, ["-M", str(LIBRARY), "note", "--format", "json"], standalone_mode=False).output
    found = json.loads(said)["note"]
    assert found["options"]["text"] == {"type": "str", "default": "", "doc": "What it says."}


def test_list_knows_programs_too() -> None:
    said = CliRunner().invoke(doc, ["--list", "-M", str(LIBRARY)], standalone_mode=False).output
    assert {"copy", "file", "oldstyle", "note", "debug"} <= {line.split()[0] for line in said.splitlines()}
