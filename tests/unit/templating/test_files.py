"""Template files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import SettingsError, TemplateError
from stella_ops.origins import Origin, SourceText
from stella_ops.templating.environment import file_environment
from stella_ops.templating.templar import Templar

VARIABLES: dict[str, Any] = {
    "name": "web",
    "n": 5,
    "nothing": None,
    "items": [1, 2],
    "fact": "{{ n }}",
    "late": SourceText("<{{ name }}>", Origin("v.yml", 1)),
}


def rendered(text: str, **options: Any) -> str:
    return Templar().render_file(text, "x.j2", VARIABLES, **options)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        ("{{ n }}", "5"),
        ("{{ n }}\n", "5"),
        ("{{ n }}.\n", "5.\n"),
        ("{{ items | to_json }}\n\n", "[1, 2]\n\n"),
        ("{{ name ~ '\\n\\n' }}\n", "web\n\n"),
        ("{# gone #}\n", ""),
        ("a\n\n", "a\n\n"),
        ("[{{ nothing }}]", "[]"),
        ("{{ fact }} {{ late }}", "{{ n }} <web>"),
        ("{% for i in items %}\n- {{ i }}\n{% endfor %}\n", "- 1\n- 2\n"),
        ("  {% if true %}\nx\n  {% endif %}\n", "  x\n  \n"),
        ("#jinja2: lstrip_blocks: True\n  {% if true %}\nx\n  {% endif %}\n", "x\n"),
        (
            "#jinja2: trim_blocks:False, variable_start_string:'[%', variable_end_string:'%]'\n[% n %]{{ n }}\n",
            "5{{ n }}\n",
        ),
        (r"""{{ "a\tb" }}""", "a\tb"),
        ("{{ items | to_json }}", "[1, 2]"),
        ("{% macro m(x) %}({{ x }}){% endmacro %}{{ m(n) }}", "(5)"),
        ("{# gone #}\nx", "x"),
    ],
)
def test_text(text: str, wanted: str) -> None:
    assert rendered(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{ items }}\n", [1, 2]),
        ("{% set all = [] %}\n{% for i in items %}\n{% set _ = all.append(i) %}\n{% endfor %}\n{{ all }}\n", [1, 2]),
        ("{% macro m(x) %}{{ x }}{% endmacro %}{{ m(items) }}", [1, 2]),
        ("{{ nothing }}\n", None),
        ("{% if false %}x{% endif %}\n", None),
        ("", ""),
        ("no template\n\n", "no template\n\n"),
        ("{{ items }}{{ n }}\n", "[1, 2]5\n"),
    ],
)
def test_a_file_keeps_native_types(text: str, wanted: Any) -> None:
    assert Templar().file_value(text, "x.j2", VARIABLES) == wanted


def test_options() -> None:
    text = "{% if true %}\n  x\n{% endif %}\n"
    assert rendered(text, trim_blocks=False) == "\n  x\n"
    assert rendered("  {% if true %}x{% endif %}", lstrip_blocks=True) == "x"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a\nb {{ nope }}\n", "x.j2:2", "'nope' is undefined"),
        ("#jinja2: trim_blocks:True\nb\n{{ nope }}\n", "x.j2:3", "'nope' is undefined"),
        ("#jinja2: trim_blocks:True\nb\n{{ 1 + }}\n", "x.j2:3", "Syntax error in template"),
        ("#jinja2: trim_block:True\n", "x.j2:1", "Invalid '#jinja2:' override key 'trim_block'"),
        ("a\n{% if %}", "x.j2:2", "Syntax error in template"),
        ("\n\n{{ 1 / 0 }}", "x.j2:3", "division by zero"),
        ("{% include 'none.j2' %}", "x.j2:1", "no loader|not found"),
    ],
)
def test_errors_name_the_line(text: str, where: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message) as caught:
        rendered(text)
    assert caught.value.where == where


def test_includes_imports_and_parents(tmp_path: Path) -> None:
    (tmp_path / "base.j2").write_text("[{% block body %}base{% endblock %}]\n", encoding="utf-8")
    (tmp_path / "part.j2").write_text("part of {{ late }} {{ here }}", encoding="utf-8")
    (tmp_path / "macros.j2").write_text("{% macro m(x) %}<{{ x }}>{% endmacro %}", encoding="utf-8")
    templar = Templar(search_path=[tmp_path])
    text = (
        "{% extends 'base.j2' %}{% import 'macros.j2' as k %}"
        "{% block body %}{% set here = 'now' %}{% include 'part.j2' %}{{ k.m(n) }}{{ super() }}{% endblock %}"
    )
    assert templar.render_file(text, "x.j2", VARIABLES) == "[part of <web> now<5>base]"


def test_an_error_inside_an_include_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "part.j2").write_text("fine\n{{ nope }}", encoding="utf-8")
    with pytest.raises(TemplateError) as caught:
        Templar(search_path=[tmp_path]).render_file("{% include 'part.j2' %}", "x.j2", VARIABLES)
    assert caught.value.where == f"{tmp_path / 'part.j2'}:2:4"


def test_the_first_folder_wins(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.j2").write_text(name, encoding="utf-8")
    templar = Templar(search_path=[tmp_path / "two", tmp_path / "one"])
    assert templar.render_file("{% include 'p.j2' %}", "x.j2", {}) == "two"


def test_extensions_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_JINJA2_EXTENSIONS", "jinja2.ext.debug")
    assert "context" in str(file_environment((), {}).from_string("{% debug %}").render())
    for wrong in ("jinja2.ext.nosuch", "jinja2.ext", "nosuch.Extension"):
        monkeypatch.setenv("ANSIBLE_JINJA2_EXTENSIONS", wrong)
        with pytest.raises(SettingsError, match=f"the extension of Jinja2 '{wrong}' cannot be imported"):
            file_environment((), {})


def test_macros_imported_without_the_context_look_things_up_for_each_host(tmp_path: Path) -> None:
    macros = "{% set v = lookup('vars', 'name') %}{% macro f() %}{{ lookup('vars', 'name') }}{{ name }}{% endmacro %}"
    (tmp_path / "m.j2").write_text(macros, encoding="utf-8")
    templar = Templar(search_path=[tmp_path])
    for host in ("a", "b"):
        text = "{% import 'm.j2' as m %}{{ m.v }} {{ m.f() }}"
        with pytest.raises(TemplateError, match="'name' is undefined"):
            templar.render_file(text, "x.j2", {"name": host})
        assert templar.render_file("{% from 'm.j2' import v %}{{ v }}.", "y.j2", {"name": host}) == f"{host}."
