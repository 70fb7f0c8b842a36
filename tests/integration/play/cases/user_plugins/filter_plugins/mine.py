import copy

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.text.converters import to_text
from jinja2 import pass_environment


def shout(value, mark="!"):
    if not isinstance(value, str):
        raise AnsibleFilterError("shout: needs text")
    return to_text(value).upper() + mark


def braces(value):
    return "{{ " + value + " }}"


def counted(values):
    found = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return found


@pass_environment
def known(environment, name):
    return name in environment.filters


_TABLE = {"unit": [1]}
_calls = 0


def counting(value):
    global _calls
    _calls += 1
    _TABLE["unit"].append(value)
    return f"{_calls} {len(_TABLE['unit'])}"


def copied(value, deep=False):
    return (copy.deepcopy if deep else copy.copy)(value)


def changed(value):
    for each in list(value.values() if isinstance(value, dict) else value):
        if isinstance(each, dict | list):
            changed(each)
    if isinstance(value, dict):
        value["new"] = 1
    return value


class FilterModule:
    def filters(self):
        return {
            **{"shout": shout, "braces": braces, "counted": counted, "known_filter": known, "upper": lambda v: "own"},
            "counting": counting,
            **{"copied": copied, "changed": changed, "is_dict": lambda value: isinstance(value, dict)},
        }
