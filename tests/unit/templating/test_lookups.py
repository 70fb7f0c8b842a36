from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.errors import TemplateError
from stella_ops.templating.environment import value_environment
from stella_ops.templating.lookups.registry import LOOKUPS


def test_files_are_data(render, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("{{ x }}\n\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("b", encoding="utf-8")
    assert render("{{ lookup('file', 'a.txt') }}", "x: 1") == "{{ x }}"
    assert render("{{ lookup('file', 'a.txt', rstrip=false) }}") == "{{ x }}\n\n"
    assert render("{{ lookup('file', 'a.txt', 'b.txt') }}") == "{{ x }},b"
    assert render("{{ query('ansible.builtin.file', ['a.txt', 'b.txt']) }}") == ["{{ x }}", "b"]
    assert render("{{ lookup('file', f) }}", {"f": str(tmp_path / "b.txt")}) == "b"


def test_a_missing_file_names_where_it_was_looked_for(render, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="Unable to access the file 'none'") as caught:
        render("{{ lookup('file', 'none') }}")
    assert caught.value.hint == f"looked at {tmp_path}/files/none, {tmp_path}/none"
    assert render("{{ query('file', 'none', errors='ignore') }}") == []


def test_templates_are_rendered_with_the_variables_in_scope(render, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "t.j2").write_text("{{ x }}-{{ late }}-{{ extra }}", encoding="utf-8")
    text = "{{ lookup('template', 't.j2', template_vars={'extra': 3}) }}"
    assert render(text, "{x: 1, late: '{{ x + 1 }}'}") == "1-2-3"
    with pytest.raises(TemplateError) as caught:
        render("{{ lookup('template', 't.j2') }}", "x: 1")
    assert caught.value.where == f"{tmp_path}/templates/t.j2:1:12"


def test_the_environment(render, monkeypatch) -> None:
    monkeypatch.setenv("STELLA_TEST", "{{ x }}")
    assert render("{{ lookup('env', 'STELLA_TEST') }}") == "{{ x }}"
    assert render("{{ lookup('env', 'STELLA_NONE') }}") == ""
    assert render("{{ lookup('env', 'STELLA_NONE', default='d') }}") == "d"
    with pytest.raises(TemplateError, match="'STELLA_NONE' is not set"):
        render("{{ lookup('env', 'STELLA_NONE', default=undef()) }}")


def test_variables_by_name(render) -> None:
    assert render("{{ lookup('vars', 'a' ~ 'b') }}", "ab: '{{ c }}'\nc: [1]") == [1]
    assert render("{{ lookup('vars', 'none', default='d') }}") == "d"
    assert render("{{ query('varnames', '^a') }}", "{ab: 1, ac: 2, b: 3}") == ["ab", "ac"]
    with pytest.raises(TemplateError) as caught:
        render("{{ lookup('vars', 'abb') }}", "ab: 1")
    assert caught.value.hint == "did you mean 'ab'?"


def test_programs(render) -> None:
    assert render("{{ lookup('pipe', 'printf \"%s\" {{') }}") == "{{"
    assert render("{{ query('lines', 'echo a; echo b') }}") == ["a", "b"]
    with pytest.raises(TemplateError, match="returned 3"):
        render("{{ lookup('pipe', 'echo oh no >&2; exit 3') }}")


def test_finding_files(render, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    for name in ("b.conf", "a.conf"):
        (tmp_path / "files" / name).write_text(name, encoding="utf-8")
    found = [str(tmp_path / "files" / name) for name in ("a.conf", "b.conf")]
    assert render("{{ query('fileglob', '*.conf') }}") == found
    assert render("{{ query('fileglob', '*.none') }}") == []
    assert render("{{ lookup('first_found', 'b.conf', 'files/b.conf') }}") == found[1]  # not looked for in files/
    assert render("{{ lookup('first_found', ['none', 'files/a.conf']) }}") == found[0]
    assert render("{{ lookup('first_found', 'none', 'b.conf', _with='files') }}") == found[1]
    assert render("{{ lookup('first_found', 'none', 'files') }}") == str(tmp_path / "files")
    assert render("{{ lookup('first_found', 'files/../files/a.conf') }}") == found[0]
    options = {"o": {"files": ["x", "a.conf"], "paths": [str(tmp_path), str(tmp_path / "files")]}}
    assert render("{{ lookup('first_found', o) }}", options) == found[0]
    assert render("{{ query('first_found', 'none', skip=true) }}") == []
    with pytest.raises(TemplateError, match="No file was found when using first_found"):
        render("{{ lookup('first_found', 'none') }}")


def test_wantlist(render) -> None:
    assert render("{{ lookup('items', [1], wantlist=true) }}") == [1]
    assert render("{{ lookup('items', [1]) }}") == 1


@pytest.mark.parametrize("text", ["start=1", "nonsense", "start=a end=b", "count=x"])
def test_sequences_that_cannot_be(render, text: str) -> None:
    with pytest.raises(TemplateError, match="The lookup plugin 'sequence' failed"):
        render("{{ query('sequence', t) }}", {"t": text})


def test_every_plugin_says_what_it_does() -> None:
    for name, plugin in LOOKUPS.items():
        assert plugin.__doc__ or name == "list", name
    for name in ("combine", "ansible.builtin.combine", "ansible.builtin.upper"):
        assert name in value_environment().filters
    assert "ansible.builtin.match" in value_environment().tests
