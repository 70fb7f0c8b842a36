"""The variables one rendering sees: looked up by name, rendered when needed, once."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stella_ops.collections.notices import goes_away
from stella_ops.errors import TemplateError, UndefinedVariableError
from stella_ops.origins import Origin, SourceText, SourceVault
from stella_ops.templating.lazy import INERT, AllVariables, LazyDict, LazyList, LazyMapping, ReadOnly
from stella_ops.templating.omit import OMIT

if TYPE_CHECKING:
    from stella_ops.templating.undefined import MissingValue

NOT_THERE: Final = object()  # what ``Scope.lookup`` finds for a name without a value

# A layer of variables is asked for this name before a template looks at the controller; see ``Pending``.
CONTROLLER: Final = "the controller"

MAX_DEPTH = 40  # variables inside variables; each level costs about ten frames of Python's stack


class _Depth(threading.local):
    value = 0


_depth = _Depth()


# What gives another value when it is asked again, though no variable of the host has changed: what other hosts, the
# controller, the clock and chance say, and texts in which such words may be hidden.
_CHANGEABLE = re.compile(
    r"\b(?:lookup|query|q|now|random|shuffle|password_hash|hostvars|play_hosts|ansible_play_\w+|vars|groups"
    r"|include|import|extends)\b"
)


@functools.lru_cache(maxsize=4096)
def is_changeable(text: str) -> bool:
    """Whether a template may give another value although the variables it names are the same."""
    return _CHANGEABLE.search(text) is not None


def is_template(text: str) -> bool:
    """Whether a text has anything for Jinja2 to do."""
    return "{" in text and ("{{" in text or "{%" in text or "{#" in text)


class Scope:
    """Resolves the raw values of ``variables``; what is rendered is kept for the scope's life.

    Args:
        variables: name to value, as written or as data.
        search_path: where lookups find files named by a relative path.
        kept: rendered texts and numbers of scopes before this one, over variables that are the same; those that
            this one renders are added.
    """

    __slots__ = ("_cache", "_changeable", "_kept", "_open", "search_path", "variables")

    def __init__(
        self,
        variables: Mapping[str, Any],
        search_path: tuple[Path, ...] = (),
        kept: dict[str, Any] | None = None,
    ) -> None:
        self.variables = variables
        self.search_path = search_path
        self._kept = kept
        # how many changeable texts have been rendered
        self._changeable = 0
        self._cache: dict[str, Any] = {}
        # the texts being rendered now, outermost first: id to the variable's path
        self._open: dict[int, str] = {}

    def lookup(self, name: str) -> Any:
        """The value of a variable, lazily rendered; ``NOT_THERE`` when there is none."""
        if name in self._cache:
            return self._cache[name]
        kept = self._kept
        if kept is not None and name in kept:
            return kept[name]
        try:
            raw = self.variables[name]
        except KeyError:
            if name != "vars":
                return NOT_THERE
            value = self._cache[name] = self._all()
            return value
        if name == "play_hosts":
            goes_away("The `play_hosts` magic variable is deprecated.")
        before = self._changeable
        value = self.resolve(raw, name)
        self._cache[name] = value
        if kept is not None and type(raw) is SourceText and type(value) in INERT and self._changeable == before:
            kept[name] = value
        return value

    def _all(self) -> AllVariables:
        known = ((name, self.variables[name]) for name in self.variables)
        return AllVariables({name: value for name, value in known if value is not OMIT}, self, "vars")

    def names(self) -> Iterable[str]:
        """The names of all variables."""
        return self.variables.keys()

    def in_turn(self) -> None:
        """Say before a rendering has an effect that it is not to be done ahead of its turn.

        Raises:
            NotYet: some variables are not known yet, so that it may have to be done again.
        """
        iter(self.variables)

    def looks_at_controller(self) -> None:
        """Say before the controller's files or its state are looked at that a task may still be changing them.

        Raises:
            NotYet: one that was sent ahead runs on the controller itself.
        """
        CONTROLLER in self.variables  # noqa: B015 - who has something against it raises

    def resolve(self, raw: Any, path: str) -> Any:
        """A raw value as templates see it: a template rendered, a container made lazy, data as it is."""
        kind = type(raw)
        if kind in INERT or kind in _READY:
            return raw
        if kind is SourceText:
            return self._render_variable(raw, path) if is_template(raw) else str.__str__(raw)
        if kind is SourceVault:
            return self._reveal(raw, path)
        if isinstance(raw, dict):
            return LazyDict(raw, self, path)
        if isinstance(raw, list | tuple):
            return LazyList(raw, self, path)
        if isinstance(raw, Mapping):
            return LazyMapping(raw, self, path)
        return raw

    def render(self, text: SourceText, where: Origin | None = None) -> Any:
        """Render one template text; containers in the result may be lazy, an undefined result is returned.

        Raises:
            TemplateError: also UndefinedVariableError, when something undefined is used inside the template.
        """
        origin = text.origin or where
        plain = str.__str__(text)
        if not is_template(plain):
            return plain
        if self._kept is not None and is_changeable(plain):
            self._changeable += 1
        from stella_ops.templating.environment import compiled_value, run_template

        try:
            value = run_template(compiled_value(plain), self)
        except Exception as problem:
            from stella_ops.templating.failures import translate

            raise translate(problem, self, origin, plain) from problem
        if isinstance(value, str) and plain.endswith("\n") and not value.endswith("\n"):
            return value + "\n"  # Jinja2 takes the last newline away, which block scalars end with
        return value

    @staticmethod
    def _reveal(raw: SourceVault, path: str) -> Any:
        try:
            return raw.reveal()
        except TemplateError as problem:
            from stella_ops.templating.undefined import FailedValue

            return FailedValue(path, problem)

    def _render_variable(self, text: SourceText, path: str) -> Any:
        from stella_ops.templating.undefined import FailedValue, MissingValue

        mark = id(text)
        if mark in self._open:
            chain = list(self._open.values())[list(self._open).index(mark) :]
            problem = TemplateError(
                "Recursive loop detected in template: "
                f"the variable '{path}' needs itself: {' → '.join([*chain, path])}",
                where=text.origin,
            )
            return FailedValue(path, problem)
        if _depth.value >= MAX_DEPTH:
            raise TemplateError(
                f"variables name each other more than {MAX_DEPTH} levels deep, down to '{path}'",
                where=text.origin,
                hint="look for variables of two hosts that need each other through hostvars",
            )
        self._open[mark] = path
        _depth.value += 1
        try:
            value = self.render(text)
            if type(value) is MissingValue:
                # keep the place that asked for the missing name: the template naming this variable is elsewhere
                value = MissingValue(name=path, cause=translate_missing(value, self, text.origin, text))
            return value
        except UndefinedVariableError as problem:
            return MissingValue(name=path, cause=problem)
        except TemplateError as problem:
            return FailedValue(path, problem)
        finally:
            _depth.value -= 1
            del self._open[mark]


def translate_missing(
    value: MissingValue, scope: Scope, origin: Origin | None, text: str | None = None
) -> UndefinedVariableError:
    """The error for an undefined value that a template resulted in."""
    from stella_ops.templating.failures import translate

    try:
        value.fail()
    except Exception as problem:
        found = translate(problem, scope, origin, text)
        if isinstance(found, UndefinedVariableError):
            return found
        raise found from problem


class LazyVariables(ReadOnly):
    """A host's variables as a mapping whose values are rendered with that host's own variables.

    Passed to ``Templar.render`` and ``evaluate`` in place of plain variables, several renderings share what
    was rendered before. As an item of ``hostvars``, it keeps another host's templates apart from this one's.

    Args:
        hidden: names that only the templates in it know.
    """

    stella_kind = "HostVarsVars"

    def __init__(self, scope: Scope, hidden: Collection[str] = ()) -> None:
        self.scope = scope
        self._hidden = hidden

    def __getitem__(self, name: str) -> Any:
        value = NOT_THERE if name in self._hidden else self.scope.lookup(name)
        if value is NOT_THERE:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.scope.variables if name not in self._hidden)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self.scope.variables and name not in self._hidden

    def __repr__(self) -> str:
        return f"<variables: {', '.join(sorted(map(str, self)))}>"


_READY = frozenset({LazyDict, LazyList, LazyVariables, AllVariables})
