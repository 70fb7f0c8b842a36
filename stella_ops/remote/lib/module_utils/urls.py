"""Requests over HTTP(S) and FTP, by ``urllib``."""

import base64
import gzip
import http.client
import http.cookiejar as cookiejar
import netrc
import os
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from urllib.parse import unquote, urlparse, urlunparse

from stella_ops.remote.lib.module_utils._multipart import (  # noqa: F401 - for modules
    prepare_multipart,
    set_multipart_encoding,
)
from stella_ops.remote.lib.module_utils._url_handlers import (  # noqa: F401 - for modules
    HTTPRedirectHandler,
    UnixHTTPConnection,
    UnixHTTPHandler,
    make_context,
)
from stella_ops.remote.lib.module_utils._url_parts import HAS_GSSAPI, generic_urlparse  # noqa: F401 - for modules
from stella_ops.remote.lib.module_utils.common.text.converters import to_bytes, to_native

HAS_GZIP = True
HAS_SSL = True
HAS_SSLCONTEXT = True
_AGENT = "ansible-httpget"


class ConnectionError(Exception):
    """A connection failed."""


class ProxyError(ConnectionError):
    """A proxy refused."""


class SSLValidationError(ConnectionError):
    """A certificate is not to be trusted."""


class NoSSLError(SSLValidationError):
    """This Python has no TLS."""


class MissingModuleError(Exception):
    """A Python library is not there."""

    def __init__(self, message, import_traceback=None, module=None):
        super().__init__(message)
        self.import_traceback = import_traceback
        self.module = module


def mask_url(url):
    """A URL without user and password."""
    parsed = urlparse(url)
    if not parsed.username and not parsed.password:
        return url
    hidden = "****:****@" if parsed.password else "****@"
    return urlunparse(parsed._replace(netloc=hidden + parsed.netloc.rpartition("@")[2]))


def rfc2822_date_string(timetuple, zone="-0000"):
    """A time as headers have it."""
    return time.strftime("%a, %d %b %Y %H:%M:%S ", timetuple) + zone


def basic_auth_header(username, password):
    """The header by which a name and a password are shown."""
    pair = to_bytes("{}:{}".format(username, "" if password is None else password), errors="surrogate_or_strict")
    return b"Basic " + base64.b64encode(pair)


def _authentication(url, username, password, at_once, use_netrc):
    """URL without user, headers, handlers."""
    parsed = urlparse(url)
    if parsed.scheme == "ftp":
        return url, {}, []
    netloc = parsed.netloc
    if not username and "@" in netloc:
        given, _, netloc = netloc.rpartition("@")
        username, _, password = (unquote(part) for part in given.partition(":"))
        url = urlunparse(parsed._replace(netloc=netloc))
    if username and not at_once:
        known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        known.add_password(None, netloc, username, password)
        basic, digest = urllib.request.HTTPBasicAuthHandler, urllib.request.HTTPDigestAuthHandler
        return url, {}, [basic(known), digest(known)]
    if not username and use_netrc:
        try:
            login = netrc.netrc(os.environ.get("NETRC")).authenticators(parsed.hostname or "")
        except (OSError, netrc.NetrcParseError):
            login = None
        if login:
            username, _, password = login
    headers = {"Authorization": to_native(basic_auth_header(username, password))} if username else {}
    return url, headers, []


