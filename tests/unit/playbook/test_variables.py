from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.errors import PlaybookError
from stella_ops.origins import SourceText
from stella_ops.playbook.variables import load_vars_file
from stella_ops.source_files import DUPLICATE_KEYS, DuplicateKeys, load_yaml


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


MERGES = """\
base: &base {one: 1, two: 2}
over: {<<: *base, two: 22, three: 3}
early: {two: 22, <<: *base}
deep: {<<: &inner {<<: *base, four: 4}}
again: {<<: *inner, four: 44}
inner: *inner
"""


def test_merged_mappings(tmp_path: Path) -> None:
    path = tmp_path / "v.yml"
    path.write_text(MERGES, encoding="utf-8")
    found = {name: list(value.items()) for name, value in load_vars_file(path).items()}
    base = [("one", 1), ("two", 2)]
    assert found == {
        "base": base,
        "over": [("one", 1), ("two", 22), ("three", 3)],  # what is merged stands first, in its own order
        "early": [("one", 1), ("two", 22)],
        "deep": [*base, ("four", 4)],
        "again": [*base, ("four", 44)],
        "inner": [*base, ("four", 4)],
    }


def test_keys_given_anew_over_merged_ones_are_told_where_duplicates_are() -> None:
    told: list[str] = []
    before = DUPLICATE_KEYS.set(DuplicateKeys("warn", lambda key, where: told.append(f"{key} {where.line}")))
    try:
        load_yaml(MERGES, "v.yml")
    finally:
        DUPLICATE_KEYS.reset(before)
    assert told == ["two 2", "two 3", "four 5"]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("- a\n- b\n", ":1:1", "must be a mapping of names to values, not a list"),
        ("just text", ":1:1", "not 'just text'"),
        ("$ANSIBLE_VAULT;1.1;AES256\n3364\n", ":1", "the encrypted data is damaged"),
        ("a: 1\na: 2\n", ":2:1", "duplicate key 'a'"),
        ("a: {b: 1, <<: {b: 2}, b: 3}\n", ":1:23", "duplicate key 'b'"),
        ("a: {<<: 3}\n", ":1:4", "'<<' merges mappings only"),
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


def test_any_text_is_a_name_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "v.yml"
    path.write_text("ok: 1\nnot-ok: 2\n80: http\n", encoding="utf-8")
    assert load_vars_file(path) == {"ok": 1, "not-ok": 2}
    assert load_vars_file(path, whole=True) == {"ok": 1, "not-ok": 2, 80: "http"}
