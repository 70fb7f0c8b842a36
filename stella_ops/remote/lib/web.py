"""HTTP(S), FTP and file URLs for ``get_url``, ``uri`` and ``unarchive``, by urllib with what their arguments ask for.

Whatever can be answered is a ``Response``, also an error status; ``WebError`` is for what got no answer.
"""

import contextlib
import email.message
import email.utils
import gzip
import http.client
import os
import posixpath
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request

from stella_ops.remote.lib.task import ModuleFailure, without_password

# What every module that asks a server takes: ``**URL_OPTIONS`` in its ARGUMENTS (``stella_ops/module_source.py``).
URL_OPTIONS = {
    "force": {
        "type": "bool",
        "default": False,
        "aliases": ["thirsty"],
        "doc": "Ask even when nothing is newer.",
    },
    "use_proxy": {"type": "bool", "default": True, "doc": "Use the proxy that the environment names."},
    "validate_certs": {"type": "bool", "default": True, "doc": "Check certificates."},
    "url_password": {
        "type": "str",
        "aliases": ["password"],
        "no_log": True,
        "doc": "The password for HTTP authentication.",
    },
    "force_basic_auth": {"type": "bool", "default": False, "doc": "Send user and password without being asked."},
    "client_cert": {"type": "path", "doc": "A PEM file with a client certificate, and maybe its key."},
    "client_key": {"type": "path", "doc": "A PEM file with the key of client_cert."},
    "use_gssapi": {"type": "bool", "default": False, "doc": "Not supported."},
    "unredirected_headers": {
        "type": "list",
        "elements": "str",
        "default": [],
        "doc": "Headers not to send again after a redirection.",
    },
    "decompress": {"type": "bool", "default": True, "doc": "Unpack an answer that came as gzip."},
    "ciphers": {"type": "list", "elements": "str", "doc": "TLS ciphers, in OpenSSL's names."},
    "use_netrc": {"type": "bool", "default": True, "doc": "Take user and password from ~/.netrc when none are given."},
}

AGENT = "ansible-httpget"
_CHUNK = 1048576


class WebError(ModuleFailure):
    """No answer came; the text says why."""


class UrlError(WebError):
    """What was to be asked for is no URL; ansible-core's words, alone."""


class Response(object):
    """An answer.

    Attributes:
        status: the number; None for URLs that are not HTTP.
        url: where it came from in the end.
        headers: by lower-case names; several of one name joined by ", ".
        msg: a sentence in ansible-core's words.
        cookies: name to value.
        stream: a binary file object with the body.
    """

    def __init__(self, raw, msg, decompress):
        self.status = getattr(raw, "code", None) or getattr(raw, "status", None)
        self.url = raw.geturl()
        self.msg = msg
        self.headers = {}
        self.cookies = {}
        for name, value in raw.headers.items():
            name = name.lower()
            self.headers[name] = self.headers[name] + ", " + value if name in self.headers else value
            if name == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key.strip()] = rest.split(";")[0].strip().strip('"')
        self.stream = raw
        if decompress and self.headers.get("content-encoding", "").lower() == "gzip":
            self.stream = gzip.GzipFile(fileobj=raw)

    def info(self):
        """What ansible-core tells of an answer."""
        told = dict(self.headers)
        told.update(url=self.url, status=self.status, msg=self.msg)
        if self.status is not None and self.status >= 300:
            return told
        told["cookies"] = self.cookies
        told["cookies_string"] = "; ".join("{}={}".format(name, value) for name, value in self.cookies.items())
        return told


