"""Permission bits: read from what people write, the way chmod(1) of GNU coreutils reads them.

A mode is an octal string ("0644", "u" forms like "u=rw,g=r,o="), or an int that is the mode itself (YAML's
``0644`` arrives as 420). Symbolic clauses are relative to the bits a file has.
"""

import os

ALL = 0o7777
_CLASSES = {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": ALL}
_LETTERS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}
_SHIFTS = {"u": 6, "g": 3, "o": 0}
# Decimals of four digits that look like modes people want, and as bits are none (2755 is 05303).
_LOST_QUOTES = frozenset([1755, 1770, 1777, 2750, 2755, 2770, 2775, 2777])
_CLAUSE = r"([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]|[0-7]+))+)\Z"
_CHANGE = r"([-+=])([ugo](?=[-+=]|\Z)|[0-7]+|[rwxXst]*)"


class ModeError(ValueError):
    """A mode that cannot be read; the text is meant for an operator."""


def resolve(mode, current, is_directory, umask=None):
    """The permission bits a file is to have.

    Args:
        mode: as people write it; see the module docstring.
        current: bits the file has now (for symbolic clauses).
        is_directory: True for directories, where ``X`` always counts and set-id bits outlast ``=``.
        umask: bits that clauses without ``u``, ``g``, ``o`` or ``a`` leave alone; the process's own if None.

    Raises:
        ModeError: the mode makes no sense.
    """
    if isinstance(mode, bool) or not isinstance(mode, (int, str)):
        raise ModeError("mode must be text like '0644' or 'u=rw,g=r', not {!r}".format(mode))
    if isinstance(mode, int):
        return _from_int(mode)
    text = mode.strip()
    digits = text[2:] if text.startswith("0o") else text
    if is_octal(digits):
        number = int(digits, 8)
        if number > ALL:
            raise ModeError("mode '{}' has more than the twelve permission bits".format(mode))
        return number
    if not text or text[0].isdigit():
        raise ModeError("mode '{}' is not an octal number".format(mode))
    bits = current & ALL
    if umask is None:
        umask = current_umask()
    import re  # symbolic modes are rare, and this takes longer to import than to use

    for clause in text.split(","):
        found = re.match(_CLAUSE, clause)
        if found is None:
            raise ModeError("mode '{}': cannot read '{}'; symbolic modes look like 'u=rwX,g-w,o='".format(mode, clause))
        for sign, what in re.findall(_CHANGE, found.group(2)):
            bits = _change(mode, bits, found.group(1), sign, what, is_directory, umask)
    return bits


def is_octal(text):
    """Whether a text is octal digits and nothing else."""
    return bool(text) and not text.strip("01234567")


def current_umask():
    """The process's umask; reading it means setting it for an instant."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def show(bits):
    """Bits as ``stat`` and ``find`` tell them: four octal digits."""
    return "{:04o}".format(bits & ALL)


def show_told(bits):
    """Bits as results of what changes files have them: a zero, and three digits or four."""
    return "0{:03o}".format(bits & ALL)


def _from_int(mode):
    if not 0 <= mode <= ALL:
        raise ModeError("mode {} is not between 0 and 07777".format(mode))
    if mode in _LOST_QUOTES or (0o777 < mode < 800 and len(str(mode)) == 3 and is_octal(str(mode))):
        # YAML reads an unquoted 644 as six hundred and forty-four, which is 01204 to the kernel.
        raise ModeError('mode {0} is a decimal number; write "0{0}" with quotes'.format(mode))
    return mode


def _change(mode, bits, who, sign, what, is_directory, umask):
    reach = 0
    for letter in who:
        reach |= _CLASSES[letter]
    named = None
    if what[:1] in _SHIFTS:
        three = bits >> _SHIFTS[what] & 7
        value = three * 0o111
    elif what[:1].isdigit():
        if who:
            raise ModeError("mode '{}': '{}' cannot stand before an octal number".format(mode, who))
        value = int(what, 8)
        if value > ALL:
            raise ModeError("mode '{}' has more than the twelve permission bits".format(mode))
        reach = named = ALL
    else:
        value = 0
        for letter in what.replace("X", ""):
            value |= _LETTERS[letter]
        named = value & reach if reach else value
        if "X" in what and (is_directory or bits & 0o111):
            value |= 0o111
    if named is None:
        named = 0
    # A directory keeps its set-user-id and set-group-id bits unless a clause names them (coreutils manual,
    # "Directories and the Set-User-ID and Set-Group-ID Bits").
    kept = 0o6000 & ~named if is_directory else 0
    value &= (reach if reach else ~umask) & ~kept
    if sign == "+":
        return bits | value
    if sign == "-":
        return bits & ~value
    untouched = (~reach if reach else 0) | kept
    return (bits & untouched | value) & ALL
