"""Finds the module a task names, and the arguments it gives it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stella_ops import collections as installed
from stella_ops.collections.moved import moved_to
from stella_ops.collections.notices import goes_away
from stella_ops.collections.resolving import explain
from stella_ops.errors import CollectionError, PlaybookError
from stella_ops.origins import Origin, SourceText, SourceVault, key_origin, origin_of
from stella_ops.playbook.free_form import parse_text
from stella_ops.playbook.keywords import (
    INHERITED,
    KNOWN,
    is_template,
    not_supported_yet,
    report_unknown,
    spoken,
)
from stella_ops.playbook.loops import with_keywords
from stella_ops.playbook.module_index import ModuleIndex, ModuleSpec
from stella_ops.playbook.module_names import canonical, short_name
from stella_ops.playbook.problems import Problems
from stella_ops.playbook.refused_actions import refusal
from stella_ops.spelling import did_you_mean, nearest

META = (
    *("flush_handlers", "noop", "end_play", "end_host", "end_batch", "clear_facts", "clear_host_errors"),
    *("refresh_inventory", "reset_connection", "end_role"),
)
_META_SPEC = ModuleSpec("meta", {"free_form": {"type": "str", "choices": list(META)}}, "free_form")
# Under this name stands the template of a mapping of arguments.
VARIABLE_ARGS = "_variable_params"
# Their text is a command, whatever words with "=" it holds; that of others with a free form is options and one text.
_VERBATIM = frozenset({"command", "shell", "raw", "script"})
# Of ansible-core, and replaced long ago.
_NOT_BUILT = frozenset({"include"})
# A template may hold blanks.
_FIRST_WORD = re.compile(r"((?:\{\{.*?\}\}|\{%.*?%\}|\S)+)\s*(.*)", re.DOTALL)


@dataclass(slots=True)
class Call:
    """The module of a task.

    Attributes:
        action: its canonical name.
        written: the name as it is written.
        delegate_to: set by ``local_action``.
    """

    action: str
    written: str
    args: dict[str, Any] = field(default_factory=dict)
    delegate_to: str | None = None


# To these, a line may say anything.
_FREE_FORM = frozenset({"command", "raw", "script", "shell"})
_INCLUDES = frozenset({"include_role", "include_tasks"})


def read_call(
    raw: Mapping[Any, Any],
    level: str,
    modules: ModuleIndex,
    problems: Problems,
    *,
    expected_to_fail: bool = False,
    unreached: bool = False,
    search: Sequence[str] = (),
) -> Call | None:
    """The module call of a task; None, with a problem noted, when there is none that can be read.

    Args:
        level: ``task`` or ``handler``; other keys of the mapping are checked against its keywords.
        expected_to_fail: the playbook deals with its failure, so that wrong parameters are told when it runs.
        unreached: it will not run, so that what it would need is not missed.
        search: the collections in which a short name is looked for; see ``module_names.search_list``.
    """
    named = _candidates(raw, level, modules, problems, search)
    if named is None:
        return None
    keyword, name, written = named
    where = key_origin(raw, keyword)
    if keyword in ("action", "local_action"):
        taken = _from_action(keyword, written, where, problems)
        if taken is None:
            return None
        name, written = taken
        if is_template(name):
            return _unnamed(raw, keyword, name, written, where, problems)
    place = origin_of(raw[keyword]) if keyword != name else where
    short = _canonical(name, place, modules, problems, search)
    if short is None:
        return None
    refused = refusal(short, name, modules, place) if short != "meta" else None
    if (
        keyword in ("action", "local_action")
        and problems.values_later
        and refused is None
        and short not in ("meta", *_NOT_BUILT)
        and modules.spec(short) is None
    ):
        # As ansible-core has it, what is named under a keyword is looked for when the task runs.
        named_then = SourceText("{{ '" + name.replace("'", "") + "' }}", where or Origin(""))
        call = _unnamed(raw, keyword, named_then, written, where, problems)
        call.written = name
        return call
    if refused is not None:
        if not expected_to_fail and not unreached:
            problems.found.append(refused)
            return None
        problems.later.append(refused)
        spec: ModuleSpec | None = ModuleSpec(short, None, "_raw_params")
    else:
        spec = _find_spec(short, name, place, modules, problems)
    if spec is None:
        return None
    call = Call(spec.name, name, delegate_to="localhost" if keyword == "local_action" else None)
    try:
        own = _read_args(spec, written, where)
        words = ", ".join(repr(str(name)) for name in sorted(own) if not str(name).startswith("_"))
        if words and "args" in raw and isinstance(written, str):
            goes_away(f"Merging legacy k=v args ({words}) into task args.", where=origin_of(written))
        call.args = {**_extra_args(raw, problems), **own}
        _check_reserved(spec, name, call.args, written, where)
    except PlaybookError as problem:
        problems.found.append(problem)
        return call
    # No failure of a task could tell of a word that meta does not know: nothing runs. And what is included is a part of
    # the playbook, which is wrong then.
    later = expected_to_fail and spec.name not in ("meta", *_INCLUDES)
    checked = Problems() if later else problems
    _check(spec, call.args, raw.get("args"), written, where, checked)
    if later:
        problems.later += checked.found
    return call


def _candidates(
    raw: Mapping[Any, Any], level: str, modules: ModuleIndex, problems: Problems, search: Sequence[str]
) -> tuple[str, str, Any] | None:
    unknown = [
        key
        for key in raw
        if key not in KNOWN[level] and key not in with_keywords(raw) and not not_supported_yet(level, str(key))
    ]
    named = [key for key in raw if key in ("action", "local_action")]
    named += [key for key in unknown if _is_module(key, modules, search, key_origin(raw, key))]
    strangers = [key for key in unknown if key not in named]
    for key in raw:
        if not_supported_yet(level, str(key)):
            report_unknown(raw, key, level, problems)
    if len(named) > 1:
        problems.add(
            f"conflicting action statements: {', '.join(map(str, named))}",
            where=key_origin(raw, named[1]),
            hint="make it a task of its own: '- ' before its name",
        )
        return None
    if named:
        for key in strangers:
            report_unknown(raw, key, level, problems, module=named[0])
        return str(named[0]), str(named[0]), raw[named[0]]
    if not strangers:
        problems.add(f"no module/action detected in {level}: it names no module", where=origin_of(raw))
        return None
    _report_no_module(raw, strangers, level, modules, problems)
    return None


def _is_module(key: Any, modules: ModuleIndex, search: Sequence[str], where: Origin | None) -> bool:
    if not isinstance(key, str):
        return False
    try:
        name = canonical(key, modules, search)
    except CollectionError:
        return True
    if name == "meta" or name in _NOT_BUILT or modules.spec(name) is not None:
        return True
    return refusal(name, key, modules, where) is not None


def _report_no_module(
    raw: Mapping[Any, Any], strangers: list[Any], level: str, modules: ModuleIndex, problems: Problems
) -> None:
    """Of the keys that are neither keyword nor module one must be the module: the least like a keyword."""
    names = [*modules.names(), *modules.rejected]
    like_keywords = [key for key in strangers if nearest(str(key), KNOWN[level])]
    suspects = [key for key in strangers if key not in like_keywords or nearest(short_name(str(key)), names)]
    for key in strangers:
        if key in suspects:
            _report_unknown_module(str(key), key_origin(raw, key), modules, problems, KNOWN[level])
        else:
            report_unknown(raw, key, level, problems)
    if not suspects:
        problems.add(f"no module/action detected in {level}: it names no module", where=origin_of(raw))


def _canonical(
    name: str, where: Origin | None, modules: ModuleIndex, problems: Problems, search: Sequence[str]
) -> str | None:
    try:
        return canonical(name, modules, search)
    except CollectionError as problem:
        problems.add(problem.message, where=where, hint=problem.hint or problem.where, exit_code=1)
        return None


def _find_spec(
    short: str, name: str, where: Origin | None, modules: ModuleIndex, problems: Problems
) -> ModuleSpec | None:
    if short == "meta":
        return _META_SPEC
    spec = modules.spec(short)
    if spec is None and short in _NOT_BUILT:
        text = f"The 'ansible.builtin.{short}' action plugin has been removed."
        problems.add(text, where=where, hint="use include_tasks or import_tasks", exit_code=1)
    elif spec is None:
        _report_unknown_module(name, where, modules, problems)
    return spec


def _report_unknown_module(
    name: str, where: Origin | None, modules: ModuleIndex, problems: Problems, keywords: Any = ()
) -> None:
    short = short_name(name)
    hint = explain(installed.current(), "modules", moved_to("modules", name) or name)
    if short in modules.rejected or name in modules.rejected:
        hint = "a plugin_filters_cfg rejects it"
    hint = hint or did_you_mean(short, [*modules.names(), "meta", *keywords])
    fallback = f"a module of your own goes into a folder 'modules' beside the playbook, as {short}.py"
    text = f"unknown module '{name}': couldn't resolve module/action '{name}'"
    problems.add(text, where=where, hint=hint or fallback, rule="unknown-module")


def _from_action(keyword: str, written: Any, where: Origin | None, problems: Problems) -> tuple[str, Any] | None:
    """The module and its arguments of ``action:`` and ``local_action:``, which are text or a mapping."""
    place = origin_of(written) or where
    if isinstance(written, dict):
        goes_away("Using a mapping for `action` is deprecated.", where=origin_of(written))
        if not isinstance(written.get("module"), str):
            problems.add(f"'{keyword}' needs the name of a module under 'module'", where=place)
            return None
        origin = origin_of(written["module"]) or place or Origin("")
        found = _FIRST_WORD.fullmatch(str.__str__(written["module"]).strip())
        name = SourceText(found[1] if found is not None else "", origin)
        rest: Any = _unfolded({key: value for key, value in written.items() if key != "module"})
        if found is not None and found[2]:
            try:
                rest.update(parse_text(SourceText(found[2], origin), free_form=short_name(name) in _VERBATIM))
            except PlaybookError as problem:
                problems.found.append(problem)
                return None
    elif isinstance(written, SourceText) and written.strip():
        found = _FIRST_WORD.fullmatch(str.__str__(written).strip())
        assert found is not None
        name, rest = (
            SourceText(found[1], place or Origin("")),
            SourceText(found[2], written.origin) if found[2] else None,
        )
    else:
        said = f"unexpected parameter type in action: '{keyword}' needs the name of a module, not {spoken(written)}"
        problems.add(said, where=place)
        return None
    return name, rest


def _unnamed(
    raw: Mapping[Any, Any], keyword: str, name: str, written: Any, where: Origin | None, problems: Problems
) -> Call:
    """A call of a module that only the run can name: what it takes is seen then."""
    call = Call(name, name, delegate_to="localhost" if keyword == "local_action" else None)
    try:
        call.args = {**_extra_args(raw, problems), **_read_args(ModuleSpec(name, None, "_raw_params"), written, where)}
    except PlaybookError as problem:
        problems.found.append(problem)
    return call


def _extra_args(raw: Mapping[Any, Any], problems: Problems) -> dict[str, Any]:
    extra = raw.get("args")
    if extra is None:
        if "args" in raw:
            goes_away("Ignoring empty task `args` keyword.", where=origin_of(raw))
        return {}
    if is_template(extra):
        return {VARIABLE_ARGS: extra}
    if not isinstance(extra, dict):
        problems.add(
            f"The value of the task `args` keyword is invalid: 'args' must be a mapping, not {spoken(extra)}",
            where=key_origin(raw, "args"),
        )
        return {}
    return dict(extra)


def _read_args(spec: ModuleSpec, written: Any, where: Origin | None) -> dict[str, Any]:
    if written is None:
        return {}
    if isinstance(written, dict):
        return dict(written)
    if isinstance(written, SourceText):
        args = parse_text(written, free_form=spec.name in _VERBATIM)
        if spec.free_form is None and is_template(args.get("_raw_params")):
            args[VARIABLE_ARGS] = args.pop("_raw_params")
        return dict(args)
    if isinstance(written, SourceVault) and spec.free_form is not None:
        return {"_raw_params": written}
    said = f"the arguments of '{spec.name}' must be a mapping or text, not {spoken(written)}"
    raise PlaybookError(f"unexpected parameter type in action: {said}", where=where)


def _check_reserved(spec: ModuleSpec, name: str, args: Mapping[str, Any], written: Any, where: Origin | None) -> None:
    for given in args if spec.name not in _FREE_FORM else ():
        if str(given).startswith("_ansible_"):
            problem = PlaybookError(
                f"Invalid parameter specified beginning with keyword '_ansible_' for action '{name}': '{given}'. "
                "The prefix '_ansible_' is reserved for internal use only.",
                where=(key_origin(written, given) if isinstance(written, Mapping) else None) or where,
            )
            problem.exit_code = 1
            raise problem


def _unfolded(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments of which some stand under ``args`` once more, as ansible-core takes them from an action's mapping."""
    inner = args.get("args")
    if isinstance(inner, SourceText) and not is_template(inner):
        inner = parse_text(inner, free_form=False)
    if isinstance(inner, dict):
        del args["args"]
        args.update(inner)
    return args


