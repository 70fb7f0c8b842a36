"""Reads what the agent's own certificate says, with the standard library alone."""

import binascii
import os
import re

from stella_ops.remote.agent import storage

_PEM = re.compile(b"-----BEGIN CERTIFICATE-----\\s+([A-Za-z0-9+/=\\s]+?)-----END CERTIFICATE-----", re.DOTALL)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def pem_blocks(pem):
    """The DER bytes of each certificate in PEM bytes, in order.

    Raises:
        ValueError: there is none, or one is not base64.
    """
    try:
        found = [binascii.a2b_base64(body) for body in _PEM.findall(pem)]
    except binascii.Error:
        raise ValueError("a certificate's base64 is broken")
    if not found:
        raise ValueError("there is no PEM certificate in it")
    return found


def read_certificate(path):
    """What the first certificate of a PEM file says, or None when there is no file.

    Returns a dict with ``fingerprint_sha256`` (hex, of the DER), ``not_before`` and ``not_after`` (ISO 8601,
    Z), ``serial`` (hex) and ``subject_cn``.

    Raises:
        ValueError: the file holds no certificate that can be read.
    """
    pem = storage.read_bytes(path)
    if pem is None:
        return None
    first = pem_blocks(pem)[0]
    # The ssl module shows the fields of a peer's certificate only; this is the function beneath it, in
    # CPython from 3.6 to 3.14, and _ssl alone costs a third of the memory of ssl.
    import _ssl

    try:
        fields = getattr(_ssl, "_test_decode_cert")(path)  # noqa: B009 (type stubs do not know it)
    except (OSError, ValueError) as problem:
        raise ValueError("the certificate cannot be decoded: %s" % problem)
    names = dict(pair for part in fields.get("subject", ()) for pair in part)
    return {
        "fingerprint_sha256": storage.sha256(first),
        "not_before": iso_time(fields["notBefore"]),
        "not_after": iso_time(fields["notAfter"]),
        "serial": fields["serialNumber"].lower(),
        "subject_cn": names.get("commonName"),
    }


def iso_time(text):
    """ISO 8601 of OpenSSL's ``Jan  5 09:34:43 2018 GMT``; ``strptime`` would depend on the host's locale."""
    month, day, clock, year = text.split()[:4]
    return "%s-%02d-%02dT%sZ" % (year, _MONTHS.index(month) + 1, int(day), clock)


class CertificateWatch(object):
    """The certificate of a file, decoded again only when the file has changed."""

    def __init__(self, path):
        self.path = path
        self._seen: "tuple[object, ...]" = ()
        self._result: "tuple[object, object]" = (None, None)

    def look(self):
        """(certificate dict or None, problem text or None)."""
        try:
            about = os.stat(self.path)
        except OSError:
            self._seen, self._result = (), (None, "no certificate is installed")
            return self._result
        seen: "tuple[object, ...]" = (about.st_ino, about.st_mtime, about.st_size)
        if seen != self._seen:
            try:
                self._result = (read_certificate(self.path), None)
            except (OSError, ValueError) as problem:
                self._result = (None, str(problem))
            self._seen = seen
        return self._result