def fetch(url, method="GET", data=None, headers=None, since=None, options=None):
    """Ask for a URL.

    Args:
        data: bytes or a binary file object; None for no body.
        headers: name to value.
        since: seconds since the epoch: only what is newer is wanted (the status is 304 else).
        options: arguments of the module; those that are missing have ansible-core's defaults.

    Returns:
        ``Response``.

    Raises:
        WebError: there is no answer.
    """
    options = options or {}
    url, user, password = _credentials(url, options)
    if options.get("use_gssapi"):
        raise WebError("use_gssapi is not supported: it needs a library beyond Python's own")
    sent = {"User-agent": options.get("http_agent") or AGENT}
    if options.get("force"):
        sent["Cache-control"] = "no-cache"
    elif since is not None:
        sent["If-modified-since"] = email.utils.formatdate(since, usegmt=True)
    if user is not None and options.get("force_basic_auth"):
        sent["Authorization"] = _basic(user, password)
    elif user is None and options.get("use_netrc", True):
        sent.update(_from_netrc(url))
    for name, value in (headers or {}).items():
        sent[str(name).capitalize()] = str(value)
    unredirected = {str(name).lower() for name in options.get("unredirected_headers") or ()}
    try:
        request = urllib.request.Request(url, data=data, method=method)
    except ValueError as error:
        raise UrlError(str(error), status=-1, url=url)
    for name, value in sent.items():
        (request.add_unredirected_header if name.lower() in unredirected else request.add_header)(name, value)
    opener = _opener(url, user, password, options)
    try:
        raw = opener.open(request, timeout=options.get("timeout") or 10)
    except urllib.error.HTTPError as error:
        return Response(error, "HTTP Error {}: {}".format(error.code, error.msg), options.get("decompress", True))
    except urllib.error.URLError as error:
        raise WebError("Request failed: {}".format(error), status=-1, url=url)
    except http.client.BadStatusLine as error:
        words = "Connection failure: connection was closed before a valid response was received: {}"
        raise WebError(words.format(error), status=-1, url=url)
    except OSError as error:
        raise WebError("Connection failure: {}".format(error), status=-1, url=url)
    except (ValueError, http.client.HTTPException) as error:
        raise WebError("Request failed: {}".format(error), status=-1, url=url)
    size = raw.headers.get("Content-Length", "unknown")
    return Response(raw, "OK ({} bytes)".format(size), options.get("decompress", True))


def _credentials(url, options):
    """The URL without user and password, and those; the module's own come first."""
    parts = urllib.parse.urlsplit(url)
    user, password = options.get("url_username"), options.get("url_password")
    if "@" in parts.netloc:
        if user is None:
            user = urllib.parse.unquote(parts.username or "")
            password = urllib.parse.unquote(parts.password or "")
        url = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return url, user, password or ""


def _basic(user, password):
    import base64

    return "Basic " + base64.b64encode("{}:{}".format(user, password).encode("utf-8")).decode("ascii")


def _from_netrc(url):
    import netrc

    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(urllib.parse.urlsplit(url).hostname or "")
    except (OSError, netrc.NetrcParseError):
        return {}
    return {"Authorization": _basic(found[0], found[2])} if found else {}


def _opener(url, user, password, options):
    handlers = []  # type: list[urllib.request.BaseHandler]
    handlers.append(_Redirects(options.get("follow_redirects") or "urllib2"))
    if not options.get("use_proxy", True):
        handlers.append(urllib.request.ProxyHandler({}))
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=tls_context(options)))
    if user is not None:
        known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        known.add_password(None, url, user, password)
        handlers.append(urllib.request.HTTPBasicAuthHandler(known))
        handlers.append(urllib.request.HTTPDigestAuthHandler(known))
    if options.get("unix_socket"):
        handlers.append(_UnixHandler(options["unix_socket"]))
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


