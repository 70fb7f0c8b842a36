"""Files that a host itself fetches from the web: whole, or not at all."""

import os
import socket

from stella_ops.remote.lib.task import ModuleFailure, without_password

_CHUNK = 262144


def fetch(url, path=None, timeout=30, limit=None, failure="cannot fetch {url}: {why}", verify=True):
    """Get what a URL holds.

    Args:
        url: http, https, ftp or file; proxies come from the environment.
        path: a file to write it to; None to have it returned as bytes.
        timeout: seconds without an answer.
        limit: the most bytes that are taken.
        failure: what is said where it cannot be had; in it may stand ``url``, ``error`` (urllib's own words) and
            ``why`` (the same, with what kind of failure it is before it).
        verify: whether the server's certificate is checked.

    Raises:
        ModuleFailure: it cannot be had.
    """
    import http.client
    import urllib.error
    import urllib.request

    shown = without_password(url)
    request = urllib.request.Request(url, headers={"User-Agent": "stella-ops"})
    taken = 0
    parts = []
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=None if verify else _believing()) as answer:
            target = open(path, "wb") if path else None
            try:
                for piece in iter(lambda: answer.read(_CHUNK), b""):
                    taken += len(piece)
                    if limit is not None and taken > limit:
                        raise ModuleFailure("{} is larger than {} bytes".format(shown, limit))
                    if target is not None:
                        target.write(piece)
                    else:
                        parts.append(piece)
            finally:
                if target is not None:
                    target.close()
    except urllib.error.HTTPError as error:
        raise ModuleFailure(failure.format(url=shown, error=error, why=error))
    except (OSError, ValueError, socket.timeout, http.client.HTTPException) as error:
        raise ModuleFailure(failure.format(url=shown, error=error, why="Request failed: {}".format(error)))
    return None if path else b"".join(parts)


def _believing():
    """TLS that believes any server."""
    from stella_ops.remote.lib import web

    return web.tls_context({"validate_certs": False})


def base_name(url):
    """The last part of a URL's path; empty when there is none."""
    import urllib.parse

    return os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(url).path))
