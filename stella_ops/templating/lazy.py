"""Containers that render what they hold when it is looked at.

A template that asks for ``app.port`` renders the port alone: its neighbours may name variables that are not
defined here, or name ``app`` themselves. ``LazyDict`` and ``LazyList`` are copies, so that nothing a template
does to them reaches the variables of the play; each element is rendered at most once.

They are a ``dict`` and a ``list``, since filters ask for those. Every method that could see raw elements
renders all of them first.

Neither this file nor ``scope.py`` nor ``templar.py`` imports Jinja2 before there is a template to render: hosts are
connected to meanwhile, and a run without templates does without.
"""

from __future__ import annotations

import copy
import datetime
import types
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, Self

from stella_ops.origins import SourceList, SourceText, VaultedText
from stella_ops.templating.omit import OMIT

if TYPE_CHECKING:
    from stella_ops.templating.scope import Scope

INERT = frozenset({str, int, float, bool, type(None), bytes})


class LazyDict(dict[Any, Any]):
    """A dict whose values are rendered on access; ``path`` names it in errors, as in ``app.ports``."""

    __slots__ = ("_stella_path", "_stella_scope")
    __hash__ = None

    def __init__(self, raw: Mapping[Any, Any], scope: Scope, path: str) -> None:
        super().__init__(raw)
        self._stella_scope = scope
        self._stella_path = path

    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        if type(value) in INERT:
            return value
        rendered = self._stella_scope.resolve(value, f"{self._stella_path}.{key}")
        super().__setitem__(key, rendered)
        return rendered

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401 - dict.get would give the raw value

    def __iter__(self) -> Iterator[Any]:  # its presence keeps dict(lazy) from copying raw values
        return super().__iter__()

    def _stella_force(self) -> None:
        for key in list(super().keys()):
            self[key]


class AllVariables(LazyDict):
    """``vars``, which is handed to plug-ins as it is: they render what they look at, and not all variables."""

    __slots__ = ()


class LazyList(list[Any]):
    """A list whose elements are rendered on access."""

    __slots__ = ("_stella_path", "_stella_scope")
    __hash__ = None

    def __init__(self, raw: Sequence[Any], scope: Scope, path: str) -> None:
        super().__init__(raw)
        self._stella_scope = scope
        self._stella_path = path

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        value = super().__getitem__(index)
        if type(value) in INERT:
            return value
        rendered = self._stella_scope.resolve(value, f"{self._stella_path}[{index}]")
        super().__setitem__(index, rendered)
        return rendered

    def __iter__(self) -> Iterator[Any]:
        position = 0
        while position < len(self):
            yield self[position]
            position += 1

    def __reversed__(self) -> Iterator[Any]:
        return (self[position] for position in range(len(self) - 1, -1, -1))

    def _stella_force(self) -> None:
        for position in range(len(self)):
            self[position]