def _check(
    spec: ModuleSpec, args: dict[str, Any], extra: Any, written: Any, where: Origin | None, problems: Problems
) -> None:
    """Note arguments that the module does not know or misses, and static values it does not accept."""
    if spec.name == "meta" and str(args.get("_raw_params", "")) not in META:
        said = spoken(args.get("_raw_params")).strip("'")
        hint = did_you_mean(str(args.get("_raw_params")), META) or f"known: {', '.join(META)}"
        text = f"invalid meta action requested: {said}"
        problems.add(text, where=origin_of(written) or where, hint=hint, rule="wrong-value", exit_code=1)
        return
    if "_raw_params" in args and spec.free_form is None and isinstance(written, str):
        problems.add(
            f"'{spec.name}' takes arguments by name, not the text {spoken(args['_raw_params'])}",
            where=origin_of(written),
            hint="write name=value, or a mapping below the module's name",
        )
        return
    if spec.arguments is None or VARIABLE_ARGS in args:
        return
    names = {alias: name for name, each in spec.arguments.items() for alias in (name, *each.get("aliases", ()))}
    for key in args:
        if key != "_raw_params" and key not in names:
            place = key_origin(written, key) if isinstance(written, dict) and key in written else None
            place = place or (key_origin(extra, key) if isinstance(extra, dict) and key in extra else None)
            advice = did_you_mean(str(key), names)
            if advice is None and key in INHERITED:
                advice = f"'{key}' is a keyword of tasks: it belongs one level up, beside '{spec.name}'"
            problems.add(
                f"Invalid options for {spec.name}: {key}"
                if spec.name in _INCLUDES
                else f"'{spec.name}' has no parameter '{key}': Unsupported parameters for ({spec.name}) module: {key}",
                where=place or origin_of(args[key]) or where,
                hint=advice or f"it has: {', '.join(sorted(spec.arguments))}",
                rule="unknown-parameter",
            )
    given = {names[key] for key, value in args.items() if key in names and value is not None}
    if "_raw_params" in args and spec.free_form:
        given.add(spec.free_form)
    for name, each in spec.arguments.items():
        if each.get("required") and name not in given:
            text = f"'{spec.name}' needs the parameter '{name}': missing required arguments: {name}"
            if spec.name in _INCLUDES:
                text = f"'{name}' is a required field for {spec.name}."
            problems.add(text, where=where, rule="missing-parameter")
    _check_choices(spec, args, names, where, problems)


def _check_choices(
    spec: ModuleSpec, args: dict[str, Any], names: Mapping[str, str], where: Origin | None, problems: Problems
) -> None:
    assert spec.arguments is not None
    for key, value in args.items():
        each = spec.arguments.get(names.get(key, ""), {})
        choices = each.get("choices")
        if not choices or each.get("type", "str") != "str" or not isinstance(value, str) or is_template(value):
            continue
        if value not in choices:
            known = [str(choice) for choice in choices]
            problems.add(
                f"value of {key} must be one of: {', '.join(known)}, got: {value}",
                where=origin_of(value) or where,
                hint=did_you_mean(str(value), known),
                rule="wrong-value",
            )
