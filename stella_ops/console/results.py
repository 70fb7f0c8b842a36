"""A module's result as the text that ansible-core shows: which keys, which order, which indentation."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, time
from pathlib import PurePath
from typing import Any

from stella_ops.console.text import safe_block, safe_json
from stella_ops.engine.events import HostFinished
from stella_ops.engine.results import NO_TRACEBACK

# The status line says these already, or they are told apart from the result.
_TOLD_ELSEWHERE = frozenset(("failed", "skipped", "warnings", "deprecations", "exception"))
_SECTIONS = ("stdout", "stderr", "msg", "module_stdout", "module_stderr")
_OF_SECTIONS = frozenset((*_SECTIONS, "stdout_lines", "stderr_lines"))
_BELOW_DEBUG = frozenset(("invocation", "diff"))
_NOT_OF_DEBUG = frozenset(("changed", "skip_reason", "ansible_loop_var", "ansible_index_var", "ansible_loop"))
_LOUD = frozenset(("debug", "assert"))
_FACTS = frozenset(("setup", "gather_facts"))
_COMMANDS = frozenset(("command", "shell", "raw"))


def is_verbose(result: Mapping[str, Any], action: str, verbosity: int) -> bool:
    """Whether a result is shown although nothing is wrong: asked for by ``-v`` or by the action itself."""
    if (action in _FACTS and not result.get("skipped")) or result.get("_ansible_verbose_override"):
        return False  # facts fill screens
    return verbosity > 0 or is_loud(result, action)


def is_loud(result: Mapping[str, Any], action: str, *, failed: bool = False) -> bool:
    """Whether the action exists to show its result; not when it could not do so.

    A result says so itself by ``_ansible_verbose_always`` (False for ``assert: quiet``).
    """
    loud = action in _LOUD and (not failed or "failed_when_result" in result or "assertion" in result)
    return bool(result.get("_ansible_verbose_always", loud))


def is_command_output(result: Mapping[str, Any], action: str, *, failed: bool) -> bool:
    """Whether a result is told as text and not as JSON: that of a command, which ran; not that of one that still runs.

    Args:
        failed: what failed without a return code did not run, unless its time was over.
    """
    return (
        action in _COMMANDS
        and (failed or "ansible_job_id" not in result)
        and (not failed or "rc" in result or "timedout" in result)
    )


def traceback_of(result: Mapping[str, Any]) -> str | None:
    """The traceback of a failure as it may be printed; None where it has none."""
    found = result.get("exception")
    return None if not found or found == NO_TRACEBACK else safe_block(str(found)).rstrip()


def clean(result: Mapping[str, Any], action: str, verbosity: int) -> dict[str, Any]:
    """A result without the keys that are not shown at this verbosity."""
    hidden = _TOLD_ELSEWHERE if verbosity >= 3 else _TOLD_ELSEWHERE | _BELOW_DEBUG
    shown = {k: v for k, v in result.items() if not str(k).startswith("_ansible_") and k not in hidden}
    if action != "debug":
        return shown
    if "msg" in shown:
        return {"msg": shown["msg"]}
    return {k: v for k, v in shown.items() if k not in _NOT_OF_DEBUG and k != "invocation"}


def without_items(event: HostFinished) -> dict[str, Any]:
    """A task's result without what the items of its loop came to: those have been told one by one."""
    if not event.looped:
        return event.result
    return {name: value for name, value in event.result.items() if name != "results"}


def dump(
    result: Mapping[str, Any], action: str, verbosity: int, *, loud: bool = False, pretty: bool | None = None
) -> str:
    """A cleaned result as JSON: one line, or indented at ``-vvv`` and for loud actions.

    Control characters are escaped, also those that JSON allows to stand; any value has some text.

    Args:
        pretty: indented always, or never.
    """
    indented = loud or verbosity >= 3 if pretty is None else pretty
    return to_text(clean(result, action, verbosity), indent=4 if indented else None, strict=False)


def dump_sections(result: Mapping[str, Any], action: str, verbosity: int) -> str:
    """A cleaned result as indented JSON, and below it what was written and said, line by line.

    So the callback ``ansible.posix.debug`` shows it.
    """
    told = {name: value for name, value in result.items() if name not in _OF_SECTIONS}
    text = to_text(clean(told, action, verbosity), indent=4, strict=False)
    for name in _SECTIONS:
        if result.get(name):
            text += f"\n\n{name.upper()}:\n\n{safe_block(str(result[name]))}\n"
    return text.removesuffix("\n")


def to_text(value: Any, *, indent: int | None = None, strict: bool = True) -> str:
    """Any value as one JSON text with sorted keys; what JSON does not know becomes a string. Never raises.

    Args:
        strict: NaN and infinities, which JSON does not know either, are null; else they are shown as ansible-core does.
    """
    try:
        text = json.dumps(value, sort_keys=True, indent=indent, ensure_ascii=False, default=plain, allow_nan=not strict)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(tame(value), sort_keys=True, indent=indent, ensure_ascii=False)
    return safe_json(text)


def plain(value: Any) -> Any:
    """The JSON form of a value that JSON does not know."""
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    try:
        return str(value)
    except Exception:  # a broken __str__ must not end a run
        return f"<{type(value).__name__}>"


def tame(value: Any, depth: int = 0) -> Any:
    """A copy that ``json.dumps`` takes: text keys, no NaN or infinity, nothing that contains itself."""
    if depth > 60:
        return "…"
    if isinstance(value, Mapping):
        return {str(plain(k)): tame(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [tame(v, depth + 1) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    made = plain(value)
    return tame(made, depth + 1) if isinstance(made, list) else made


def item_label(item: Any, result: Mapping[str, Any]) -> str:
    """What stands for a loop's item: its label, else the item itself; neither under ``no_log``."""
    if result.get("_ansible_no_log") or "censored" in result:
        return "(censored due to no_log)"
    return str(result.get("_ansible_item_label", item))
