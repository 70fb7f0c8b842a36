"""Turns what goes wrong inside Jinja2 into errors for the operator: what, where, the nearest known name."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.utils import missing

from stella_ops.errors import BrokenTemplateError, StellaError, TemplateError, UndefinedVariableError
from stella_ops.origins import Origin
from stella_ops.places import locate, locate_on_line, shown, source_lines
from stella_ops.spelling import did_you_mean
from stella_ops.templating.scope import LazyVariables
from stella_ops.templating.undefined import MissingValue, UndefinedUse

if TYPE_CHECKING:
    from stella_ops.templating.scope import Scope

_NO_SUCH = re.compile(r"No (filter|test) named '([^']+)'")
_SHOWN_KEYS = 12
_SHOWN_DEFINITIONS = 4
_PLACE = re.compile(r"(.+?):(\d+)(?::\d+)?")
_NAME = re.compile(r"(?<![\w.'\"])[A-Za-z_]\w*(?!['\"\w])")


def translate(
    problem: Exception, scope: Scope, origin: Origin | None, text: str | None = None, kind: str = "template"
) -> StellaError:
    """The operator's error for an exception that a rendering raised.

    Args:
        origin: where the template text was written.
        text: the template, where it is a value or condition.
        kind: ``template`` or ``expression``.
    """
    found = _translated(problem, scope, origin, text, kind)
    said = _line_at(found.where) if text is None else text
    if said is not None and not found.notes:
        found.notes = tuple(definitions(said, scope.variables))
    return found


def _line_at(where: str | None) -> str | None:
    """The line of a template file that an error names."""
    place = _PLACE.fullmatch(where or "")
    lines = source_lines(place[1]) if place else ()
    return lines[int(place[2]) - 1] if place and 1 <= int(place[2]) <= len(lines) else None


def _translated(problem: Exception, scope: Scope, origin: Origin | None, text: str | None, kind: str) -> StellaError:
    if isinstance(problem, StellaError):
        if problem.where is None and origin is not None:
            problem.where = str(origin)
        return problem
    if isinstance(problem, UndefinedUse):
        return _undefined(problem.value, scope, _pointed(_line_of(problem, origin), origin, text, problem.value))
    if isinstance(problem, jinja2.TemplateSyntaxError):
        return _syntax(problem, origin, text, kind)
    where = _line_of(problem, origin)
    if isinstance(problem, jinja2.UndefinedError):
        return TemplateError(f"Error rendering {kind}: {problem}", where=where)
    if isinstance(problem, jinja2.TemplatesNotFound | jinja2.TemplateNotFound):
        return TemplateError(f"template '{problem.message}' is not found", where=where)
    if isinstance(problem, SecurityError):
        return TemplateError(str(problem), where=where, hint="templates may not do this")
    if isinstance(problem, jinja2.TemplateError):
        known = _unknown_plugin(str(problem), where, origin, text, kind)
        return known or TemplateError(f"Error rendering {kind}: {problem}", where=where)
    if isinstance(problem, RecursionError):
        return TemplateError("the template is nested too deeply", where=where)
    return TemplateError(f"Error rendering {kind}: {problem}", where=where, hint=getattr(problem, "hint", None))


def _syntax(problem: jinja2.TemplateSyntaxError, origin: Origin | None, text: str | None, kind: str) -> TemplateError:
    where = origin
    message = str(problem.message)
    if problem.filename and problem.filename != "<template>":
        where = Origin(problem.filename, problem.lineno)
    elif problem.lineno > 1:
        where = _moved(origin, problem.lineno)
    known = _unknown_plugin(message, where, origin, text, kind)
    return known or BrokenTemplateError(f"Syntax error in {kind}: {message}", where=where)


def _unknown_plugin(
    message: str, where: Origin | None, origin: Origin | None, text: str | None, what: str
) -> TemplateError | None:
    found = _NO_SUCH.search(message)
    if not found:
        return None
    where = _at_word(where, origin, text, found[2])
    from stella_ops.templating.environment import value_environment

    kind, name = found.groups()
    known = value_environment().filters if kind == "filter" else value_environment().tests
    from stella_ops.templating.plugins.collected import why_not
    from stella_ops.templating.plugins.loading import load_failures
    from stella_ops.templating.plugins.unsupported import not_supported

    instead, why = not_supported(kind, name), why_not(kind, name)
    if instead:
        told = f"{why}; or {instead}" if why else instead
        return TemplateError(f"the {kind} '{name}' is not supported", where=where, hint=told)
    hint = why or did_you_mean(name, known) or load_failures(kind)
    return BrokenTemplateError(f"Syntax error in {what}: No {kind} named '{name}'.", where=where, hint=hint)


def _undefined(value: MissingValue, scope: Scope, origin: Origin | None) -> UndefinedVariableError:
    name = value._undefined_name
    cause = value._cause
    if cause is not None:
        error = UndefinedVariableError(cause.message, name=cause.name, where=cause.where, hint=cause.hint)
        error.needed_by = (*cause.needed_by, str(name))
        error.notes = cause.notes
        return error
    return UndefinedVariableError(value.describe(), name=str(name), where=origin, hint=_hint(value, scope))


def _pointed(where: Origin | None, origin: Origin | None, text: str | None, value: MissingValue) -> Origin | None:
    """The place of the word that has no value."""
    name = value._undefined_name
    if not isinstance(name, str):
        return where
    if value._undefined_obj is missing:
        return _at_word(where, origin, text, name)
    place = _at_word(where, origin, text, f".{name}")
    if place is None or place == where:
        return where
    return Origin(place.source, place.line, place.column + 1)


def _at_word(where: Origin | None, origin: Origin | None, text: str | None, word: str) -> Origin | None:
    if where is None or not where.line:
        return where
    if text is None or origin is None or where.source != origin.source:
        found = locate_on_line(where.source, word, where.line)
        return found if found.column else where
    found = locate(origin, text, word, max(where.line - origin.line, 1))
    return found if found != origin else where


def definitions(text: str, variables: Mapping[str, Any]) -> Iterator[str]:
    """Where the variables were defined that a template names; as far as a file says so."""
    told = 0
    for name in dict.fromkeys(_NAME.findall(text)):
        if name.startswith("ansible_") or told >= _SHOWN_DEFINITIONS:
            continue
        where = where_defined(variables, name)
        if where is not None and where.line:
            told += 1
            yield f"'{name}' is defined at {Origin(shown(where.source), where.line, where.column)}"


def where_defined(variables: Any, name: str) -> Origin | None:
    """Where the value of a variable was written; None for what is no file's."""
    layers = [variables.scope.variables] if isinstance(variables, LazyVariables) else getattr(variables, "maps", None)
    for layer in [variables] if layers is None else layers:
        if isinstance(layer, ChainMap | LazyVariables):
            found = where_defined(layer, name)
            if found is not None:
                return found
            if name in layer:
                return None
            continue
        try:
            value = layer[name]
        except KeyError:
            continue
        origin: Origin | None = getattr(value, "origin", None) or getattr(layer, "key_origins", {}).get(name)
        return origin
    return None


