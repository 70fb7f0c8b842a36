"""Which server is believed: the one whose certificate comes from the fleet's CA, found by the token's pin.

The pin is the SHA-256 of the CA's root certificate (DER). On first contact the root is fetched from a server that
is not believed yet; only when it is the pinned one does a second connection trust it, and it alone.
"""

import base64
import binascii
import hmac
import re
import ssl

from stella_ops.remote.agent import certificate, storage
from stella_ops.remote.agent.http_client import Client
from stella_ops.remote.agent.problem import Problem

_CA_LIMIT = 64 * 1024
_CA_SECONDS = 20.0


def pin_of_token(token):
    """The pin in a token of three parts, as hex; None in one of two."""
    parts = token.split(".")
    return binascii.hexlify(base64.urlsafe_b64decode(parts[2] + "=")).decode("ascii") if len(parts) == 3 else None


def read_pin(text):
    """A pin as an operator writes it (hex, colons allowed); raises Problem."""
    plain = text.replace(":", "").lower()
    if not re.match(r"[0-9a-f]{64}\Z", plain):
        raise Problem("invalid-pin", "--ca-pin must be 64 hex digits", "'stella-ops ca show' prints it")
    return plain


def fetch_root(endpoint, pin):
    """Ask a server that is not trusted for the CA's root; (PEM text of the pinned root, clock skew in seconds).

    Raises:
        Problem: ``wrong-pin``, or what went wrong on the way.
    """
    client = Client(endpoint, _distrustful())
    try:
        answer = client.request("GET", "/ca.pem", limit=_CA_LIMIT, seconds=_CA_SECONDS)
    finally:
        client.close()
    try:
        found = certificate.pem_blocks(answer.body)
    except ValueError:
        found = []
    for der in found:
        if hmac.compare_digest(storage.sha256(der), pin):
            return ssl.DER_cert_to_PEM_cert(der), answer.skew
    raise Problem(
        "wrong-pin",
        "%s: the server is not the one this token is for: the token was NOT sent (its CA is %s, the token's %s)"
        % (endpoint.url, storage.sha256(found[0])[:16] if found else "not to be had", pin[:16]),
        "check the URL; if it is right, somebody stands in between, or the CA was made anew: ask for a new token",
    )


def trusting(ca, chain=None, key=None):
    """A context that believes servers of one CA, under their own name, and no other.

    Args:
        ca: the root's PEM text.
        chain, key: paths of our certificate and key, where we show one.

    Raises:
        Problem: the files cannot be used.
    """
    context = _context()
    try:
        context.load_verify_locations(cadata=ca)
        if chain is not None:
            context.load_cert_chain(chain, key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as problem:
        said = getattr(problem, "reason", None) or getattr(problem, "strerror", None) or problem
        raise Problem("invalid-identity", "the agent's identity cannot be loaded: %s" % said, "enrol again")
    return context


def _distrustful():
    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _context():
    """A client's context: TLS 1.2 or newer, names checked, no CA trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    versions = getattr(ssl, "TLSVersion", None)
    if versions is not None:
        setattr(context, "minimum_version", versions.TLSv1_2)  # noqa: B010 (unknown to Python 3.6)
    else:
        context.options |= ssl.OP_NO_SSLv3 | ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1
    return context


def _no_password():
    return ""  # rather than a question on the terminal
