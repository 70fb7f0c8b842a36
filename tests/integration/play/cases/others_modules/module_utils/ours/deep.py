from ansible.module_utils.six import iteritems, string_types
from . import floor


def depth():
    return floor.LOWEST
