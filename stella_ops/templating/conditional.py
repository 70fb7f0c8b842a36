"""Conditions: the expressions of ``when``, ``failed_when``, ``until``, ``assert`` and the like.

A condition is an expression already, and its result is true or false: as in ansible-core 2.19, any other result is an
error. ``ALLOW_BROKEN_CONDITIONALS`` makes it count by its truth, as ansible-core did up to 2.18.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.booleans import FALSE_WORDS, TRUE_WORDS
from stella_ops.collections.notices import goes_away
from stella_ops.errors import TemplateError
from stella_ops.origins import Origin, SourceText, SourceVault, origin_of
from stella_ops.templating.lazy import finalize
from stella_ops.templating.scope import Scope, is_template

if TYPE_CHECKING:
    import jinja2

_NO_NAMES = TRUE_WORDS | FALSE_WORDS | {""}
_WITHOUT_BRACES = "a condition is an expression already: write variables without {{ }}, as in  x == 'y'"
_MAKE_BOOLEAN = "write what is to be true of it:  x | bool,  x is truthy,  x | length > 0,  x is defined"
_DEEPEST = 10  # expressions that name expressions


def holds(condition: Any, scope: Scope, what: str, *, lenient: bool) -> bool:
    """Whether a condition holds.

    Args:
        condition: as it is written; only a ``SourceText`` is an expression.
        what: the keyword, for errors.
        lenient: results that are neither true nor false count by their truth.

    Raises:
        TemplateError: it is no condition. What goes wrong in the expression is raised as Jinja2 raises it.
    """
    value = _value(condition, scope, what, lenient, 0)
    if isinstance(value, bool):
        return value
    finalize(value)  # what is undefined in it is the better reason
    said = (
        f"Conditional result ({bool(value)}) was derived from value of type '{_type_name(value)}'"
        f"{_at(condition, value, scope)}. Conditionals must have a boolean result."
    )
    if lenient:
        goes_away(said, where=origin_of(condition))
        return _truth(value)
    raise TemplateError(said, where=origin_of(condition), hint=_MAKE_BOOLEAN)


def _at(condition: Any, value: Any, scope: Scope) -> str:
    """Where the value of a condition was written: a variable's stands elsewhere."""
    if value is None:
        return " at '<unknown>'"
    place = _origin_of_named(str(condition), scope, 0) or origin_of(condition)
    return f" at '{Origin(str(Path(place.source).absolute()), place.line, place.column)}'" if place is not None else ""


def _value(condition: Any, scope: Scope, what: str, lenient: bool, depth: int) -> Any:
    from stella_ops.templating.environment import run_template
    from stella_ops.templating.undefined import require

    if isinstance(condition, SourceVault):
        condition = condition.reveal()
    if isinstance(condition, bool):
        return condition
    text = str.__str__(condition).strip() if isinstance(condition, str) else condition
    if text is None or text == "":
        if lenient:
            return text == ""
        raise TemplateError("Empty conditional expressions are not allowed.", where=origin_of(condition))
    if not isinstance(condition, SourceText):
        if lenient or isinstance(condition, str):
            return _word(condition)
        raise TemplateError("Conditional expressions must be strings.", where=origin_of(condition))
    if not _is_all_template(text):
        return require(run_template(_expression(text, what), scope))
    _tell_of_braces(condition)
    named = _named_expression(text, scope)
    if named is not None and depth < _DEEPEST:
        return _value(named, scope, what, lenient, depth + 1)
    found = require(run_template(_whole_template(text, what), scope))
    if not lenient and (found is None or found == ""):
        raise TemplateError("Empty conditional expressions are not allowed.", where=origin_of(condition))
    return _word(found)


def _tell_of_braces(condition: Any) -> None:
    text = "Conditionals should not be surrounded by templating delimiters such as {{ }} or {% %}."
    goes_away(text, where=origin_of(condition))


def _is_all_template(text: str) -> bool:
    return (text.startswith("{{") and text.endswith("}}")) or (text.startswith("{%") and text.endswith("%}"))


