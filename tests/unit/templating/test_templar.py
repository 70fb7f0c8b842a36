from __future__ import annotations

from typing import Any

import pytest

from stella_ops.errors import TemplateError, UndefinedVariableError
from stella_ops.origins import Origin, SourceList, SourceMapping, SourceText
from stella_ops.source_files import load_yaml
from stella_ops.templating.omit import OMIT
from stella_ops.templating.templar import Templar

VARIABLES = """
number: 5
text: abc
nothing: null
words: [a, b]
app: {name: web, port: "{{ number + 8000 }}", url: "http://{{ app.name }}:{{ app.port }}/"}
twice: "{{ number * 2 }}"
alias: "{{ words }}"
equation: number == 5
deep: {equation: number == 6}
"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain", "plain"),
        ("{{ number }}", 5),
        ("{{ number }}\n", 5),
        (" {{ number }}", " 5"),
        ("{{ number }}{{ number }}", "55"),
        ("{{ twice + 1 }}", 11),
        ("{{ words }}", ["a", "b"]),
        ("{{ words }} and {{ true }}", "['a', 'b'] and True"),
        ("{{ nothing }}", None),
        ("x{{ nothing }}y", "xy"),
        ("{% if false %}x{% endif %}", None),
        ("{% if true %}{{ number }}{% endif %}", 5),
        ("{% for w in words %}{{ w }},{% endfor %}", "a,b,"),
        ("{{ app.url }}", "http://web:8005/"),
        ("{{ app }}", {"name": "web", "port": 8005, "url": "http://web:8005/"}),
        ("{{ alias | length }}", 2),
        ("{{ '[1, 2]' }}", "[1, 2]"),
        ("{{ 'True' }}", "True"),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ words | map('upper') }}", ["A", "B"]),
        ("{% set found = words | map('upper') %}{{ found }}{{ found }}", "['A', 'B']['A', 'B']"),
        ("{% macro m(a) %}{{ a }}{% endmacro %}{{ m(number) + 1 }}", 6),
        ("{% set l = [1] %}{% do l.append(2) %}{{ l }}", [1, 2]),
        ("{# nothing at all #}", None),
        ("{{ undefined_one | default(omit) }}", OMIT),
        ("x{{ omit }}", "x"),
        ("line one\nline {{ number }}\n", "line one\nline 5\n"),
        ("{% raw %}{{ number }}{% endraw %}", "{{ number }}"),
        ("{{ vars.number }}", 5),
        ("{{ vars['app'].port }}", 8005),
    ],
)
def test_values_keep_their_types(render, text: str, wanted: Any) -> None:
    made = render(text, VARIABLES, omit=OMIT)
    assert made == wanted
    assert type(made) is type(wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"""{{ 'ab' | regex_replace('(a)', '\1\1') }}""", "aab"),
        (r"""{{ "a\nb" }}""", r"a\nb"),
        (r"""{{ "say \"hi\"" }}""", r"say \"hi\""),
        (r"""{% set y = "a\nb" %}{{ y }}""", "a\nb"),
        (r"""{% if 'ab' is match('\w+$') %}{{ 'a\\b' }}{% endif %}""", r"a\\b"),
        ("{{ 'a\\n' }}\n\n", "a\\n\n"),
        (r"{% raw %}\{{ 'a\n' }}{% endraw %}{{ 'x' }}", r"\{{ 'a\n' }}x"),
    ],
)
def test_backslashes_as_ansible_has_them(render, text: str, wanted: str) -> None:
    assert render(text) == wanted


def test_only_what_the_operator_wrote_is_rendered() -> None:
    variables = {"fact": "{{ 1 + 1 }}", "result": {"stdout": "{{ lookup('pipe', 'false') }}"}}
    templar = Templar()
    place = Origin("p", 1)
    assert templar.render("{{ fact }}", variables) == "{{ fact }}"
    assert templar.render(SourceText("{{ fact }}", place), variables) == "{{ 1 + 1 }}"
    assert templar.render(SourceText("<{{ result.stdout }}>", place), variables) == "<{{ lookup('pipe', 'false') }}>"
    assert templar.render({"a": ["{{ fact }}"]}, variables) == {"a": ["{{ fact }}"]}
    # and a variable that hands a fact on does not make it a template
    handed = {**variables, "v": SourceText("{{ fact }}", place)}
    assert templar.render(SourceText("{{ v }}{{ v }}", place), handed) == "{{ 1 + 1 }}{{ 1 + 1 }}"
    assert templar.render_file("{{ v }}", "f.j2", handed) == "{{ 1 + 1 }}"


def test_results_are_plain_types() -> None:
    raw = load_yaml("a: ['{{ x }}', plain, {b: '{{ y }}'}]\nc: text", "v.yml")
    assert isinstance(raw, SourceMapping)
    assert isinstance(raw["a"], SourceList)
    variables = load_yaml("x: [1, {k: v}]\ny: {k: '{{ x[0] }}'}", "w.yml")
    made = Templar().render(raw, variables)
    assert made == {"a": [[1, {"k": "v"}], "plain", {"b": {"k": 1}}], "c": "text"}

    def types(value: Any) -> set[type]:
        inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        return {type(value)}.union(*map(types, inner))

    assert types(made) == {dict, list, str, int}


def test_variables_are_never_changed_by_a_template() -> None:
    variables = {"l": [1], "d": {"a": [1]}}
    text = "{% do l.append(2) %}{% do d.a.append(2) %}{% do d.update({'b': 1}) %}{{ l }}{{ d }}"
    made = Templar().render(SourceText(text, Origin("p", 1)), variables)
    assert made == "[1, 2]{'a': [1, 2], 'b': 1}"
    assert variables == {"l": [1], "d": {"a": [1]}}


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("number == 5", True),
        ("number == 5 and text is defined", True),
        ("nope is defined", False),
        ("nope | default(false)", False),
        ("not words", False),
        ("true", True),
        ("{{ number == 6 }}", False),
        ("{{ equation }}", True),
        ("{{ deep.equation }}", False),
        ("'n{{ number }}' == 'n5'", True),
        (" {{ said_no }} ", False),
        (r"text is match('\w+$')", True),
        ("words | select('equalto', 'a') | length == 1", True),
        ("{'a': {}}['a'] == {}", True),
    ],
)
def test_conditions(holds, condition: str, wanted: bool) -> None:
    assert holds(condition, VARIABLES, said_no="no") is wanted


LENIENT = [
    *[("text", True), ("nothing", False), ("words", True), ("'false'", False), ("'no'", False), ("said_no", False)],
    *[("{{ number }}", True), ("", True)],
]


@pytest.mark.parametrize(("condition", "wanted"), LENIENT)
def test_conditions_that_are_broken_and_allowed(condition: str, wanted: bool) -> None:
    text = SourceText(condition, Origin("t.yml", 4, 9))
    variables = {**load_yaml(VARIABLES, "v.yml"), "said_no": "no"}
    assert Templar(lenient=True).evaluate(text, variables) is wanted


@pytest.mark.parametrize(("value", "wanted"), [(True, True), (False, False)])
def test_conditions_that_are_values(value: Any, wanted: bool) -> None:
    assert Templar().evaluate(value, {}) is wanted


@pytest.mark.parametrize(
    ("value", "wanted"), [(True, True), (False, False), (None, False), (1, True), ("no", False), ([], False)]
)
def test_values_that_are_broken_conditions_and_allowed(value: Any, wanted: bool) -> None:
    assert Templar(lenient=True).evaluate(value, {}) is wanted


@pytest.mark.parametrize("value", [None, 1, [], {}])
def test_values_that_are_no_conditions(value: Any) -> None:
    with pytest.raises(TemplateError, match=r"must be strings|Empty conditional"):
        Templar().evaluate(value, {})


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{{ number }} == 5", "Syntax error in expression. Template delimiters are not supported in expressions"),
        (
            "{{ number }} == {{ number }}",
            "Syntax error in expression. Template delimiters are not supported in expressions",
        ),
        ("number", r"Conditional result \(True\) was derived from value of type 'int'"),
        ("''", r"Conditional result \(False\) was derived from value of type 'str'"),
        ("{{ [number] }}", r"Conditional result \(True\) was derived from value of type 'list'"),
        ("", "Empty conditional expressions are not allowed"),
        ("number ==", "Syntax error in expression: unexpected 'end of template'"),
        ("number 5", "Syntax error in expression: chunk after expression"),
        ("nope", "'nope' is undefined"),
        ("number > 'a'", "not supported between"),
    ],
)
def test_conditions_that_are_wrong(condition: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message) as caught:
        Templar().evaluate(SourceText(condition, Origin("t.yml", 4, 9)), {"number": 5}, what="until")
    assert caught.value.where == "t.yml:4:9"


def test_a_view_is_rendered_once_for_many_calls() -> None:
    calls: list[int] = []

    def counted() -> int:
        calls.append(1)
        return len(calls)

    variables = {"n": SourceText("{{ counted() }}", Origin("v", 1)), "counted": counted}
    templar = Templar()
    text = SourceText("{{ n }}", Origin("p", 1))
    view = templar.lazy(variables)
    assert [templar.render(text, view), templar.render(text, view)] == [1, 1]
    assert templar.evaluate(SourceText("n == 1", Origin("p", 1)), view)
    assert templar.render(text, variables) == 2


def test_hostvars_are_rendered_with_the_variables_of_their_host() -> None:
    templar = Templar()
    place = Origin("h", 1)
    hosts = {name: {"me": name, "url": SourceText("http://{{ me }}/", place)} for name in ("a", "b")}
    variables = {"me": "a", "hostvars": {name: templar.lazy(each) for name, each in hosts.items()}}
    text = SourceText("{{ me }} {{ hostvars.b.url }} {{ hostvars['a']['url'] }}", place)
    assert templar.render(text, variables) == "a http://b/ http://a/"
    text = SourceText("{{ hostvars.values() | map(attribute='url') }}", place)
    assert templar.render(text, variables) == ["http://a/", "http://b/"]
    with pytest.raises(UndefinedVariableError) as caught:
        templar.render(SourceText("{{ hostvars.b.ulr }}", place), variables)
    assert caught.value.hint == "did you mean 'url'?"


def test_two_hosts_that_need_each_other() -> None:
    class Hosts(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            other = "b" if name == "a" else "a"
            raw = {"v": SourceText(f"{{{{ hostvars['{other}'].v }}}}", Origin("h", 1)), "hostvars": self}
            return templar.lazy(raw)

        def __contains__(self, name: object) -> bool:
            return True

    from collections.abc import Mapping

    class View(Mapping[str, Any]):
        def __getitem__(self, name: str) -> Any:
            other = "b" if name == "a" else "a"
            text = SourceText(f"{{{{ hostvars['{other}'].v }}}}", Origin("h", 1))
            return templar.lazy({"v": text, "hostvars": self})

        def __iter__(self) -> Any:
            return iter("ab")

        def __len__(self) -> int:
            return 2

    templar = Templar()
    with pytest.raises(TemplateError, match="levels deep"):
        templar.render(SourceText("{{ hostvars.a.v }}", Origin("p", 1)), {"hostvars": View()})


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ number.__class__.__mro__ }}",
        "{{ words.__init__.__globals__ }}",
        "{{ ''['__class__'] }}",
        "{{ words | attr('__class__') }}",
        "{{ '{0.__class__}'.format(number) }}",
        "{{ app._stella_scope }}",
        "{{ lookup.__globals__ }}",
    ],
)
def test_the_sandbox(render, text: str) -> None:
    with pytest.raises(TemplateError):
        render(text, VARIABLES)


def test_a_place_for_texts_without_their_own() -> None:
    text = SourceText("{{ nope }}", None)  # type: ignore[arg-type]
    with pytest.raises(UndefinedVariableError) as caught:
        Templar().render(text, {}, where=Origin("given.yml", 3))
    assert caught.value.where == "given.yml:3"
