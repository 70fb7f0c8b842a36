"""Classes and their heirs."""


def get_all_subclasses(cls):
    """All classes that descend from a class, at any depth."""
    found, waiting = set(), list(cls.__subclasses__())
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(each.__subclasses__())
    return found
