"""Forms with files: bodies of multipart/form-data, RFC 7578."""

import binascii
import mimetypes
import os


def encode(fields):
    """The Content-Type and the bytes of a form.

    Args:
        fields: name to text, or to a mapping with ``content`` or ``filename`` (a file to read), ``mime_type``, and
            ``multipart_encoding``: base64 or 7or8bit.

    Raises:
        TypeError, ValueError: a field makes no sense.
        OSError: a file cannot be read.
    """
    if not isinstance(fields, dict):
        raise TypeError("Mapping is required, cannot be type {}".format(type(fields).__name__))
    boundary = binascii.hexlify(os.urandom(16)).decode("ascii")
    parts = []
    for name, value in sorted(fields.items()):
        head, data = _field(name, value)
        parts.append(b"--" + boundary.encode("ascii") + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n")
    body = b"".join(parts) + b"--" + boundary.encode("ascii") + b"--\r\n"
    return "multipart/form-data; boundary={}".format(boundary), body


def _field(name, value):
    filename = kind = encoding = None
    if isinstance(value, dict):
        filename, content = value.get("filename"), value.get("content")
        if not filename and content is None:
            raise ValueError("at least one of filename or content must be provided")
        kind, encoding = value.get("mime_type"), value.get("multipart_encoding", "base64" if filename else None)
        if filename and content is None:
            with open(filename, "rb") as source:
                data = source.read()
        else:
            data = str(content).encode("utf-8", "surrogateescape")
            encoding = value.get("multipart_encoding")
        if not kind:
            kind = mimetypes.guess_type(filename or "", strict=False)[0] or "application/octet-stream"
    elif isinstance(value, str):
        kind = "text/plain"
        data = value.encode("utf-8", "surrogateescape")
    else:
        raise TypeError("value must be a string, or mapping, cannot be type {}".format(type(value).__name__))
    if encoding not in (None, "base64", "7or8bit"):
        raise ValueError("multipart_encoding must be one of base64, 7or8bit.")
    head = 'Content-Disposition: form-data; name="{}"'.format(_quoted(name))
    if filename:
        head += '; filename="{}"'.format(_quoted(os.path.basename(filename)))
    lines = [head, "Content-Type: {}".format(_quoted(kind))]
    if encoding == "base64":
        lines.append("Content-Transfer-Encoding: base64")
        data = binascii.b2a_base64(data).rstrip(b"\n")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape"), data


def _quoted(text):
    return str(text).replace("\\", "\\\\").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
