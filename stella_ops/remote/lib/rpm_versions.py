"""Versions of RPM packages compared, and the names that operators give packages by.

Source: the rpm manual, rpm-version(7) and rpmvercmp of rpm's own library.
"""

import re

_PARTS = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")
_RELATION = re.compile(r"^(\S+)\s+(<=|>=|==|=|<|>)\s+(\S+)$")


def compare(left, right):
    """-1, 0 or 1: how one version (or release) relates to another."""
    ours, theirs = _PARTS.findall(left), _PARTS.findall(right)
    for place in range(max(len(ours), len(theirs))):
        one = ours[place] if place < len(ours) else None
        two = theirs[place] if place < len(theirs) else None
        if one == two:
            continue
        if "~" in (one, two):  # older than anything, even than the end
            return -1 if one == "~" else 1
        if "^" in (one, two):  # newer than the end, older than anything else
            marked, other = (1, two) if one == "^" else (-1, one)
            return marked if other is None else -marked
        if one is None or two is None:
            return -1 if one is None else 1
        if one.isdigit() != two.isdigit():
            return 1 if one.isdigit() else -1
        if one.isdigit():
            first, second = int(one), int(two)
            if first != second:
                return 1 if first > second else -1
        else:
            return 1 if one > two else -1
    return 0


class Version(object):
    """Epoch, version and release; a release of None is any."""

    def __init__(self, text):
        epoch, colon, rest = text.rpartition(":")
        self.epoch = epoch if colon and epoch not in ("", "(none)") else "0"
        self.version, dash, release = rest.partition("-")
        self.release = release if dash else None

    def relates(self, other):
        """-1, 0 or 1; releases count only where both have one."""
        found = compare(self.epoch, other.epoch) or compare(self.version, other.version)
        if found or self.release is None or other.release is None:
            return found
        return compare(self.release, other.release)


def relation(spec):
    """Name, operator and ``Version`` of ``name >= 1.0``; None for any other spec."""
    told = _RELATION.match(spec.strip())
    return (told.group(1), told.group(2), Version(told.group(3))) if told else None


def holds(installed, operator, wanted):
    """Whether an installed ``Version`` is as an operator wants it."""
    found = installed.relates(wanted)
    return {
        "<": found < 0,
        "<=": found <= 0,
        ">": found > 0,
        ">=": found >= 0,
        "=": found == 0,
        "==": found == 0,
    }[operator]