def _origin_of_named(text: str, scope: Scope, depth: int) -> Origin | None:
    """The place of the value of a variable that is all of an expression, also by way of templates."""
    found = _name_in(text if _is_all_template(text) else f"{{{{ {text} }}}}")
    value = None if found is None else _raw(found, scope.variables)
    if isinstance(value, SourceText) and is_template(value) and depth < _DEEPEST:
        return _origin_of_named(str.__str__(value), scope, depth + 1) or value.origin
    return origin_of(value)


def _raw(path: tuple[Any, ...], variables: Mapping[str, Any]) -> Any:
    value: Any = variables
    for part in path:
        try:
            value = value[part]
        except (KeyError, TypeError, IndexError):
            return None
    return value


def _named_expression(text: str, scope: Scope) -> SourceText | None:
    """The expression that a condition ``{{ name }}`` names: what an operator wrote as the variable's value."""
    found = _name_in(text)
    value = None if found is None else _raw(found, scope.variables)
    if not isinstance(value, SourceText) or str.__str__(value).strip().lower() in _NO_NAMES:
        return None
    return value


def written_as(text: str, variables: Mapping[str, Any], depth: int = 0) -> SourceText | None:
    """What an operator wrote as the value of the variable that a template ``{{ name }}`` or ``{{ a.b[0] }}`` names.

    Args:
        variables: as they are written.
    """
    found = _name_in(str.__str__(text).strip())
    value = None if found is None else _raw(found, variables)
    if not isinstance(value, SourceText):
        return None
    if not is_template(value):
        return value
    return written_as(value, variables, depth + 1) if depth < _DEEPEST else None


@functools.lru_cache(maxsize=1024)
def _name_in(text: str) -> tuple[Any, ...] | None:
    from jinja2 import TemplateSyntaxError, nodes

    from stella_ops.templating.environment import value_environment

    try:
        body = value_environment().parse(text).body
    except TemplateSyntaxError:
        return None
    if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
        return None
    node: nodes.Node = body[0].nodes[0]
    parts: list[Any] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Filter) and node.node is not None:
        if isinstance(node, nodes.Getattr):
            parts.insert(0, node.attr)
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            parts.insert(0, node.arg.value)
        elif not isinstance(node, nodes.Filter) or node.name not in ("default", "d"):
            return None
        node = node.node
    return (node.name, *parts) if isinstance(node, nodes.Name) else None


@functools.lru_cache(maxsize=4096)
def _whole_template(text: str, what: str) -> jinja2.Template:
    from jinja2 import nodes

    from stella_ops.templating.environment import value_environment

    body = value_environment().parse(text).body
    if any(isinstance(each, nodes.Output) and len(each.nodes) > 1 for each in body) or len(body) > 1:
        raise _mixed(what, text)
    return value_environment().from_string(text)


@functools.lru_cache(maxsize=4096)
def _expression(text: str, what: str) -> jinja2.Template:
    from jinja2 import TemplateSyntaxError

    from stella_ops.templating.environment import compiled_condition

    try:
        return compiled_condition(text)
    except TemplateSyntaxError:
        if is_template(text):
            raise _mixed(what, text) from None
        raise


def _mixed(what: str, text: str) -> TemplateError:
    from jinja2 import TemplateSyntaxError

    from stella_ops.templating.environment import compiled_condition

    said = ""
    try:
        compiled_condition(text)
    except TemplateSyntaxError as problem:
        said = f": {problem.message}"
    return TemplateError(
        f"Syntax error in expression. Template delimiters are not supported in expressions{said}",
        hint=f"'{what}' mixes an expression with templates; {_WITHOUT_BRACES}",
    )


def forget_conditions() -> None:
    """Compile conditions anew: a filter or test in them may be another."""
    _whole_template.cache_clear()
    _expression.cache_clear()


def _word(value: Any) -> Any:
    """A text that spells a boolean as that boolean; all else as it is."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
    return value


def _truth(value: Any) -> bool:
    word = _word(value)
    return word if isinstance(word, bool) else bool(word.strip() if isinstance(word, str) else word)


def _type_name(value: Any) -> str:
    for kind in (str, dict, list):
        if isinstance(value, kind):
            return kind.__name__
    return type(value).__name__
