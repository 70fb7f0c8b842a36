"""The ``diff`` of a result: two texts of bounded size, and what to call them."""

LIMIT = 102400


def of_content(before, after, before_header, after_header):
    """A diff of two file contents.

    Args:
        before, after: bytes; None when there is no file. Pass at most ``LIMIT + 1`` bytes: what is longer is
            named, not shown, and so is what is no text.
        before_header, after_header: what to call each side; one that is not there is not called anything.
    """
    told = {
        "before": _shown(before),
        "after": _shown(after),
        "before_header": before_header,
        "after_header": after_header,
    }
    if before is None:
        del told["before_header"]
    return told


def of_attributes(path, before, after):
    """A diff of attributes: of each side the path and what the other has differently."""
    return {"before": _unlike(path, before, after), "after": _unlike(path, after, before)}


def _unlike(path, one, other):
    return dict({"path": path}, **{name: one[name] for name in one if name not in other or other[name] != one[name]})


def head(path):
    """The bytes of a file that a diff needs; None when it cannot be read."""
    try:
        with open(path, "rb") as source:
            return source.read(LIMIT + 1)
    except OSError:
        return None


def is_text(data):
    """True when bytes are UTF-8 text without NUL."""
    if b"\0" in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _shown(data):
    if data is None:
        return ""
    if len(data) > LIMIT:
        return "(longer than {} bytes, not shown)\n".format(LIMIT)
    return data.decode("utf-8") if is_text(data) else "(binary, {} bytes, not shown)\n".format(len(data))
