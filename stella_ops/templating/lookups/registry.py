"""Lookups: ``lookup('file', 'x')``, ``query('env', 'HOME')``. A topic is one file with a ``LOOKUPS`` table.

A lookup takes the scope, its terms and options, and returns a list of plain data; what a file or program says
is never rendered.
"""

from __future__ import annotations

from typing import Any

from jinja2 import pass_context

from stella_ops.errors import StellaError, TemplateError
from stella_ops.origins import did_you_mean
from stella_ops.templating.filters.defaults import undef
from stella_ops.templating.filters.times import now
from stella_ops.templating.lookups import combining, files, values
from stella_ops.templating.undefined import require

LOOKUPS = {**combining.LOOKUPS, **files.LOOKUPS, **values.LOOKUPS}
_PREFIXES = ("ansible.builtin.", "ansible.legacy.")


def _found(context: Any, name: Any, terms: tuple[Any, ...], options: dict[str, Any]) -> list[Any]:
    short = str(require(name))
    for prefix in _PREFIXES:
        short = short.removeprefix(prefix)
    plugin = LOOKUPS.get(short)
    if plugin is None:
        raise TemplateError(f"unknown lookup '{name}'", hint=did_you_mean(short, LOOKUPS))
    from stella_ops.templating.environment import SCOPE

    scope = context.get_all().get(SCOPE)
    errors = options.pop("errors", "strict")
    try:
        return plugin(scope, [require(term) for term in terms], options)
    except StellaError:
        if errors in ("ignore", "warn"):
            return []
        raise


@pass_context
def query(context: Any, name: Any, *terms: Any, **options: Any) -> list[Any]:
    """What a lookup finds, as a list."""
    options.pop("wantlist", None)
    return _found(context, name, terms, options)


@pass_context
def lookup(context: Any, name: Any, *terms: Any, **options: Any) -> Any:
    """What a lookup finds: one value as it is, several texts joined by commas."""
    wantlist = options.pop("wantlist", False)
    found = _found(context, name, terms, options)
    if wantlist:
        return found
    if len(found) == 1:
        return found[0]
    if all(isinstance(item, str) for item in found):
        return ",".join(found)
    return found


GLOBALS = {"lookup": lookup, "query": query, "q": query, "now": now, "undef": undef}
