"""Filters, tests and lookups of installed collections, and what they import."""

from __future__ import annotations

import sys

import pytest

from stella_ops.errors import TemplateError

FILTERS = """
from ansible.errors import AnsibleFilterError
from ansible.module_utils.facts.utils import get_file_content
from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.a.b.plugins.plugin_utils.tools import double
from ansible_collections.a.b.plugins.module_utils.moved import WORD
from ..module_utils import near

calls = []

def missing(value, *more):
    raise AnsibleFilterError("Failed to import the required Python library (nothing) on here's Python /x.")

def later(value):
    from ansible.module_utils.six.moves.urllib.parse import quote
    from ansible.module_utils.basic import missing_required_lib
    return quote(value)

class FilterModule:
    def filters(self):
        return {
            "double": double, "word": lambda value: value + WORD + near.NEAR, "later": later,
            "snake": camel_dict_to_snake_dict, "content": get_file_content, "json_query": missing, "ipv4": missing,
            "named": lambda value: "by another file",
        }
"""
FILTERS_THAT_MOVED = """
class FilterModule:
    def filters(self):
        return {"gcp_kms_encrypt": lambda value: "moved " + value}
"""
FILES = {
    "a.b/plugins/filter/many.py": FILTERS,
    "a.b/plugins/filter/named.py": 'class FilterModule:\n    def filters(self): return {"named": lambda v: "own file"}',
    "a.b/plugins/filter/broken.py": "import nothing_like_that",
    "a.b/plugins/plugin_utils/tools.py": "def double(value):\n    return [value] * 2\n",
    "a.b/plugins/module_utils/near.py": "NEAR = '.'\n",
    "a.b/meta/runtime.yml": """
plugin_routing:
  filter: {twice: {redirect: a.b.double}, up: {redirect: ansible.builtin.upper}, gone: {tombstone: {}}}
  lookup: {old: {redirect: c.d.options}, value: {redirect: ansible.builtin.list}}
import_redirection:
  ansible_collections.a.b.plugins.module_utils.moved: {redirect: ansible_collections.c.d.plugins.module_utils.there}
""",
    "c.d/plugins/module_utils/there.py": "WORD = '!'\n",
    "c.d/plugins/doc_fragments/shared.py": """
class ModuleDocFragment:
    DOCUMENTATION = '''
options:
  speed: {type: int, default: 3, vars: [{name: c_d_speed}]}
'''
""",
    "c.d/plugins/lookup/options.py": """
DOCUMENTATION = '''
options:
  colour: {type: str, default: red}
extends_documentation_fragment: [c.d.shared]
'''
from ansible.plugins.lookup import LookupBase
from ansible.template import trust_as_template

class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        more = variables.copy()
        more["n"] = 20
        templar = self._templar.copy_with_new_env(available_variables=more)
        made = templar.evaluate_expression(trust_as_template("n + base"))
        return [self.get_option("colour"), self.get_option("speed"), made, variables["base"], *terms]
""",
    "c.d/plugins/test/odd.py": "class TestModule:\n    def tests(self): return {'odd': lambda value: value % 2 == 1}",
    "community.general/plugins/filter/mine.py": FILTERS.replace("..module", "ansible_collections.a.b.plugins.module"),
}


def test_filters(install, render) -> None:
    install(FILES)
    assert render("{{ 'x' | a.b.double }}") == render("{{ 'x' | a.b.twice }}") == ["x", "x"]
    assert render("{{ 'x' | a.b.word }}") == "x!."
    assert render("{{ 'x' | a.b.up }}") == "X"
    assert render("{{ 'a b' | a.b.later }}") == "a%20b"
    assert render("{{ {'aB': 1} | a.b.snake }}") == {"a_b": 1}
    assert render("{{ 1 | a.b.named }}") == "own file"


def test_tests_and_lookups(install, render) -> None:
    install(FILES)
    assert render("{{ [1, 2, 3] | select('c.d.odd') }}") == [1, 3]
    assert render("{{ query('c.d.options', 'x', colour='blue') }}", base=1) == ["blue", 3, 21, 1, "x"]
    assert render("{{ query('a.b.old', speed='5') }}", base=2) == ["red", 5, 22, 2]
    assert render("{{ query('c.d.options') }}", base=2, c_d_speed="7")[1] == 7
    assert render("{{ query('a.b.value', 1, 2) }}") == [1, 2]


