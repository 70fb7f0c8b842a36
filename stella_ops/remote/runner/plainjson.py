"""JSON without the module ``json``, whose decoder compiles regular expressions: the coders in C behind it."""


class _Settings(object):
    """What the scanner in C reads; they are those of ``json.loads``."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.__getitem__


def _in_c():
    import _json

    scan = _json.make_scanner(_Settings)  # type: ignore[arg-type]
    text = _json.encode_basestring_ascii
    encode = _json.make_encoder(None, None, text, None, ":", ",", False, False, True)  # type: ignore[arg-type]

    def dumps(value):
        return "".join(encode(value, 0)).encode("ascii")

    def loads(data):
        return scan(data.decode("utf-8"), 0)[0]

    sample = {"a": [1, 2.5, "\xe9\n", None, True, {}]}
    if loads(dumps(sample)) != sample:
        raise ValueError("the coders in C have changed")
    return dumps, loads


def _as_usual():
    import json

    return lambda value: json.dumps(value).encode("ascii"), lambda data: json.loads(data.decode("utf-8"))


try:
    dumps, loads = _in_c()
except Exception:
    # Another Python than CPython, or a later one.
    dumps, loads = _as_usual()
