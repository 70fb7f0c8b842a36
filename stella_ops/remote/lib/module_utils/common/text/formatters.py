"""Sizes as people write them."""

import re

SIZE_RANGES = {letter: 1 << (10 * power) for power, letter in reversed(list(enumerate("BKMGTPEZY")))}

_PREFIXES = {
    "B": "",
    "K": "kilo",
    "M": "mega",
    "G": "giga",
    "T": "tera",
    "P": "peta",
    "E": "exa",
    "Z": "zetta",
    "Y": "yotta",
}


def lenient_lowercase(lst):
    """Text in lower case; what is no text stays as it is."""
    return [value.lower() if hasattr(value, "lower") else value for value in lst]


def human_to_bytes(number, default_unit=None, isbits=False):
    """The number of bytes (or bits) that ``1.5G`` or ``10 MB`` stand for.

    Raises:
        ValueError: it is no size.
    """
    found = re.search(r"^([0-9]*\.?[0-9]+)(?:\s*([A-Za-z]+))?\s*$", str(number))
    if found is None:
        raise ValueError("human_to_bytes() can't interpret following string: {}".format(number))
    amount = float(found.group(1))
    unit = found.group(2) or default_unit
    if unit is None:
        return round(amount)
    letter = unit[0].upper()
    if letter not in SIZE_RANGES:
        text = "human_to_bytes() failed to convert {} (unit = {}). The suffix must be one of {}"
        raise ValueError(text.format(number, unit, ", ".join(SIZE_RANGES)))
    word, short = ("bit", "b") if isbits else ("byte", "B")
    shorts = (short,) if letter == "B" else (letter + short,)
    if len(unit) > 1 and unit.lower() != _PREFIXES[letter] + word and unit not in shorts:
        expected = "expect {} or {}".format(*((short, word) if letter == "B" else (letter + short, letter)))
        text = "human_to_bytes() failed to convert {}. Value is not a valid string ({})"
        raise ValueError(text.format(number, expected))
    return round(amount * SIZE_RANGES[letter])


def bytes_to_human(size, isbits=False, unit=None):
    """``1536`` as ``1.50 KB``."""
    for letter, limit in SIZE_RANGES.items():
        if (unit is None and size >= limit) or (unit is not None and unit.upper() == letter):
            break
    else:
        letter, limit = "B", 1
    base = "bits" if isbits else "Bytes"
    suffix = base if limit == 1 else letter + ("b" if isbits else "B")
    return "{:.2f} {}".format(size / float(limit), suffix)
