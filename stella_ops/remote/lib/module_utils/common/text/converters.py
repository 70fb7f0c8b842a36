"""Text and bytes, and containers of them, turned into each other."""

import codecs
import datetime
import json

try:
    codecs.lookup_error("surrogateescape")
    HAS_SURROGATEESCAPE = True
except LookupError:
    HAS_SURROGATEESCAPE = False

_COMPOSED = frozenset((None, "surrogate_or_replace", "surrogate_or_strict", "surrogate_then_replace"))


def _handler(errors):
    """The error handler that Python knows, for one of the composed names."""
    return "surrogateescape" if errors in _COMPOSED else errors


def to_bytes(obj, encoding="utf-8", errors=None, nonstring="simplerepr"):
    """Bytes of an object.

    Args:
        errors: an error handler of Python's, ``surrogate_or_strict``, ``surrogate_or_replace`` or
            ``surrogate_then_replace`` (the default).
        nonstring: what becomes of other types: ``simplerepr``, ``passthru``, ``empty`` or ``strict``.

    Raises:
        TypeError: an object that is no string, with ``strict``.
    """
    if isinstance(obj, bytes):
        return obj
    if isinstance(obj, str):
        try:
            return obj.encode(encoding, _handler(errors))
        except UnicodeEncodeError:
            if errors in (None, "surrogate_then_replace"):
                # Lone surrogates that stand for no byte.
                clean = obj.encode("utf-8", "surrogateescape" if _escapes(obj) else "surrogatepass")
                return clean.decode("utf-8", "replace").encode(encoding, "replace")
            raise
    other = _other(obj, nonstring, b"")
    return other if not isinstance(other, str) else to_bytes(other, encoding, errors or "surrogate_then_replace")


def _escapes(text):
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def to_text(obj, encoding="utf-8", errors=None, nonstring="simplerepr"):
    """Text of an object; see ``to_bytes``."""
    if isinstance(obj, str):
        return obj
    if isinstance(obj, bytes):
        return obj.decode(encoding, _handler(errors))
    other = _other(obj, nonstring, "")
    return to_text(other, encoding, errors) if isinstance(other, bytes) else other


def _other(obj, nonstring, empty):
    if nonstring == "simplerepr":
        try:
            return str(obj)
        except UnicodeError:
            try:
                return repr(obj)
            except UnicodeError:
                return empty
    if nonstring == "passthru":
        return obj
    if nonstring == "empty":
        return empty
    if nonstring == "strict":
        raise TypeError("obj must be a string type")
    raise TypeError("Invalid value {} for nonstring parameter".format(nonstring))


to_native = to_text


def _json_encode_fallback(obj):
    """What JSON has no type for, in one that it has."""
    if isinstance(obj, (set, frozenset)):
        return list(obj)
    if isinstance(obj, (datetime.datetime, datetime.date)):
        return obj.isoformat()
    if isinstance(obj, bytes):
        return to_text(obj)
    if hasattr(obj, "keys") and hasattr(obj, "__getitem__"):
        return dict(obj)
    raise TypeError("Cannot json serialize {}".format(to_native(obj)))


def jsonify(data, **kwargs):
    """JSON of data whose bytes may be in UTF-8 or Latin-1."""
    for encoding in ("utf-8", "latin-1"):
        try:
            plain = container_to_text(data, encoding=encoding, errors="strict")
        except UnicodeDecodeError:
            continue
        return json.dumps(plain, default=_json_encode_fallback, **kwargs)
    raise UnicodeError("Invalid unicode encoding encountered")


def container_to_bytes(d, encoding="utf-8", errors="surrogate_or_strict"):
    """The same, with bytes for text, in dicts, lists and tuples."""
    return _convert(d, lambda text: to_bytes(text, encoding, errors) if isinstance(text, str) else text)


def container_to_text(d, encoding="utf-8", errors="surrogate_or_strict"):
    """The same, with text for bytes, in dicts, lists and tuples."""
    return _convert(d, lambda data: to_text(data, encoding, errors) if isinstance(data, bytes) else data)


def _convert(value, one):
    if isinstance(value, dict):
        return {_convert(key, one): _convert(item, one) for key, item in value.items()}
    if isinstance(value, list):
        return [_convert(item, one) for item in value]
    if isinstance(value, tuple):
        return tuple(_convert(item, one) for item in value)
    return one(value)
