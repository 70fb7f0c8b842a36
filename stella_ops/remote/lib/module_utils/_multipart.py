"""Forms with files (RFC 7578)."""

import os

from stella_ops.remote.lib.module_utils.common.text.converters import to_bytes, to_native


def prepare_multipart(fields):
    """A form with files: content type, and body.

    Args:
        fields: name to text, or to a mapping with ``filename``, ``content``, ``mime_type``.
    """
    if not isinstance(fields, dict):
        raise TypeError("Mapping is required, cannot be type {}".format(type(fields).__name__))
    import email.encoders
    import email.generator
    import email.mime.application
    import email.mime.multipart
    import email.mime.nonmultipart
    import email.parser
    import email.policy
    import mimetypes

    form = email.mime.multipart.MIMEMultipart("form-data")
    for name, value in sorted(fields.items()):
        about = {"content": value, "mime_type": "text/plain"} if isinstance(value, str) else value
        if not isinstance(about, dict):
            text = "value must be a string, or mapping, cannot be type {}"
            raise TypeError(text.format(type(value).__name__))
        filename, content = about.get("filename"), about.get("content")
        if not filename and not content:
            raise ValueError("at least one of filename or content must be provided")
        guessed = mimetypes.guess_type(filename or "", strict=False)[0]
        kind = about.get("mime_type") or guessed or "application/octet-stream"
        main, _, sub = kind.partition("/")
        if not content and filename:
            with open(to_bytes(filename, errors="surrogate_or_strict"), "rb") as source:
                encoder = set_multipart_encoding(about.get("multipart_encoding") or "base64")
                part = email.mime.application.MIMEApplication(source.read(), _encoder=encoder)
            del part["Content-Type"]
            part.add_header("Content-Type", "{}/{}".format(main, sub))
        else:
            part = email.mime.nonmultipart.MIMENonMultipart(main, sub)
            part.set_payload(to_bytes(content))
        part.add_header("Content-Disposition", "form-data")
        del part["MIME-Version"]
        part.set_param("name", name, header="Content-Disposition")
        if filename:
            part.set_param("filename", to_native(os.path.basename(filename)), header="Content-Disposition")
        form.attach(part)
    head, _, body = form.as_bytes(policy=email.policy.HTTP).partition(b"\r\n\r\n")
    return email.parser.BytesHeaderParser().parsebytes(head)["content-type"], body


def set_multipart_encoding(encoding):
    """How a file is written into a form."""
    import email.encoders

    known = {"base64": email.encoders.encode_base64, "7or8bit": email.encoders.encode_7or8bit}
    if encoding not in known:
        raise ValueError("multipart_encoding must be one of {}.".format(sorted(known)))
    return known[encoding]
