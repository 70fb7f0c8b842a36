"""What an operator is told: what, where, and what was perhaps meant."""

from __future__ import annotations

import pytest

from stella_ops.errors import TemplateError, UndefinedVariableError

VARIABLES = """
db_host: db1
url: "http://{{ db_hots }}/"
config: {link: "{{ url }}"}
site: "{{ config.link }}"
app: {name: web, port: 80}
words: [a, b]
one: "{{ two }}"
two: "{{ three.x }}"
three: {x: "{{ one }}"}
own: "{{ own }}"
broken: "{{ 1 + }}"
many: |
  first
  {{ nope }}
fails: "{{ 1 / 0 }}"
"""


CIRCLE = "Recursive loop detected in template: the variable "
UNEXPECTED = "Syntax error in template: unexpected 'end of print statement'"
NO_FILTER = "Syntax error in template: No filter named 'uper'."
MANDATORY = "The filter plugin 'ansible.builtin.mandatory' failed"


@pytest.mark.parametrize(
    ("text", "where", "message", "hint"),
    [
        ("{{ db_hots }}", "site.yml:9:5", "'db_hots' is undefined", "did you mean 'db_host'?"),
        ("{{ zzz }}", "site.yml:9:5", "'zzz' is undefined", None),
        ("{{ url }}", "vars.yml:3:6", "'db_hots' is undefined", "did you mean 'db_host'?"),
        (
            "{{ site }}",
            "vars.yml:3:6",
            "'db_hots' is undefined",
            "did you mean 'db_host'?",
        ),
        ("{{ app.prot }}", "site.yml:9:5", "object of type 'dict' has no attribute 'prot'", "did you mean 'port'?"),
        ("{{ app.zzzzz }}", "site.yml:9:5", "object of type 'dict' has no attribute 'zzzzz'", "it has: name, port"),
        ("{{ app['x'].y.z }}", "site.yml:9:5", "object of type 'dict' has no attribute 'x'", "it has: name, port"),
        ("{{ words[5] }}", "site.yml:9:5", "object of type 'list' has no attribute 5", "the list has 2 elements"),
        ("{{ app.name.first }}", "site.yml:9:5", "object of type 'str' has no attribute 'first'", None),
        ("{{ nope.a.b.c }}", "site.yml:9:5", "'nope' is undefined", None),
        ("{{ nope + 1 }}", "site.yml:9:5", "'nope' is undefined", None),
        ("{{ nope | upper }}", "site.yml:9:5", "'nope' is undefined", None),
        ("{{ app | combine(nope) }}", "site.yml:9:5", "'nope' is undefined", None),
        ("{{ {'a': [nope]} }}", "site.yml:9:5", "'nope' is undefined", None),
        ("{{ nope() }}", "site.yml:9:5", "'nope' is undefined", None),
        ("{% for x in nope %}{% endfor %}", "site.yml:9:5", "'nope' is undefined", None),
        ("a\nb\n{{ nope }}", "site.yml:12", "'nope' is undefined", None),
        ("{{ many }}", "vars.yml:15", "'nope' is undefined", None),
        ("{{ one }}", "vars.yml:8:6", CIRCLE + "'one' needs itself: one → two → three.x → one", None),
        ("{{ one | default(1) }}", "vars.yml:8:6", CIRCLE + "'one' needs itself: one → two → three.x → one", None),
        ("{{ own.x }}", "vars.yml:11:6", CIRCLE + "'own' needs itself: own → own", None),
        ("{{ broken }}", "vars.yml:12:9", UNEXPECTED, None),
        ("{{ broken is defined }}", "vars.yml:12:9", UNEXPECTED, None),
        ("{{ fails }}", "vars.yml:16:8", "Error rendering template: division by zero", None),
        ("{{ 'a' | uper }}", "site.yml:9:5", NO_FILTER, "did you mean 'upper'?"),
        (
            "{{ 'a' is defind }}",
            "site.yml:9:5",
            "Syntax error in template: No test named 'defind'.",
            "did you mean 'defined'?",
        ),
        (
            "{{ lookup('enf', 'A') }}",
            "site.yml:9:5",
            "The lookup plugin 'enf' was not found.",
            "did you mean 'env'?",
        ),
        ("{% if a %}", "site.yml:9:5", None, None),
        ("{{ 'a' | from_json }}", "site.yml:9:5", None, None),
        ("{{ undef('say who') }}", "site.yml:9:5", "say who", None),
        ("{{ nope | mandatory }}", "site.yml:9:5", f"{MANDATORY}: Mandatory variable 'nope' not defined.", None),
        ("{{ nope | mandatory('set nope') }}", "site.yml:9:5", f"{MANDATORY}: set nope", None),
    ],
)
def test_what_is_told(render, text: str, where: str, message: str | None, hint: str | None) -> None:
    with pytest.raises(TemplateError) as caught:
        render(text, VARIABLES)
    assert caught.value.where == where
    if message is not None:
        assert caught.value.message == message
        assert caught.value.hint == hint


def test_the_undefined_name_is_known(render) -> None:
    with pytest.raises(UndefinedVariableError) as caught:
        render("{{ site }}", VARIABLES)
    assert caught.value.name == "db_hots"
    assert caught.value.needed_by == ("url", "config.link", "site")
    assert "it is needed for 'url' for 'config.link' for 'site'" in str(caught.value.advice())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{ nope is defined }}", False),
        ("{{ nope is undefined }}", True),
        ("{{ nope.a.b is defined }}", False),
        ("{{ app.x.y | default('d') }}", "d"),
        ("{{ nope['x'][0] | d('d') }}", "d"),
        ("{{ site | default('d') }}", "d"),
        ("{{ site is defined }}", False),
        ("{{ config is defined }}", True),
        ("{{ '' | default('d') }}", ""),
        ("{{ '' | default('d', true) }}", "d"),
        ("{{ words | first }}{{ [] | first | default('-') }}", "a-"),
        ("{{ app.name if app.name is defined else nope }}", "web"),
        ("{{ 'x' if true else one }}", "x"),  # what is not used may even need itself
        ("{{ words[7] | default('d') }}", "d"),
        ("{{ nope | type_debug }}", "UndefinedMarker"),
        ("{{ app.port | mandatory }}", 80),
    ],
)
def test_asking_about_what_is_not_there(render, text: str, wanted: object) -> None:
    assert render(text, VARIABLES) == wanted
