"""Words that mean true and false."""

BOOLEANS_TRUE = frozenset(("y", "yes", "on", "1", "true", "t", 1, 1.0, True))
BOOLEANS_FALSE = frozenset(("n", "no", "off", "0", "false", "f", 0, 0.0, False))
BOOLEANS = BOOLEANS_TRUE.union(BOOLEANS_FALSE)


def boolean(value, strict=True):
    """True or False.

    Args:
        strict: False makes everything that is no word for true false.

    Raises:
        TypeError: a word that is neither.
    """
    if isinstance(value, bool):
        return value
    normal = value
    if isinstance(value, bytes):
        normal = value.decode("utf-8", "surrogateescape")
    if isinstance(normal, str):
        normal = normal.lower().strip()
    try:
        if normal in BOOLEANS_TRUE:
            return True
        if normal in BOOLEANS_FALSE or not strict:
            return False
    except TypeError:
        # Not hashable.
        if not strict:
            return False
    known = ", ".join(repr(each) for each in sorted(BOOLEANS, key=str))
    raise TypeError("The value '{}' is not a valid boolean. Valid booleans include: {}".format(value, known))
