"""Which version of the agent this is: the package's build writes the file VERSION beside this one."""

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
