"""Messages to the service manager. Source: sd_notify(3)."""

import os


class Notifier(object):
    """Tells systemd that the agent is ready and alive; silent where there is no systemd."""

    def __init__(self, environment=None):
        environment = os.environ if environment is None else environment
        self._address = environment.get("NOTIFY_SOCKET") or ""
        self.watchdog_seconds = None
        meant = environment.get("WATCHDOG_PID")
        if self._address and (not meant or meant == str(os.getpid())):
            try:
                self.watchdog_seconds = int(environment.get("WATCHDOG_USEC", "")) / 1e6
            except ValueError:
                pass

    def send(self, *lines):
        """Send assignments such as ``READY=1``; whether somebody was there to be told."""
        if not self._address:
            return False
        import socket

        address = self._address
        if address.startswith("@"):  # a name in the abstract namespace
            address = "\0" + address[1:]
        try:
            sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                sender.sendto("\n".join(lines).encode("utf-8"), address)
            finally:
                sender.close()
        except OSError:
            return False
        return True
