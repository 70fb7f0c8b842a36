"""Turns what goes wrong inside Jinja2 into errors for the operator: what, where, the nearest known name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.utils import missing

from stella_ops.errors import StellaError, TemplateError, UndefinedVariableError
from stella_ops.origins import Origin, did_you_mean
from stella_ops.templating.undefined import MissingValue, UndefinedUse

if TYPE_CHECKING:
    from stella_ops.templating.scope import Scope

_NO_SUCH = re.compile(r"No (filter|test) named '([^']+)'")
_SHOWN_KEYS = 12


def translate(problem: Exception, scope: Scope, origin: Origin | None) -> StellaError:
    """The operator's error for an exception that a rendering raised.

    Args:
        origin: where the template text was written.
    """
    if isinstance(problem, StellaError):
        if problem.where is None and origin is not None:
            problem.where = str(origin)
        return problem
    if isinstance(problem, UndefinedUse):
        return _undefined(problem.value, scope, _line_of(problem, origin))
    if isinstance(problem, jinja2.TemplateSyntaxError):
        return _syntax(problem, origin)
    where = _line_of(problem, origin)
    if isinstance(problem, jinja2.UndefinedError):
        return UndefinedVariableError(str(problem), name="", where=where)
    if isinstance(problem, jinja2.TemplatesNotFound | jinja2.TemplateNotFound):
        return TemplateError(f"template '{problem.message}' is not found", where=where)
    if isinstance(problem, SecurityError):
        return TemplateError(f"templates may not do this: {problem}", where=where)
    if isinstance(problem, jinja2.TemplateError):
        return _unknown_plugin(str(problem), where) or TemplateError(str(problem), where=where)
    if isinstance(problem, RecursionError):
        return TemplateError("the template is nested too deeply", where=where)
    return TemplateError(f"the template fails: {problem} ({type(problem).__name__})", where=where)


def _syntax(problem: jinja2.TemplateSyntaxError, origin: Origin | None) -> TemplateError:
    where = origin
    message = str(problem.message)
    if problem.filename and problem.filename != "<template>":
        where = Origin(problem.filename, problem.lineno)
    elif problem.lineno > 1:
        where = _moved(origin, problem.lineno)
    return _unknown_plugin(message, where) or TemplateError(f"template syntax: {message}", where=where)


def _unknown_plugin(message: str, where: Origin | None) -> TemplateError | None:
    found = _NO_SUCH.search(message)
    if not found:
        return None
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
    return TemplateError(f"unknown {kind} '{name}'", where=where, hint=hint)


def _undefined(value: MissingValue, scope: Scope, origin: Origin | None) -> UndefinedVariableError:
    name = value._undefined_name
    cause = value._cause
    if cause is not None:
        used = f"needed by '{name}'"
        message = cause.message
        message = f"{message[:-1]}, {used})" if message.endswith("')") else f"{message} ({used})"
        return UndefinedVariableError(message, name=cause.name, where=cause.where, hint=cause.hint)
    return UndefinedVariableError(value.describe(), name=str(name), where=origin, hint=_hint(value, scope))


def _hint(value: MissingValue, scope: Scope) -> str | None:
    if value._undefined_hint:
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
