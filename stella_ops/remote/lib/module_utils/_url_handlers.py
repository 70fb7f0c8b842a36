"""How requests go out: through UNIX sockets, after redirections, and what TLS checks."""

import http.client
import socket
import ssl
import urllib.error
import urllib.request

from stella_ops.remote.lib.module_utils.common.collections import is_sequence
from stella_ops.remote.lib.module_utils.common.text.converters import to_native


class UnixHTTPConnection(http.client.HTTPConnection):
    """HTTP through a UNIX socket."""

    def __init__(self, unix_socket):
        self._unix_socket = unix_socket

    def __call__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        return self

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.connect(self._unix_socket)
        except OSError as problem:
            raise OSError("Invalid Socket File ({}): {}".format(self._unix_socket, problem))
        if self.timeout is not None and self.timeout is not getattr(socket, "_GLOBAL_DEFAULT_TIMEOUT", None):
            self.sock.settimeout(self.timeout)


class UnixHTTPHandler(urllib.request.HTTPHandler):
    """Sends requests through a UNIX socket."""

    def __init__(self, unix_socket):
        super().__init__()
        self._unix_socket = unix_socket

    def http_open(self, req):
        return self.do_open(UnixHTTPConnection(self._unix_socket), req)


class HTTPRedirectHandler(urllib.request.HTTPRedirectHandler):
    """Follows redirections as ``follow_redirects`` says: all, safe (GET and HEAD only), none or urllib2."""

    # Python 3.11 is the first to know 308.
    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302

    def __init__(self, follow_redirects=None):
        self.follow_redirects = follow_redirects

    def redirect_request(self, req, fp, code, msg, hdrs, newurl):
        follow, method = self.follow_redirects, req.get_method()
        if follow in ("urllib2", "urllib"):
            return super().redirect_request(req, fp, code, msg, hdrs, newurl)
        if follow in ("no", "none", False):
            raise urllib.error.HTTPError(newurl, code, msg, hdrs, fp)
        may = follow in ("all", "yes", True) or (follow == "safe" and method in ("GET", "HEAD"))
        if not may or not 300 <= code < 400:
            raise urllib.error.HTTPError(req.get_full_url(), code, msg, hdrs, fp)
        data, headers = req.data, req.headers
        if code not in (307, 308):
            about_body = ("content-length", "content-type", "transfer-encoding")
            data, headers = None, {k: v for k, v in req.headers.items() if k.lower() not in about_body}
            # RFC 9110, 15.4.4; for 301 and 302 it is what browsers do.
            if (code in (302, 303) and method != "HEAD") or (code == 301 and method == "POST"):
                method = "GET"
        return urllib.request.Request(
            newurl.replace(" ", "%20"),
            data=data,
            headers=headers,
            origin_req_host=req.origin_req_host,
            unverifiable=True,
            method=method.upper(),
        )


def make_context(
    cafile=None, cadata=None, capath=None, ciphers=None, validate_certs=True, client_cert=None, client_key=None
):
    """What TLS is to check and to show."""
    if ciphers is not None and not is_sequence(ciphers):
        raise TypeError("Ciphers must be a list. Got {}.".format(type(ciphers).__name__))
    context = ssl.create_default_context(cafile=cafile)
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif not cafile and (cadata or capath):
        context.load_verify_locations(capath=capath, cadata=bytes(cadata) if cadata else None)
    if ciphers:
        context.set_ciphers(":".join(to_native(cipher) for cipher in ciphers))
    if client_cert:
        context.load_cert_chain(client_cert, keyfile=client_key)
    return context
