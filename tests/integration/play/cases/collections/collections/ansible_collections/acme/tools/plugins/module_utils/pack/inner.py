from ..words import greeting
from ansible_collections.acme.other.plugins.module_utils.far import AWAY


def double(name):
    return [greeting(name), greeting(name, AWAY)]
