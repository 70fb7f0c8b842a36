"""Versions that can be compared, as ``distutils.version`` had them."""

import functools
import re


@functools.total_ordering
class Version(object):
    """A version; its heirs say how it is read (``parse``), and what of it is compared."""

    def __init__(self, vstring=None):
        if vstring:
            self.parse(vstring)

    def __repr__(self):
        return "{} ('{}')".format(type(self).__name__, self)

    def parse(self, vstring):
        raise NotImplementedError

    def _key(self):
        raise NotImplementedError

    def _other(self, other):
        return type(self)(other) if isinstance(other, str) else other

    def __eq__(self, other):
        other = self._other(other)
        return self._key() == other._key() if isinstance(other, Version) else NotImplemented

    def __lt__(self, other):
        other = self._other(other)
        return self._key() < other._key() if isinstance(other, Version) else NotImplemented

    def __hash__(self):
        return hash(str(self))

    def _cmp(self, other):
        return -1 if self < other else int(self > other)


class LooseVersion(Version):
    """Any text: its numbers and words are compared one by one."""

    component_re = re.compile(r"(\d+ | [a-z]+ | \.)", re.VERBOSE)

    def parse(self, vstring):
        self.vstring = vstring
        parts = [part for part in self.component_re.split(vstring) if part and part != "."]
        self.version = [int(part) if part.isdigit() else part for part in parts]

    def __str__(self):
        return self.vstring

    def __repr__(self):
        return "LooseVersion ('{}')".format(self)

    def _key(self):
        return self.version


class StrictVersion(Version):
    """Two or three numbers, and an ``a`` or ``b`` with a number for what comes before a release."""

    version_re = re.compile(r"^(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?$", re.ASCII)

    def parse(self, vstring):
        found = self.version_re.match(vstring)
        if found is None:
            raise ValueError("invalid version number '{}'".format(vstring))
        major, minor, patch, letter, number = found.groups()
        self.version = (int(major), int(minor), int(patch or 0))
        self.prerelease = (letter, int(number)) if letter else None

    def __str__(self):
        numbers = self.version[:2] if self.version[2] == 0 else self.version
        ends = "{}{}".format(*self.prerelease) if self.prerelease else ""
        return ".".join(map(str, numbers)) + ends

    def _key(self):
        # A release comes after what was before it.
        return self.version, self.prerelease or ("z", 0)
