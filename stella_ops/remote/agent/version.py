"""Which version of the agent this is: the package's build writes the file VERSION beside this one."""

import hashlib
import pkgutil

PROTOCOL = 1
SOURCE_VERSION = "0+source"


def version():
    """The version the package was built as; ``0+source`` when run from a source tree."""
    try:
        data = pkgutil.get_data("stella_ops.remote.agent", "VERSION")
    except OSError:
        data = None
    return data.decode("ascii").strip() if data else SOURCE_VERSION


def package_sha256():
    """Hex SHA-256 of the package file that this runs from; None when run from a source tree.

    Ask at once after the start: the file's name may stand for another package later.
    """
    archive = getattr(globals().get("__loader__"), "archive", None)
    if not isinstance(archive, str):
        return None
    try:
        with open(archive, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return None
