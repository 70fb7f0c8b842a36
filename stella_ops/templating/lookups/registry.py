"""Lookups: ``lookup('file', 'x')``, ``query('env', 'HOME')``. A topic is one file with a ``LOOKUPS`` table.

A lookup takes the scope, its terms and options, and returns a list of plain data; what a file or program says
is never rendered.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from jinja2 import pass_context

from stella_ops.collections import current
from stella_ops.collections.moved import moved_to
from stella_ops.errors import PluginError, StellaError, TemplateError, UndefinedVariableError
from stella_ops.spelling import did_you_mean
from stella_ops.templating.filters.defaults import undef
from stella_ops.templating.filters.times import now
from stella_ops.templating.lazy import of_plugin
from stella_ops.templating.lookups import combining, files, hosts, values
from stella_ops.templating.plugins.collected import plugin, why_not
from stella_ops.templating.plugins.loading import load_failures, user_lookup
from stella_ops.templating.plugins.unsupported import not_supported
from stella_ops.templating.undefined import MissingValue, UndefinedUse, require

Lookup = Callable[[Any, list[Any], dict[str, Any]], list[Any]]
_PREFIXES = ("ansible.builtin.", "ansible.legacy.")
_COLLECTIONS = ("community.general.",)  # cartesian and flattened live there
_ASK_FOR_UNDEFINED = ("first_found",)


def _later(module: str, name: str) -> Lookup:
    """A lookup whose module is imported when it is used."""

    def plugin(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
        loaded = import_module(f"stella_ops.templating.lookups.{module}")
        return cast("list[Any]", loaded.LOOKUPS[name](scope, terms, options))

    plugin.__doc__ = f"See ``lookups/{module}.py``."
    return plugin


# Those that few playbooks use, and the files in this folder that have them.
LATER = {
    "first_found": "first_found",
    "config": "settings",
    "csvfile": "tables",
    "ini": "tables",
    "password": "passwords",
    "url": "urls",
}
LOOKUPS: dict[str, Lookup] = {
    **combining.LOOKUPS,
    **files.LOOKUPS,
    **values.LOOKUPS,
    **hosts.LOOKUPS,
    **{name: _later(module, name) for name, module in LATER.items()},
}


def _short(name: str) -> str:
    for prefix in (*_PREFIXES, *_COLLECTIONS):
        name = name.removeprefix(prefix)
    return name


def find_lookup(name: str) -> Lookup | None:
    """The lookup of a name: a collection's, the user's own, or ours."""
    short = _short(name)
    found: Lookup | None = None
    if name.count(".") >= 2 and not name.startswith(_PREFIXES):
        collected = plugin("lookup", name)
        found = LOOKUPS.get(collected) if isinstance(collected, str) else collected
    if found is None and not name.startswith(_PREFIXES[0]):
        found = user_lookup(short)
    return found or LOOKUPS.get(short) or _moved(short)


def _moved(short: str) -> Lookup | None:
    full = moved_to("lookup", short)
    found = plugin("lookup", full) if full is not None else None
    return None if isinstance(found, str) else found


def _plugin(name: str) -> Lookup:
    found = find_lookup(name)
    if found is None:
        instead, why = not_supported("lookup", name), why_not("lookup", name)
        if instead:
            hint = f"{why}; or {instead}" if why else instead
            raise TemplateError(f"the lookup '{name}' is not supported", hint=hint)
        raise TemplateError(
            f"The lookup plugin '{name}' was not found.",
            hint=why or did_you_mean(_short(name), LOOKUPS) or load_failures("lookup"),
        )
    return found


def _found(context: Any, name: Any, terms: tuple[Any, ...], options: dict[str, Any]) -> list[Any] | MissingValue | None:
    word = str(require(name))
    plugin = _plugin(word)
    from stella_ops.templating.environment import scope_of

    scope = scope_of(context)
    if scope is not None:
        scope.looks_at_controller()
    errors = options.pop("errors", "strict")
    if errors not in ("strict", "ignore", "warn"):
        raise TemplateError(f"lookup '{word}': 'errors' is strict, warn or ignore, not '{errors}'")
    lenient = word.rpartition(".")[2] in _ASK_FOR_UNDEFINED
    given = list(terms) if lenient else [require(term) for term in terms]
    try:
        found = plugin(scope, given, options)
    except (UndefinedVariableError, UndefinedUse, RecursionError):
        raise  # 'errors' is about what a lookup does, not about names that are not there
    except Exception as problem:
        if errors == "warn":
            current().say(f"An error occurred while running the lookup plugin '{word}': {_told(problem)}")
        if errors in ("ignore", "warn"):
            return None
        raise problem if isinstance(problem, PluginError) else PluginError.of("lookup", word, problem) from problem
    missing = None if lenient else _first_undefined(found)
    return found if missing is None else missing


def _first_undefined(found: list[Any]) -> MissingValue | None:
    """What is undefined among what a lookup found or put together, which makes it all so; not what it left alone."""
    for item in found:
        parts = item if type(item) in (list, tuple) else item.values() if type(item) is dict else (item,)
        for part in parts:
            if isinstance(part, MissingValue):
                return part
    return None


def _told(problem: Exception) -> str:
    return problem.message if isinstance(problem, StellaError) else str(problem)


@pass_context
def query(context: Any, name: Any, *terms: Any, **options: Any) -> list[Any] | MissingValue:
    """What a lookup finds, as a list."""
    options.pop("wantlist", None)
    found = _found(context, name, terms, options)
    return [] if found is None else found


@pass_context
def lookup(context: Any, name: Any, *terms: Any, **options: Any) -> Any:
    """What a lookup finds: one value as it is, several texts joined by commas."""
    wantlist = options.pop("wantlist", False)
    found = _found(context, name, terms, options)
    if isinstance(found, MissingValue):
        return found
    if wantlist or found is None:
        return (found or []) if wantlist else None
    if len(found) == 1:
        return of_plugin(found[0])
    if found and all(isinstance(item, str) for item in found):
        return ",".join(found)
    return found


GLOBALS = {"lookup": lookup, "query": query, "q": query, "now": now, "undef": undef}
LOOKUP_FUNCTIONS = (lookup, query)  # some lookups may be asked about what is undefined