class Request(object):
    """Requests that share cookies, and defaults of everything ``open`` takes."""

    def __init__(
        self,
        headers=None,
        use_proxy=True,
        force=False,
        timeout=10,
        validate_certs=True,
        url_username=None,
        url_password=None,
        http_agent=None,
        force_basic_auth=False,
        follow_redirects="urllib2",
        client_cert=None,
        client_key=None,
        cookies=None,
        unix_socket=None,
        ca_path=None,
        unredirected_headers=None,
        decompress=True,
        ciphers=None,
        use_netrc=True,
        context=None,
    ):
        self.headers = headers or {}
        if not isinstance(self.headers, dict):
            raise ValueError("headers must be a dict: {!r}".format(self.headers))
        self.use_proxy = use_proxy
        self.force = force
        self.timeout = timeout
        self.validate_certs = validate_certs
        self.url_username = url_username
        self.url_password = url_password
        self.http_agent = http_agent
        self.force_basic_auth = force_basic_auth
        self.follow_redirects = follow_redirects
        self.client_cert = client_cert
        self.client_key = client_key
        self.cookies = cookies if isinstance(cookies, cookiejar.CookieJar) else cookiejar.CookieJar()
        self.unix_socket = unix_socket
        self.ca_path = ca_path
        self.unredirected_headers = unredirected_headers
        self.decompress = decompress
        self.ciphers = ciphers
        self.use_netrc = use_netrc
        self.context = context

    def open(self, method, url, data=None, headers=None, last_mod_time=None, use_gssapi=False, **given):
        """Send a request; the response. Raises what ``urllib`` raises.

        Args:
            data: bytes, text, or a file object.
            last_mod_time: the answer is wanted only where there is a newer one.
            given: what the constructor takes, for this request.
        """
        if use_gssapi:
            raise MissingModuleError("use_gssapi is not supported by this module_utils.urls")
        if headers is not None and not isinstance(headers, dict):
            raise ValueError("headers must be a dict")

        def setting(name):
            value = given.get(name)
            return getattr(self, name) if value is None else value

        unknown = sorted(set(given) - set(vars(self)))
        if unknown:
            raise TypeError("open() got an unexpected keyword argument '{}'".format(unknown[0]))
        headers = dict(self.headers, **(headers or {}))
        login = setting("url_username"), setting("url_password")
        url, more, handlers = _authentication(
            url, login[0], login[1], setting("force_basic_auth"), setting("use_netrc")
        )
        headers.update(more)
        if setting("unix_socket"):
            handlers.append(UnixHTTPHandler(setting("unix_socket")))
        if not setting("use_proxy"):
            handlers.append(urllib.request.ProxyHandler({}))
        context = setting("context")
        if context is None and urlparse(url).scheme == "https":
            context = make_context(
                cafile=setting("ca_path"),
                ciphers=setting("ciphers"),
                validate_certs=setting("validate_certs"),
                client_cert=setting("client_cert"),
                client_key=setting("client_key"),
            )
        if context is not None:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        handlers.append(HTTPRedirectHandler(setting("follow_redirects")))
        handlers.append(urllib.request.HTTPCookieProcessor(setting("cookies")))
        data = to_bytes(data, nonstring="passthru")
        request = urllib.request.Request(url, data=data, method=method.upper())
        if setting("http_agent"):
            request.add_header("User-agent", setting("http_agent"))
        if setting("force"):
            request.add_header("cache-control", "no-cache")
        elif last_mod_time:
            request.add_header("If-Modified-Since", rfc2822_date_string(last_mod_time.timetuple(), "GMT"))
        stay = [name.lower() for name in setting("unredirected_headers") or ()]
        for name, value in headers.items():
            (request.add_unredirected_header if name.lower() in stay else request.add_header)(name, value)
        response = urllib.request.build_opener(*handlers).open(request, None, setting("timeout"))
        if setting("decompress") and response.headers.get("content-encoding", "").lower() == "gzip":
            response.fp = gzip.GzipFile(fileobj=response.fp)
            # The length in the headers is that of what was sent.
            response.length = None
        return response

    def get(self, url, **kwargs):
        """A GET request."""
        return self.open("GET", url, **kwargs)

    def options(self, url, **kwargs):
        """An OPTIONS request."""
        return self.open("OPTIONS", url, **kwargs)

    def head(self, url, **kwargs):
        """A HEAD request."""
        return self.open("HEAD", url, **kwargs)

    def post(self, url, data=None, **kwargs):
        """A POST request."""
        return self.open("POST", url, data=data, **kwargs)

    def put(self, url, data=None, **kwargs):
        """A PUT request."""
        return self.open("PUT", url, data=data, **kwargs)

    def patch(self, url, data=None, **kwargs):
        """A PATCH request."""
        return self.open("PATCH", url, data=data, **kwargs)

    def delete(self, url, **kwargs):
        """A DELETE request."""
        return self.open("DELETE", url, **kwargs)


def open_url(url, data=None, headers=None, method=None, **kwargs):
    """Send one request; see ``Request.open``."""
    return Request().open(method or ("POST" if data else "GET"), url, data=data, headers=headers, **kwargs)


def url_argument_spec():
    """The parameters of a module that makes requests."""
    return {
        "url": {"type": "str"},
        "force": {"type": "bool", "default": False},
        "http_agent": {"type": "str", "default": _AGENT},
        "use_proxy": {"type": "bool", "default": True},
        "validate_certs": {"type": "bool", "default": True},
        "url_username": {"type": "str"},
        "url_password": {"type": "str", "no_log": True},
        "force_basic_auth": {"type": "bool", "default": False},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path"},
        "use_gssapi": {"type": "bool", "default": False},
    }


def url_redirect_argument_spec():
    """The parameter about redirections."""
    choices = ["all", "no", "none", "safe", "urllib2", "yes"]
    return {"follow_redirects": {"type": "str", "default": "safe", "choices": choices}}


def get_user_agent():
    """What requests call themselves."""
    return _AGENT


