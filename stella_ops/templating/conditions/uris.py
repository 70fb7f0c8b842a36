"""Whether a text is a URI, a URL or a URN."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit


def uri(value: Any, schemes: Any = None) -> bool:
    """Whether a text can be read as a URI, of one of these schemes."""
    try:
        parts = urlsplit(value)
    except (TypeError, ValueError, AttributeError):
        return False
    return isinstance(parts.scheme, str) and (not schemes or parts.scheme in schemes)


def url(value: Any, schemes: Any = None) -> bool:
    """Whether a text is a URI that names a host, or a file."""
    return uri(value, schemes) and bool(urlsplit(value).netloc or urlsplit(value).scheme == "file")


def urn(value: Any) -> bool:
    """Whether a text is a URI of the scheme ``urn``."""
    return uri(value, ["urn"])


CONDITIONS = {"uri": uri, "url": url, "urn": urn}
