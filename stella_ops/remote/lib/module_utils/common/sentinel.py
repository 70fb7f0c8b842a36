"""A value that is no other."""


class Sentinel(object):
    """Stands for itself; it cannot be made."""

    def __new__(cls):
        return cls