def fetch_url(
    module,
    url,
    data=None,
    headers=None,
    method=None,
    use_proxy=None,
    force=False,
    last_mod_time=None,
    timeout=10,
    use_gssapi=False,
    unix_socket=None,
    ca_path=None,
    cookies=None,
    unredirected_headers=None,
    decompress=True,
    ciphers=None,
    use_netrc=True,
):
    """Send a request by a module's own parameters (``url_argument_spec``).

    Returns:
        The response or None, and what is to be said of it: ``status`` (-1 where there was no answer), ``msg``,
        ``url``, ``body`` of an error, ``cookies`` and all headers in lower case.
    """
    params = module.params
    if not isinstance(cookies, cookiejar.CookieJar):
        cookies = cookiejar.CookieJar()
    info = {"url": mask_url(url), "status": -1}
    before, tempfile.tempdir = tempfile.tempdir, module.tmpdir
    response = None
    try:
        response = open_url(
            url,
            data=data,
            headers=headers,
            method=method,
            use_proxy=params.get("use_proxy", True) if use_proxy is None else use_proxy,
            force=force,
            last_mod_time=last_mod_time,
            timeout=timeout,
            validate_certs=params.get("validate_certs", True),
            url_username=params.get("url_username", ""),
            url_password=params.get("url_password", ""),
            http_agent=params.get("http_agent", _AGENT),
            force_basic_auth=params.get("force_basic_auth", False),
            follow_redirects=params.get("follow_redirects", "urllib2"),
            client_cert=params.get("client_cert"),
            client_key=params.get("client_key"),
            use_gssapi=params.get("use_gssapi", use_gssapi),
            cookies=cookies,
            unix_socket=unix_socket,
            ca_path=ca_path,
            unredirected_headers=unredirected_headers,
            decompress=decompress,
            ciphers=ciphers,
            use_netrc=use_netrc,
        )
        info.update(_headers(response))
        info["cookies"] = {cookie.name: cookie.value for cookie in cookies}
        info["cookies_string"] = "; ".join("{}={}".format(cookie.name, cookie.value) for cookie in cookies)
        length = response.headers.get("Content-Length", "unknown")
        info.update(msg="OK ({} bytes)".format(length), url=mask_url(response.geturl()), status=response.code)
    except (ConnectionError, MissingModuleError, ValueError) as problem:
        module.fail_json(msg=to_native(problem), **info)
    except urllib.error.HTTPError as problem:
        response = problem
        body = problem.read() if problem.fp is not None else ""
        if problem.fp is not None:
            problem.close()
            info.update({name.lower(): value for name, value in problem.info().items()})
        info.update(msg=to_native(problem), body=body, status=problem.code)
    except urllib.error.URLError as problem:
        info.update(msg="Request failed: {}".format(problem), status=int(getattr(problem, "code", -1)))
    except OSError as problem:
        info.update(msg="Connection failure: {}".format(problem), status=-1)
    except http.client.BadStatusLine as problem:
        text = "Connection failure: connection was closed before a valid response was received: {}"
        info.update(msg=text.format(problem.line), status=-1)
    except Exception as problem:
        text = "An unknown error occurred: {}".format(problem)
        info.update(msg=text, status=-1, exception=traceback.format_exc())
    finally:
        tempfile.tempdir = before
    return response, info


def _headers(response):
    """Headers by their names in lower case; those that come several times with commas between."""
    found = {}
    for name, value in response.headers.items():
        name = name.lower()
        found[name] = "{}, {}".format(found[name], value) if name in found else value
    return found


def fetch_file(
    module,
    url,
    data=None,
    headers=None,
    method=None,
    use_proxy=True,
    force=False,
    last_mod_time=None,
    timeout=10,
    **more,
):
    """Download to a file that is removed when the module ends; its path."""
    name, ending = os.path.splitext(os.path.basename(urlparse(url).path))
    target = tempfile.NamedTemporaryFile(dir=module.tmpdir, prefix=name, suffix=ending, delete=False)
    module.add_cleanup_file(target.name)
    try:
        response, info = fetch_url(module, url, data, headers, method, use_proxy, force, last_mod_time, timeout, **more)
        if not response or (response.code and response.code >= 400):
            module.fail_json(msg="Failure downloading {}, {}".format(mask_url(url), info["msg"]))
        with target:
            for piece in iter(lambda: response.read(65536), b""):
                target.write(piece)
    except Exception as problem:
        module.fail_json(msg="Failure downloading {}, {}".format(mask_url(url), to_native(problem)))
    return target.name


def get_response_filename(response):
    """The name that a response's file has."""
    found = response.headers.get_param("filename", header="content-disposition")
    if found:
        return os.path.basename(found)
    name = os.path.basename(urlparse(response.geturl()).path.rstrip("/"))
    return unquote(name) or None


def parse_content_type(response):
    """Content type, its two parts, and the charset."""
    found = (response.headers.get_content_type() or "application/octet-stream").split(",")[0]
    main, sub = found.split("/")
    return found, main, sub, (response.headers.get_param("charset") or "utf-8").split(",")[0]
