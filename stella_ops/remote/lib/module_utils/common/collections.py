"""Tests of containers, and a mapping that cannot be changed."""

from collections.abc import Hashable, Mapping, MutableMapping, Sequence


class ImmutableDict(Hashable, Mapping):
    """A mapping that is hashable where its values are."""

    def __init__(self, *args, **kwargs):
        self._store = dict(*args, **kwargs)

    def __getitem__(self, key):
        return self._store[key]

    def __iter__(self):
        return iter(self._store)

    def __len__(self):
        return len(self._store)

    def __hash__(self):
        return hash(frozenset(self.items()))

    def __eq__(self, other):
        try:
            return hash(self) == hash(other)
        except TypeError:
            return False

    def __repr__(self):
        return "ImmutableDict({!r})".format(self._store)

    def union(self, overriding_mapping):
        """A new one, with the items of both."""
        return ImmutableDict(self._store, **overriding_mapping)

    def difference(self, subtractive_iterable):
        """A new one, without some keys."""
        return ImmutableDict((key, self._store[key]) for key in frozenset(self._store).difference(subtractive_iterable))


def is_string(seq):
    """Whether it is text or bytes."""
    return isinstance(seq, (str, bytes)) or getattr(seq, "__ENCRYPTED__", False)


def is_iterable(seq, include_strings=False):
    """Whether it can be walked through; strings count only when asked for."""
    if not include_strings and is_string(seq):
        return False
    try:
        iter(seq)
    except TypeError:
        return False
    return True


def is_sequence(seq, include_strings=False):
    """Whether it is a list or the like."""
    if not include_strings and is_string(seq):
        return False
    return isinstance(seq, Sequence)


def count(seq):
    """How often each element occurs."""
    if not is_iterable(seq):
        raise Exception("Argument provided  is not an iterable")
    counters = {}
    for element in seq:
        counters[element] = counters.get(element, 0) + 1
    return counters


__all__ = ["ImmutableDict", "Mapping", "MutableMapping", "Sequence", "count", "is_iterable", "is_sequence", "is_string"]
