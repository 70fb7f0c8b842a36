"""Says what OpenSSL's refusal of a connection means, and what to do about it."""

import ssl

from stella_ops.remote.agent.problem import Problem

SKEW_THAT_MATTERS = 60

# X509_V_ERR_… of OpenSSL's x509_vfy.h.
_NOT_YET_VALID, _EXPIRED = 9, 10
_NAME_MISMATCHES = (62, 63, 64)


def explain(problem, endpoint, skew=None):
    """The Problem for an SSLError or CertificateError. Codes:

    ``tls-name``: the server's certificate is for another name; ``tls-time``: it is not valid at this host's
    time; ``tls-untrusted``: not of the CA that is trusted; ``certificate-refused``: the server does not take
    ours; ``tls``: anything else.

    Args:
        skew: seconds that this host's clock is known to be ahead of the server's, or None.
    """
    code = getattr(problem, "verify_code", None)
    reason = getattr(problem, "reason", None) or ""
    url = endpoint.url
    clock = skew_sentence(skew)
    # Python 3.6 tells a wrong name by a class of its own, and of the rest no code.
    if code in _NAME_MISMATCHES or (code is None and isinstance(problem, ssl.CertificateError)):
        message = "%s: the server's certificate does not hold the name '%s'" % (url, endpoint.host)
        hint = "call it by a name in its certificate, or add this one to [orchestrator] names and serve again"
        return Problem("tls-name", message, hint)
    if code in (_NOT_YET_VALID, _EXPIRED) or (code is None and _is_verify(reason) and clock):
        what = "is not valid yet" if code == _NOT_YET_VALID else "has expired"
        what = "is not valid" if code is None else what
        message = "%s: the server's certificate %s at this host's time%s" % (url, what, ": " + clock if clock else "")
        return Problem("tls-time", message, "set this host's clock (timedatectl), or the server's")
    if code is not None or _is_verify(reason):
        said = getattr(problem, "verify_message", None) or "certificate verify failed"
        message = "%s: the server's certificate is not of the fleet's CA (%s)" % (url, said)
        hint = "another server answers there, or one in between; nothing was sent to it"
        return Problem("tls-untrusted", message, hint)
    if "ALERT" in reason:
        message = "%s: the server refused this agent's certificate (%s)" % (url, _words(reason))
        return Problem("certificate-refused", message, "enrol again with a new token")
    said = _words(reason) or str(problem)
    return Problem("tls", "%s: no TLS connection: %s" % (url, said), "is there a TLS server at that port?")


def skew_sentence(skew):
    """What to say of a clock that is off by more than a minute, or None."""
    if skew is None or abs(skew) <= SKEW_THAT_MATTERS:
        return None
    return "this host's clock is %d seconds %s the orchestrator's" % (abs(skew), "ahead of" if skew > 0 else "behind")


def _is_verify(reason):
    return reason == "CERTIFICATE_VERIFY_FAILED"


def _words(reason):
    return reason.replace("_", " ").lower()
