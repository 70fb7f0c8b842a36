"""Connections to network devices, which ansible-core keeps open on the controller: there are none here.

What imports this for its exceptions works; what wants to talk through it fails, and says why.
"""

_WHY = "connections to network devices (network_cli, netconf, httpapi) are not supported"


class ConnectionError(Exception):
    """Something is wrong with a connection."""

    def __init__(self, message, **more):
        super().__init__(message)
        for name, value in more.items():
            setattr(self, name, value)


class Connection:
    """A connection to a device."""

    def __init__(self, socket_path):
        raise ConnectionError(_WHY, code=1)


def exec_command(module, command):
    """Run a command of the device: exit status, output, errors."""
    return 1, "", _WHY