def _forcing(base: type, name: str) -> Callable[..., Any]:
    plain = getattr(base, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._stella_force()
        for other in args:
            if isinstance(other, LazyDict | LazyList):
                other._stella_force()
        return plain(self, *args, **kwargs)

    method.__name__ = name
    return method


def _adding_to(plain: type[list[Any]]) -> Callable[..., Any]:
    def method(self: Any, other: Any) -> Any:  # list + lazy: a C-level list has no way to ask for elements
        return NotImplemented if not isinstance(other, plain) else [*other, *self]

    return method


for _name in ("values", "items", "pop", "popitem", "setdefault", "copy", "update"):
    setattr(LazyDict, _name, _forcing(dict, _name))
for _name in ("__eq__", "__ne__", "__or__", "__ror__", "__ior__", "__repr__"):
    setattr(LazyDict, _name, _forcing(dict, _name))
for _name in ("count", "index", "pop", "remove", "sort", "reverse", "copy", "extend", "__contains__"):
    setattr(LazyList, _name, _forcing(list, _name))
for _name in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__add__", "__iadd__", "__mul__", "__rmul__"):
    setattr(LazyList, _name, _forcing(list, _name))
LazyList.__repr__ = _forcing(list, "__repr__")  # type: ignore[method-assign]
LazyList.__radd__ = _adding_to(list)  # type: ignore[attr-defined]


def _deep_copy(self: LazyDict, memo: dict[int, Any]) -> dict[Any, Any]:
    """A plain dict; views of other hosts' variables in it stay what they are, and an undefined part raises."""
    from stella_ops.templating.undefined import require

    return {key: copy.deepcopy(require(value), memo) for key, value in self.items()}


LazyDict.__deepcopy__ = _deep_copy  # type: ignore[attr-defined]
LazyDict.__copy__ = LazyDict.copy  # type: ignore[attr-defined]
LazyList.__copy__ = LazyList.copy  # type: ignore[attr-defined]
LazyDict.__reduce_ex__ = lambda self, protocol: (dict, (finalize(self),))  # type: ignore[method-assign]
LazyList.__reduce_ex__ = lambda self, protocol: (list, (finalize(self),))  # type: ignore[method-assign]


class ReadOnly(Mapping[Any, Any]):
    """A view that nobody changes: a copy of it is the view itself, and not all that it leads to."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class LazyMapping(ReadOnly):
    """A mapping that is no dict (``hostvars``, made host by host when asked): renders on access."""

    stella_kind = "HostVars"  # the name of its type, as templates and errors say it

    def __init__(self, raw: Mapping[Any, Any], scope: Scope, path: str) -> None:
        self._raw = raw
        self._scope = scope
        self._path = path
        self._seen: dict[Any, Any] = {}

    def __getitem__(self, key: Any) -> Any:
        if key not in self._seen:
            self._seen[key] = self._scope.resolve(self._raw[key], f"{self._path}.{key}")
        return self._seen[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __contains__(self, key: object) -> bool:
        return key in self._raw

    def raw_get(self, host_name: str) -> dict[str, Any]:
        """A host's variables as they are written, for plug-ins that render them with other variables."""
        view = self._raw[host_name]
        return {name: view.scope.variables[name] for name in view}

    def __repr__(self) -> str:
        return repr(finalize(self))


_ITERATORS: tuple[Any, ...] = (
    Iterator,
    types.GeneratorType,
    Set,
    type({}.values()),
    type({}.items()),
    type({}.keys()),
)


_PLAIN_LISTS = frozenset({list, tuple, LazyList, SourceList})


def settle(value: Any) -> Any:
    """An expression's result fit to be kept: what can be read once only becomes a list."""
    return list(value) if isinstance(value, _ITERATORS) else value


def of_plugin(value: Any) -> Any:
    """A plug-in's result, fit to be kept: as ``settle``, and a range, which no variable holds, becomes a list."""
    return list(value) if type(value) is range else settle(value)


def finalize(value: Any, *, vaulted: bool = False, missing: Callable[[Any], Any] | None = None) -> Any:
    """The value as plain data, all the way down, without what is omitted in it; an undefined part raises.

    Args:
        vaulted: keep ``VaultedText`` as it is.
        missing: makes what stands in the place of an undefined part.
    """
    if type(value) in INERT or (vaulted and type(value) is VaultedText):
        return value
    if isinstance(value, str):
        if type(value).__module__ == "markupsafe":
            _tell_of_change(value, "str")
        return str.__str__(value)
    if isinstance(value, Mapping):
        kept = ((key, item) for key, item in value.items() if item is not OMIT)
        if any(type(key) is tuple for key in value):
            raise TypeError("unhashable type: 'list'")  # what a tuple is when it is kept
        return {_plain_key(key): finalize(item, vaulted=vaulted, missing=missing) for key, item in kept}
    if isinstance(value, list | tuple):
        if type(value) not in _PLAIN_LISTS:
            _tell_of_change(value, "list")
        return [finalize(item, vaulted=vaulted, missing=missing) for item in value if item is not OMIT]
    from stella_ops.templating.undefined import MissingValue, require

    if isinstance(value, MissingValue):
        return require(value) if missing is None else missing(value)
    if isinstance(value, _ITERATORS):
        return [finalize(item, vaulted=vaulted, missing=missing) for item in list(value) if item is not OMIT]
    if passing(value):
        raise UnstorableTypeError(value)
    return value


def _tell_of_change(value: Any, into: str) -> None:
    from stella_ops.collections import current

    kind = type(value).__name__.lstrip("_")
    current().say(f"Type {kind!r} is unsupported in variable storage, converting to {into!r}.")


class UnstorableTypeError(TypeError):
    """What an expression made can be printed, and held by no variable."""

    def __init__(self, value: Any) -> None:
        kind = type(value).__name__
        super().__init__(f"Type '{kind}' is unsupported for variable storage.")
        self.hint = _STORABLE.get(kind, "call it, as in  x.items()" if callable(value) else None)


_STORABLE = {
    "range": "make it a list:  range(3) | list",
    "timedelta": "take its  total_seconds()",
    "Undefined": "an  if  without  else  has no value where it does not hold: write  x if y else ''",
}


def passing(value: Any) -> bool:
    """Whether a value lives in an expression alone: it prints, and no variable can hold it."""
    if callable(value) or type(value) in (datetime.timedelta, range):
        return True
    return type(value).__module__.startswith("jinja2.") and not isinstance(value, str)


def printed(value: Any) -> str:
    """A value as a part of text: containers as plain data would print; an undefined part raises."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value) if passing(value) else str(finalize(value))


def _plain_key(key: Any) -> Any:
    return str.__str__(key) if isinstance(key, SourceText) else key


def plain_text(value: Any) -> str:
    """A value as text for filters: text as it is, bytes as UTF-8, containers as plain data would print."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return printed(value)
