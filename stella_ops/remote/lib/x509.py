"""Reads certificates with the standard library alone: names, times, key ids and purposes (RFC 5280).

It reads; it proves nothing. Signatures are OpenSSL's business, through ``ssl``. Python's own decoder of
certificates is a private function that reads a file's first certificate and leaves out the extended key
usage, hence these few lines of DER (X.690).
"""

import binascii
import calendar
import hashlib
import ssl
import time

CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
ANY_USAGE = "2.5.29.37.0"

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"

_COMMON_NAME = "2.5.4.3"
_SUBJECT_KEY_ID = "2.5.29.14"
_ALTERNATIVE_NAMES = "2.5.29.17"
_AUTHORITY_KEY_ID = "2.5.29.35"
_EXTENDED_KEY_USAGE = "2.5.29.37"

_INTEGER, _OID, _SEQUENCE, _SET = 0x02, 0x06, 0x30, 0x31
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18


class CertificateError(ValueError):
    """What should be a certificate cannot be read as one."""


class Certificate(object):
    """What a certificate says.

    Attributes:
        subject_cn, issuer_cn: common names, or None.
        subject, issuer: the whole names as DER bytes, to be compared.
        serial: hex text.
        not_before, not_after: seconds since the epoch.
        names: DNS and URI alternative names.
        usages: object ids of the extended key usage; None when there is no such extension.
        key_id, authority_key_id: bytes, or None.
        fingerprint: SHA-256 over the DER, hex.
    """

    def __init__(self, der):
        self.fingerprint = hashlib.sha256(der).hexdigest()
        outer = _only(_items(der), _SEQUENCE)
        fields = _items(_first(_items(outer), _SEQUENCE))
        if fields and fields[0][0] == 0xA0:  # version
            fields = fields[1:]
        if len(fields) < 6:
            raise CertificateError("it lacks fields that every certificate has")
        self.serial = "{:x}".format(int.from_bytes(_value(fields[0], _INTEGER), "big"))
        self.issuer = _value(fields[2], _SEQUENCE)
        not_before, not_after = _pair(_items(_value(fields[3], _SEQUENCE)))
        self.not_before = _moment(not_before)
        self.not_after = _moment(not_after)
        self.subject = _value(fields[4], _SEQUENCE)
        self.subject_cn = _common_name(self.subject)
        self.issuer_cn = _common_name(self.issuer)
        self.names = []
        self.usages = None
        self.key_id = None
        self.authority_key_id = None
        for tag, body in fields[6:]:
            if tag == 0xA3:
                self._read_extensions(_items(_only(_items(body), _SEQUENCE)))

    def _read_extensions(self, extensions):
        for extension in extensions:
            parts = _items(_value(extension, _SEQUENCE))
            if len(parts) < 2:
                raise CertificateError("an extension is malformed")
            name, body = _oid(_value(parts[0], _OID)), parts[-1][1]
            if name == _EXTENDED_KEY_USAGE:
                self.usages = [_oid(_value(item, _OID)) for item in _items(_only(_items(body), _SEQUENCE))]
            elif name == _ALTERNATIVE_NAMES:
                for tag, text in _items(_only(_items(body), _SEQUENCE)):
                    if tag in (0x82, 0x86):  # dNSName, uniformResourceIdentifier
                        self.names.append(text.decode("utf-8", "replace"))
            elif name == _SUBJECT_KEY_ID:
                self.key_id = _only(_items(body), 0x04)
            elif name == _AUTHORITY_KEY_ID:
                for tag, text in _items(_only(_items(body), _SEQUENCE)):
                    if tag == 0x80:
                        self.authority_key_id = text

    def may_have_issued(self, other):
        """Whether names and key ids allow that this certificate's key signed ``other``."""
        if self.subject != other.issuer:
            return False
        return not (self.key_id and other.authority_key_id) or self.key_id == other.authority_key_id


def certificates(text):
    """Every certificate in a PEM text, in its order. Raises CertificateError, also when there is none."""
    found = []
    at = text.find(_BEGIN)
    while at >= 0:
        end = text.find(_END, at)
        if end < 0:
            raise CertificateError("the last certificate is cut short")
        try:
            der = ssl.PEM_cert_to_DER_cert(text[at : end + len(_END)])
        except (ValueError, binascii.Error):
            raise CertificateError("a certificate is not proper base64")
        found.append(parse(der))
        at = text.find(_BEGIN, end)
    if not found:
        raise CertificateError("it holds no certificate")
    return found


def parse(der):
    """The certificate in DER bytes. Raises CertificateError, whatever the bytes are."""
    try:
        return Certificate(der)
    except CertificateError:
        raise
    except (ValueError, OverflowError) as problem:  # a time out of range, text that is not ASCII
        raise CertificateError(str(problem))


def _items(data):
    """The (tag, content) pairs that follow each other in ``data``."""
    found, at = [], 0
    while at < len(data):
        if at + 2 > len(data):
            raise CertificateError("it is cut short")
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4 or at + count > len(data):
                raise CertificateError("it is not DER")
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + length > len(data):
            raise CertificateError("it is cut short")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def _value(item, tag):
    if item[0] != tag:
        raise CertificateError("it is not a certificate (tag {:#04x} where {:#04x} belongs)".format(item[0], tag))
    return item[1]


def _first(items, tag):
    if not items:
        raise CertificateError("it is not a certificate")
    return _value(items[0], tag)


def _only(items, tag):
    if len(items) != 1:
        raise CertificateError("it is not a certificate")
    return _value(items[0], tag)


def _pair(items):
    if len(items) != 2:
        raise CertificateError("its validity is malformed")
    return items


def _oid(body):
    numbers, number = [], 0
    for byte in body:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    if not numbers:
        return ""
    first = min(numbers[0] // 40, 2)
    return ".".join(str(n) for n in [first, numbers[0] - 40 * first] + numbers[1:])


def _moment(item):
    tag, body = item
    text = body.decode("ascii")
    if tag == _UTC_TIME:
        # Two digits of the year: 50 to 99 are 19xx (RFC 5280, 4.1.2.5.1).
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise CertificateError("its validity is malformed")
    return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ"))


def _common_name(name):
    for part in _items(name):
        for attribute in _items(_value(part, _SET)):
            pair = _items(_value(attribute, _SEQUENCE))
            if len(pair) == 2 and _oid(_value(pair[0], _OID)) == _COMMON_NAME:
                tag, text = pair[1]
                return text.decode("utf-16-be" if tag == 0x1E else "utf-8", "replace")
    return None
