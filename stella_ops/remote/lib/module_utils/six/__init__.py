"""What there is of ``six`` where Python 2 is gone: everything has one meaning."""

import builtins
import functools
import io
import itertools
import operator
import struct
import sys
import types

PY2 = False
PY3 = True
PY34 = True
MAXSIZE = sys.maxsize
string_types = (str,)
integer_types = (int,)
class_types = (type,)
text_type = str
binary_type = bytes
StringIO = io.StringIO
BytesIO = io.BytesIO
unichr = chr
int2byte = struct.Struct(">B").pack
byte2int = operator.itemgetter(0)
indexbytes = operator.getitem
iterbytes = iter
get_function_code = operator.attrgetter("__code__")
get_function_globals = operator.attrgetter("__globals__")
get_method_self = operator.attrgetter("__self__")
get_method_function = operator.attrgetter("__func__")
next = advance_iterator = builtins.next
callable = builtins.callable
Iterator = object
wraps = functools.wraps
print_ = builtins.print
exec_ = builtins.exec


def iterkeys(d, **kw):
    """An iterator over keys."""
    return iter(d.keys(**kw))


def itervalues(d, **kw):
    """An iterator over values."""
    return iter(d.values(**kw))


def iteritems(d, **kw):
    """An iterator over items."""
    return iter(d.items(**kw))


def iterlists(d, **kw):
    """An iterator over lists."""
    return iter(d.lists(**kw))


viewkeys = operator.methodcaller("keys")
viewvalues = operator.methodcaller("values")
viewitems = operator.methodcaller("items")


def b(s):
    """Bytes of a literal."""
    return s.encode("latin-1")


def u(s):
    """Text of a literal."""
    return s


def reraise(tp, value, tb=None):
    """Raise an exception with another's traceback."""
    if value is None:
        value = tp()
    raise value.with_traceback(tb)


def raise_from(value, from_value):
    """Raise an exception with its cause."""
    raise value from from_value


def with_metaclass(meta, *bases):
    """A base for classes of a metaclass."""

    class Metaclass(type):
        def __new__(cls, name, this_bases, namespace):
            return meta(name, bases, namespace)

        @classmethod
        def __prepare__(cls, name, this_bases):
            return meta.__prepare__(name, bases)

    return type.__new__(Metaclass, "temporary_class", (), {})


def add_metaclass(metaclass):
    """A decorator that gives a class a metaclass."""

    def wrapper(cls):
        namespace = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
        for name in namespace.get("__slots__") or ():
            namespace.pop(name, None)
        return metaclass(cls.__name__, cls.__bases__, namespace)

    return wrapper


def python_2_unicode_compatible(cls):
    """Does nothing."""
    return cls


def ensure_binary(s, encoding="utf-8", errors="strict"):
    """Bytes of text or bytes."""
    return s if isinstance(s, bytes) else s.encode(encoding, errors)


def ensure_text(s, encoding="utf-8", errors="strict"):
    """Text of text or bytes."""
    return s.decode(encoding, errors) if isinstance(s, bytes) else s


ensure_str = ensure_text

# Where things that moved are now: ``six.moves.NAME``.
_MODULES = {
    "builtins": "builtins",
    "configparser": "configparser",
    "collections_abc": "collections.abc",
    "copyreg": "copyreg",
    "cPickle": "pickle",
    "http_client": "http.client",
    "http_cookiejar": "http.cookiejar",
    "http_cookies": "http.cookies",
    "html_entities": "html.entities",
    "html_parser": "html.parser",
    "queue": "queue",
    "reprlib": "reprlib",
    "socketserver": "socketserver",
    "_thread": "_thread",
    "xmlrpc_client": "xmlrpc.client",
    "BaseHTTPServer": "http.server",
    "urllib": "urllib",
    "urllib.parse": "urllib.parse",
    "urllib.error": "urllib.error",
    "urllib.request": "urllib.request",
    "urllib.response": "urllib.response",
    "urllib.robotparser": "urllib.robotparser",
    "urllib_parse": "urllib.parse",
    "urllib_error": "urllib.error",
}
_NAMES = {
    "filter": filter,
    "filterfalse": itertools.filterfalse,
    "getcwd": "os:getcwd",
    "getcwdb": "os:getcwdb",
    "input": input,
    "intern": sys.intern,
    "map": map,
    "range": range,
    "reduce": functools.reduce,
    "reload_module": "importlib:reload",
    "shlex_quote": "shlex:quote",
    "StringIO": io.StringIO,
    "UserDict": "collections:UserDict",
    "UserList": "collections:UserList",
    "UserString": "collections:UserString",
    "xrange": range,
    "zip": zip,
    "zip_longest": itertools.zip_longest,
    "cStringIO": io.StringIO,
}


class _Moves(types.ModuleType):
    """``six.moves``: imports what is asked for."""

    __path__ = []  # type: list[str]

    def __getattr__(self, name):
        import importlib

        if name in _MODULES:
            return importlib.import_module(_MODULES[name])
        if name in _NAMES:
            found = _NAMES[name]
            if isinstance(found, str):
                module, _, attribute = found.partition(":")
                found = getattr(importlib.import_module(module), attribute)
            return found
        raise AttributeError("six.moves has no '{}'".format(name))


moves = _Moves(__name__ + ".moves")


def find_moved(name):
    """The module that ``six.moves.NAME`` means, or None."""
    import importlib

    if name == "":
        return moves
    return importlib.import_module(_MODULES[name]) if name in _MODULES else None
