"""Where the orchestrator is: at a URL, directly or through a proxy, or behind the tunnel's socket."""

import os
import socket

from stella_ops.remote.agent.problem import Problem
from stella_ops.remote.lib import agent_config

# Every server certificate of the fleet's CA holds this name beside its own ones.
TUNNEL_NAME = "orchestrator.stella-ops.internal"


class Endpoint(object):
    """One place to call.

    Attributes:
        url: as configured, or ``unix:`` and the path; what messages call it.
        host, port, path: the parts of the URL; for a socket the name that its server's certificate must hold.
        socket: path of the UNIX socket, or None.
        proxy: (host, port, headers) of the proxy to go through, or None.
    """

    def __init__(self, url, host, port, path="", unix=None, proxy=None):
        self.url = url
        self.host = host
        self.port = port
        self.path = path
        self.socket = unix
        self.proxy = proxy

    def __eq__(self, other):
        return isinstance(other, Endpoint) and (self.url, self.proxy) == (other.url, other.proxy)

    def __hash__(self):
        return hash(self.url)

    @classmethod
    def of_url(cls, url):
        """Raises Problem: it is not an https URL, or the environment names a proxy that cannot be used."""
        try:
            host, port, path = agent_config.split_orchestrator_url(url)
        except ValueError as problem:
            raise Problem("invalid-url", "the orchestrator's URL %s" % problem)
        return cls(url, host, port, path, proxy=_proxy_for(host, port))

    @classmethod
    def of_socket(cls, path):
        return cls("unix:" + path, TUNNEL_NAME, 443, unix=path)

    def open(self, seconds):
        """A connected stream socket to a socket or host; a proxy is not gone through here.

        Raises:
            OSError: nobody listens there, or not within ``seconds`` for each address of the host.
        """
        if self.socket is None:
            return socket.create_connection((self.host, self.port), seconds)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(seconds)
            connection.connect(self.socket)
        except OSError:
            connection.close()
            raise
        return connection


def endpoints(layout, url):
    """Where to try, in order: the tunnel while its socket is there, then the configured URL if there is one."""
    found = []
    if os.path.exists(layout.tunnel_socket):
        found.append(Endpoint.of_socket(layout.tunnel_socket))
    if url:
        found.append(Endpoint.of_url(url))
    return found


def _proxy_for(host, port):
    """What ``https_proxy`` and ``no_proxy`` mean for a host, as the standard library reads them."""
    if not any(name.lower() == "https_proxy" and value for name, value in os.environ.items()):
        return None
    import urllib.parse
    import urllib.request

    proxies = urllib.request.getproxies_environment()
    bypass = getattr(urllib.request, "proxy_bypass_environment")  # noqa: B009 (type stubs do not know it)
    if "https" not in proxies or bypass("%s:%d" % (host, port), proxies):
        return None
    text = proxies["https"]
    try:
        parts = urllib.parse.urlsplit(text if "://" in text else "http://" + text)
        place = (parts.hostname, parts.port or 3128)
    except ValueError:
        parts, place = None, (None, 0)
    if parts is None or parts.scheme != "http" or not place[0]:
        # The text is not repeated: there may be a password in it.
        raise Problem(
            "invalid-proxy",
            "the environment's https_proxy is not of the form http://HOST:PORT",
            "correct it, or name %s in no_proxy" % host,
        )
    headers = {}
    if parts.username is not None:
        import base64

        pair = "%s:%s" % (urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode("utf-8")).decode("ascii")
    return place + (headers,)
