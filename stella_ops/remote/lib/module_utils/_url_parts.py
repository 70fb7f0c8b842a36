"""The parts of a URL as old modules take them apart, and what there is not."""

from collections import namedtuple

HAS_GSSAPI = False

_NAMES = ("scheme", "netloc", "path", "params", "query", "fragment", "username", "password", "hostname", "port")


class Parts(namedtuple("Parts", _NAMES)):
    """What ``urlparse`` finds, and user, password, host and port, as one tuple."""

    def as_list(self):
        """The first six, of which ``urlunparse`` makes a URL again."""
        return list(self[:6])


def generic_urlparse(parts):
    """The parts of what ``urlparse`` found."""
    return Parts(*(getattr(parts, name) for name in _NAMES))
