"""The parts of a URL as old modules take them apart, and what there is not."""

HAS_GSSAPI = False

_NAMES = ("scheme", "netloc", "path", "params", "query", "fragment", "username", "password", "hostname", "port")


class Parts(tuple):
    """What ``urlparse`` finds, and user, password, host and port, as one tuple; each is an attribute as well."""

    def __getattr__(self, name):
        if name not in _NAMES:
            raise AttributeError(name)
        return self[_NAMES.index(name)]

    def as_list(self):
        """The first six, of which ``urlunparse`` makes a URL again."""
        return list(self[:6])


def generic_urlparse(parts):
    """The parts of what ``urlparse`` found."""
    return Parts(getattr(parts, name) for name in _NAMES)