def _hint(value: MissingValue, scope: Scope) -> str | None:
    if value._undefined_name is None:
        return None
    name, owner = str(value._undefined_name), value._undefined_obj
    if owner is missing:
        return did_you_mean(name, map(str, scope.names()))
    if isinstance(owner, Mapping):
        return did_you_mean(name, map(str, owner)) or _listing(owner)
    if isinstance(owner, list | tuple):
        return f"the list has {len(owner)} elements"
    return None


def _listing(owner: Iterable[Any]) -> str | None:
    keys = sorted(map(str, owner))
    more = f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
    return f"it has: {', '.join(keys[:_SHOWN_KEYS])}{more}" if keys else "it is empty"


def _moved(origin: Origin | None, line: int) -> Origin | None:
    """The place of the ``line``-th line of a text that starts at ``origin``.

    Text of several lines comes from a block (``key: |``), whose first line is the one below its origin.
    """
    if origin is None or line <= 1:
        return origin
    return Origin(origin.source, max(origin.line, 1) + line)


def _line_of(problem: BaseException, origin: Origin | None) -> Origin | None:
    """The innermost template line that the exception passed through."""
    step: TracebackType | None = problem.__traceback__
    found = origin
    while step is not None:
        template = step.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, jinja2.Template):
            found = _place(template, template.get_corresponding_lineno(step.tb_lineno), origin)
        step = step.tb_next
    if isinstance(problem, UndefinedUse) and problem.value._line is not None:
        return _place(*problem.value._line, origin)
    return found


def _place(template: jinja2.Template, line: int, origin: Origin | None) -> Origin | None:
    if template.filename in (None, "<template>"):
        return _moved(origin, line)
    return Origin(str(template.filename), line + getattr(template, "stella_lines_before", 0))
