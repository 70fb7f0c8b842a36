"""Errors point at the word, and say where the variables beside it were defined."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from pathlib import Path

import pytest

from stella_ops.errors import TemplateError
from stella_ops.source_files import load_yaml_file
from stella_ops.templating.templar import Templar

Failing = Callable[[str], TemplateError]


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Failing:
    monkeypatch.chdir(tmp_path)
    Path("vars.yml").write_text("port: 80\nname: web\nlisten: '{{ adress }}:{{ port }}'\n")
    variables = ChainMap({}, load_yaml_file("vars.yml"))

    def fail(text: str) -> TemplateError:
        Path("site.yml").write_text(text)
        loaded = load_yaml_file("site.yml")
        templar = Templar(search_path=[tmp_path])
        ask = templar.evaluate if "when" in loaded else templar.render
        with pytest.raises(TemplateError) as caught:
            ask(next(iter(loaded.values())), variables)
        return caught.value

    return fail


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('msg: "port {{ port }} of {{ nme }}"\n', "site.yml:1:29"),
        ("msg: |\n  one\n  {{ port }}\n  {{ nme }}\n", "site.yml:4:6"),
        ("msg: >-\n  {{ port }}\n  {{ nme }}\n", "site.yml:3:6"),
        ('msg: "{{ port | uper }}"\n', "site.yml:1:17"),
        ('msg: "{{ name is evenn }}"\n', "site.yml:1:18"),
        ("when: port == 80 and nme\n", "site.yml:1:22"),
        ('msg: "{{ listen }}"\n', "vars.yml:3:13"),
        ('msg: "{{ port }} {{ [name].prot }}"\n', "site.yml:1:28"),
    ],
)
def test_the_place_is_that_of_the_word(failing: Failing, text: str, where: str) -> None:
    assert failing(text).where == where


def test_where_the_variables_were_defined(failing: Failing) -> None:
    error = failing("msg: \"{{ name + 1 }}{{ port }}{{ inner | default('') }}\"\n")
    assert error.notes == ("'name' is defined at vars.yml:2:7", "'port' is defined at vars.yml:1:1")
    assert error.advice() == "; ".join(error.notes)


def test_a_chain_says_where_its_links_stand(failing: Failing) -> None:
    error = failing('msg: "{{ listen }}"\n')
    assert error.message == "'adress' is undefined" and error.needed_by == ("listen",)
    assert "'port' is defined at vars.yml:1:1" in error.notes
