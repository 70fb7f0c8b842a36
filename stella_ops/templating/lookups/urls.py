"""``lookup('url', URL)``: what a web server says."""

from __future__ import annotations

import base64
import contextlib
import http.client
import netrc
import ssl
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from stella_ops.errors import TemplateError
from stella_ops.redaction import without_login
from stella_ops.templating.filters.text import boolean
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.lookups.inline import check_options
from stella_ops.templating.plugins.configured import set_anywhere
from stella_ops.templating.scope import NOT_THERE

_OPTIONS: dict[str, Any] = {
    **{"validate_certs": True, "split_lines": True, "use_proxy": True, "username": None, "password": None},
    **{"headers": {}, "force": False, "timeout": 10, "http_agent": "ansible-httpget", "force_basic_auth": False},
    **{"follow_redirects": "urllib2", "use_netrc": True, "ca_path": None, "unredirected_headers": [], "ciphers": []},
}
# What options are called in variables and the environment, and in ``ansible.cfg`` where that is another name again.
_NAMES = {
    **{name: name for name in ("force", "timeout", "force_basic_auth", "follow_redirects", "use_netrc", "ca_path")},
    **{"http_agent": "agent", "unredirected_headers": "unredir_headers", "ciphers": "ciphers"},
}
_KEYS = {"http_agent": "agent"}
_UNSUPPORTED = {"use_gssapi": "Kerberos", "unix_socket": "a Unix socket"}
_REDIRECTS = ("all", "no", "none", "safe", "urllib2", "yes", "true", "false")
_SCHEMES = ("http", "https", "ftp")


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the answer is the redirect itself, an error."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def url(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """What URLs give, line by line; whole with ``split_lines=false``.

    Options: ``username``, ``password``, ``headers``, ``validate_certs``, ``ca_path``, ``timeout`` (10 s),
    ``follow_redirects``, ``use_proxy``, ``use_netrc``, ``http_agent``, ``force``, ``unredirected_headers``,
    ``ciphers``.
    """
    for name, what in _UNSUPPORTED.items():
        if options.pop(name, None):
            raise TemplateError(f"lookup 'url': {what} is not supported", hint="use the lookup 'pipe' with curl")
    check_options(options, _OPTIONS, "url")
    settings = {
        **_OPTIONS,
        **_set_elsewhere(scope),
        **{name: value for name, value in options.items() if value is not None},
    }
    follow = settings["follow_redirects"]
    if plain_text(follow).lower() not in _REDIRECTS:
        raise TemplateError(
            f"lookup 'url': 'follow_redirects' is not '{follow}'", hint=f"one of {', '.join(_REDIRECTS)}"
        )
    scope.in_turn()
    found: list[Any] = []
    for term in terms:
        said = _get(plain_text(term), settings)
        found.extend(said.splitlines() if boolean(settings["split_lines"]) else [said])
    return found


def _set_elsewhere(scope: Any) -> dict[str, Any]:
    """Options that variables (``ansible_lookup_url_timeout``), the environment or ``ansible.cfg`` name."""
    found: dict[str, Any] = {}
    for name, short in _NAMES.items():
        variable = scope.lookup(f"ansible_lookup_url_{short}")
        if variable is not NOT_THERE:
            found[name] = variable
        elif said := set_anywhere(f"ANSIBLE_LOOKUP_URL_{short.upper()}", "url_lookup", _KEYS.get(name, name)):
            found[name] = said.split(",") if name in ("unredirected_headers", "ciphers") else said
    return found


def _get(address: str, settings: dict[str, Any]) -> str:
    shown = without_login(address)
    if urlsplit(address).scheme not in _SCHEMES:
        raise TemplateError(f"lookup 'url': '{shown}' is no URL of {', '.join(_SCHEMES)}")
    try:
        with _opener(settings).open(_request(address, settings), timeout=float(settings["timeout"])) as answer:
            return bytes(answer.read()).decode("utf-8", "surrogateescape")
    except urllib.error.HTTPError as problem:
        raise TemplateError(f"Received HTTP error for {shown}: HTTP Error {problem.code}: {problem.reason}") from None
    except urllib.error.URLError as problem:
        hint = None
        if isinstance(problem.reason, ssl.SSLCertVerificationError):
            hint = "name the authority's certificate with ca_path; validate_certs=false takes whoever answers"
        raise TemplateError(f"Failed lookup url for {shown}: <urlopen error {problem.reason}>", hint=hint) from None
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise TemplateError(f"Error connecting to {shown}: {problem}") from None


def _request(address: str, settings: dict[str, Any]) -> urllib.request.Request:
    parts = urlsplit(address)
    credentials, at, host = parts.netloc.rpartition("@")
    user, _, secret = credentials.partition(":")
    if settings["username"]:
        user, secret = plain_text(settings["username"]), plain_text(settings["password"])
    elif not at and boolean(settings["use_netrc"]):
        user, secret = _from_netrc(parts.hostname or "")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)))  # noqa: S310 - the scheme is checked
    request.add_header("User-agent", plain_text(settings["http_agent"]))
    if boolean(settings["force"]):
        request.add_header("Cache-control", "no-cache")
    own = {plain_text(name).lower() for name in settings["unredirected_headers"]}
    for name, value in settings["headers"].items():
        add = request.add_unredirected_header if plain_text(name).lower() in own else request.add_header
        add(plain_text(name), plain_text(value))
    if user:
        word = base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")
        request.add_unredirected_header("Authorization", f"Basic {word}")  # it is for this server alone
    return request


def _from_netrc(host: str) -> tuple[str, str]:
    with contextlib.suppress(OSError, netrc.NetrcParseError):
        found = netrc.netrc().authenticators(host)
        if found:
            return found[0], found[2] or ""
    return "", ""


def _opener(settings: dict[str, Any]) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context(cafile=settings["ca_path"] and plain_text(settings["ca_path"]))
    if not boolean(settings["validate_certs"]):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings["ciphers"]:
        ciphers = settings["ciphers"]
        context.set_ciphers(ciphers if isinstance(ciphers, str) else ":".join(map(plain_text, ciphers)))
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=context)]
    if not boolean(settings["use_proxy"]):
        handlers.append(urllib.request.ProxyHandler({}))
    if plain_text(settings["follow_redirects"]).lower() in ("no", "none", "false"):
        handlers.append(_Stays())
    return urllib.request.build_opener(*handlers)


LOOKUPS = {"url": url}
