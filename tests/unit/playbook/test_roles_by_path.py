"""Where a role is looked for last: at the path that its name is, seen from where the command was called."""

from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.playbook.files import PlaybookFiles


def test_a_role_at_a_path_from_where_the_command_was_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere/web/tasks").mkdir(parents=True)
    books = tmp_path / "books"
    (books / "roles/near").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    found = PlaybookFiles().find_role("elsewhere/web", books, None)
    assert (found.folder, found.name) == (tmp_path / "elsewhere/web", str(tmp_path / "elsewhere/web"))
    assert PlaybookFiles().find_role("near", books, None).folder == books / "roles/near"
    missing = PlaybookFiles().find_role("elsewhere/db", books, None)
    assert missing.folder is None and missing.tried == [books / "roles/elsewhere/db", books / "elsewhere/db"]