def test_a_collection_comes_before_ours_unless_a_library_is_missing(install, render) -> None:
    assert render("{{ {'a': 1} | community.general.json_query('a') }}") == 1
    assert render("{{ {'a': 1} | ansible.builtin.json_query('a') }}") == 1
    install(FILES)
    assert render("{{ 'x' | community.general.double }}") == ["x", "x"]
    assert render("{{ {'a': 1} | community.general.json_query('a') }}") == 1
    with pytest.raises(TemplateError, match="Failed to import the required Python library"):
        render("{{ 'x' | a.b.json_query }}")


def test_short_names_of_filters_that_moved(install, render) -> None:
    install(FILES)
    with pytest.raises(TemplateError, match="No filter named 'gcp_kms_encrypt'"):
        render("{{ 'x' | gcp_kms_encrypt }}")
    install({"google.cloud/plugins/filter/gcp_kms_encrypt.py": FILTERS_THAT_MOVED})
    assert render("{{ 'x' | gcp_kms_encrypt }}") == "moved x"


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("{{ 1 | a.b.gone }}", "The 'a.b.gone' filter plugin has been removed", None),
        ("{{ 1 | a.b.none }}", "No filter named 'a.b.none'", "broken.py cannot be loaded: ModuleNotFoundError"),
        ("{{ 1 | x.y.none }}", "No filter named 'x.y.none'", "the collection 'x.y' is not installed"),
        ("{{ 1 is c.d.none }}", "No test named 'c.d.none'", "c/d/plugins/test"),
        ("{{ lookup('c.d.option') }}", "The lookup plugin 'c.d.option' was not found.", "did you mean 'options'?"),
    ],
)
def test_what_is_not_there(install, render, text: str, said: str, hint: str | None) -> None:
    install(FILES)
    with pytest.raises(TemplateError) as caught:
        render(text)
    assert said in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


def test_other_collections_are_other_plugins(install, render) -> None:
    install(FILES)
    assert render("{{ 1 | a.b.named }}") == "own file"
    install(
        {"a.b/plugins/filter/x.py": "class FilterModule:\n    def filters(self): return {'named': lambda v: 2}"},
        place="p",
    )
    assert render("{{ 1 | a.b.named }}") == 2


def test_nothing_of_ansible_stays_imported(install, render) -> None:
    install(FILES)
    render("{{ 'a b' | a.b.later }}")
    assert [name for name in sys.modules if name == "ansible" or name.startswith("ansible.")] == []


def test_loaders_lead_where_short_names_of_modules_moved(install, render) -> None:
    asking = """
from ansible.plugins.loader import action_loader, module_loader

class TestModule:
    def tests(self):
        return {"known": lambda name: any(each.find_plugin(name) for each in (action_loader, module_loader))}
"""
    there = {"community.general/plugins/modules/ufw.py": "", "a.b/plugins/test/known.py": asking}
    install({**FILES, **there, "community.general/meta/runtime.yml": "plugin_routing: {}"})
    names = ["ufw", "community.general.ufw", "onyx_pfc_interface", "file", "set_fact", "nobody", "a.b.ufw"]
    assert render("{{ names | select('a.b.known') }}", names=names) == [
        "ufw",
        "community.general.ufw",
        "file",
        "set_fact",
    ]


def test_short_names_of_lookups_that_moved(install, render) -> None:
    plain = "from ansible.plugins.lookup import LookupBase\n\nclass LookupModule(LookupBase):\n"
    plain += "    def run(self, terms, variables=None, **kwargs):\n        return ['found'] + terms\n"
    install({f"community.general/plugins/lookup/{name}.py": plain for name in ("dig", "cartesian", "random_string")})
    assert render("{{ query('dig', 'a') }}") == ["found", "a"]
    assert render("{{ query('cartesian', [1], [2]) }}") == [[1, 2]]  # ours answers for that one
    with pytest.raises(TemplateError, match="random_string"):
        render("{{ query('random_string') }}")
