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


class FilterModule:
    def filters(self):
        return {"shout": shout, "braces": braces, "counted": counted, "known_filter": known, "upper": lambda v: "own"}
