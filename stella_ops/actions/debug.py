"""Shows a message or a variable."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, ActionError, Result
from stella_ops.collections import current
from stella_ops.errors import TemplateError
from stella_ops.origins import SourceText
from stella_ops.templating.scope import is_template
from stella_ops.templating.undefined import kind_of

ARGUMENTS: dict[str, dict[str, Any]] = {
    "msg": {"type": "raw"},
    "var": {"type": "raw"},
    "verbosity": {"type": "int", "default": 0},
}

# Only what the operator wrote is an expression: rendered first, ``var`` could be a text that a host has chosen.
UNRENDERED = frozenset({"var"})


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``msg`` as it is, or the value of the expression ``var``."""
    if args.get("msg") is not None and args.get("var") is not None:
        raise ActionError("parameters are mutually exclusive: msg|var")
    wanted = int(args.get("verbosity") or 0)
    if int(context.variables.get("ansible_verbosity", 0)) < wanted:
        return {"skipped": True, "skipped_reason": "Verbosity threshold not met."}
    if args.get("var") in (None, ""):
        return {"msg": args.get("msg", "Hello world!")}
    name = _text(args["var"])
    if not isinstance(name, SourceText):
        return {str(name): name}
    if is_template(name):
        try:
            value = _text(context.templar.render(name, context.variables))
        except TemplateError as problem:
            said = "Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'var'"
            raise problem.within(said) from problem
        named = context.templar.written_as(name, context.variables)
        if named is None or is_template(named):
            return {str(name): value}  # it may be a text that a host has chosen
        name = named
    try:
        value, told = context.templar.look(name, context.variables)
    except TemplateError as problem:
        raise problem.within("Error while resolving `var` expression") from problem
    if told:
        current().say(told)
    return {str(name): value}


def _text(name: Any) -> str:
    if not isinstance(name, str):
        raise ActionError(
            f"argument 'var' is of type {kind_of(name)} and we were unable to convert to "
            f"_check_type_str_no_conversion: '{name}' is not a string and conversion is not allowed"
        )
    return name