def tls_context(options):
    """What TLS is to check and to show, by options as ``fetch`` takes them.

    Raises:
        WebError: a file is missing or wrong.
    """
    context = ssl.create_default_context()
    try:
        if options.get("ca_path"):
            place = options["ca_path"]
            if os.path.isdir(place):
                context.load_verify_locations(capath=place)
            else:
                context.load_verify_locations(cafile=place)
        if not options.get("validate_certs", True):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if options.get("ciphers"):
            context.set_ciphers(":".join(options["ciphers"]))
        if options.get("client_cert"):
            context.load_cert_chain(options["client_cert"], options.get("client_key"))
    except (OSError, ssl.SSLError, ValueError) as error:
        raise WebError("TLS cannot be set up as asked: {}".format(error))
    return context


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections as ``follow_redirects`` says: all or yes, none or no, safe (GET and HEAD), urllib2."""

    def __init__(self, policy):
        self._policy = policy

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        """The next request; None or an error where there is to be none."""
        elsewhere = urllib.parse.urlsplit(newurl).netloc != urllib.parse.urlsplit(req.full_url).netloc
        if self._policy == "urllib2":
            following = super(_Redirects, self).redirect_request(req, fp, code, msg, headers, newurl)
            if following is not None and elsewhere:
                for name in _FOR_ONE_SERVER:
                    following.remove_header(name.capitalize())
            return following
        method = req.get_method()
        if self._policy in ("no", "none") or (self._policy == "safe" and method not in ("GET", "HEAD")):
            raise urllib.error.HTTPError(req.full_url, code, msg, headers, fp)
        data = req.data
        # RFC 9110, 15.4: only 307 and 308 keep the method for certain.
        if (code == 303 and method != "HEAD") or (code in (301, 302) and method == "POST"):
            method, data = "GET", None
        kept = {name: value for name, value in req.headers.items()}
        if data is None:
            kept = {name: value for name, value in kept.items() if name.lower() not in _OF_A_BODY}
        if elsewhere:
            kept = {name: value for name, value in kept.items() if name.lower() not in _FOR_ONE_SERVER}
        return urllib.request.Request(
            newurl.replace(" ", "%20"),
            data=data,
            headers=kept,
            method=method,
            origin_req_host=req.origin_req_host,
            unverifiable=True,
        )

    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302


# Another server has no business with the password.
_FOR_ONE_SERVER = ("authorization", "cookie")
_OF_A_BODY = ("content-length", "content-type", "transfer-encoding")


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket of the host itself."""

    def __init__(self, path, host, timeout=None, **more):
        http.client.HTTPConnection.__init__(self, host, timeout=timeout)
        self._path = path

    def connect(self):
        """Connect to the socket's path."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if self.timeout is not None:
            self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError as error:
            raise OSError("Invalid Socket File ({}): {}".format(self._path, error))


class _UnixHandler(urllib.request.HTTPHandler):
    def __init__(self, path):
        urllib.request.HTTPHandler.__init__(self)
        self._path = path

    def http_open(self, req):
        """Open an http URL over the socket."""
        return self.do_open(lambda host, **more: _UnixConnection(self._path, host, **more), req)


@contextlib.contextmanager
def download(task, url, options=None):
    """A URL's content as a private file, as long as the context lasts; fails the task when it cannot be had."""
    import shutil
    import tempfile

    failure = "Failure downloading {}, {}"
    try:
        answer = fetch(url, options=dict(task.args if options is None else options))
    except WebError as error:
        task.fail(failure.format(without_password(url), error))
    if answer.status not in (None, 200):
        task.fail(failure.format(without_password(url), answer.msg))
    folder = tempfile.mkdtemp(prefix="stella-")
    try:
        path = os.path.join(folder, "content")
        with open(path, "wb") as target:
            copy(answer, target)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def file_name(answer):
    """The name that the server gives the file, else that in the URL; never a path."""
    message = email.message.Message()
    message["content-disposition"] = answer.headers.get("content-disposition", "")
    name = message.get_param("filename", header="content-disposition")
    if isinstance(name, tuple):
        name = name[2]
    name = os.path.basename(name or "")
    if name in ("", ".", ".."):
        name = posixpath.basename(urllib.parse.urlsplit(answer.url).path)
    return name if name not in ("", ".", "..") else "index.html"


def copy(answer, target):
    """Write an answer's body to a binary file object.

    Raises:
        WebError: it ends too early.
    """
    size = 0
    try:
        for chunk in iter(lambda: answer.stream.read(_CHUNK), b""):
            size += len(chunk)
            target.write(chunk)
    except (http.client.HTTPException, socket.timeout, EOFError) as error:
        raise WebError("failed to create temporary content file: {}".format(error))
    told = answer.headers.get("content-length")
    if told is not None and told.isdigit() and not isinstance(answer.stream, gzip.GzipFile) and size != int(told):
        raise WebError("Incomplete read: {} bytes came where {} were announced".format(size, told))
