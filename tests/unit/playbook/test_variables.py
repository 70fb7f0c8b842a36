from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.errors import PlaybookError
from stella_ops.origins import SourceText
from stella_ops.playbook.variables import load_vars_file


def test_values_know_their_place(tmp_path: Path) -> None:
    path = tmp_path / "v.yml"
    path.write_text("a: 1\nb: '{{ a }}'\n", encoding="utf-8")
    loaded = load_vars_file(path)
    assert loaded == {"a": 1, "b": "{{ a }}"}
    assert isinstance(loaded["b"], SourceText)
    assert str(loaded["b"].origin) == f"{path}:2:4"


def test_json_and_empty_files(tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text('{"a": [1, null]}', encoding="utf-8")
    (tmp_path / "e.yml").write_text("---\n# nothing\n", encoding="utf-8")
    assert load_vars_file(tmp_path / "v.json") == {"a": [1, None]}
    assert load_vars_file(tmp_path / "e.yml") == {}


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("- a\n- b\n", ":1:1", "must be a mapping of names to values, not a list"),
        ("just text", ":1:1", "not 'just text'"),
        ("$ANSIBLE_VAULT;1.1;AES256\n3364\n", ":1", "the encrypted data is damaged"),
        ("ok: 1\nnot-ok: 2\n", ":2:1", "'not-ok' cannot be the name of a variable"),
        ("a: 1\na: 2\n", ":2:1", "duplicate key 'a'"),
        ("a: !vault |\n  x\n", ":1:4", "what is tagged !vault is not encrypted"),
        ("a: !volt x\n", ":1:4", "unknown YAML tag"),
    ],
)
def test_files_that_hold_no_variables(tmp_path: Path, text: str, where: str, message: str) -> None:
    path = tmp_path / "v.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PlaybookError, match=message) as caught:
        load_vars_file(path)
    assert caught.value.where == f"{path}{where}"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PlaybookError, match="No such file"):
        load_vars_file(tmp_path / "none.yml")
