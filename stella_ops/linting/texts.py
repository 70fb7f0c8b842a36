"""The texts of a task that are templates or conditions, with what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from stella_ops.actions.registry import action
from stella_ops.linting.expressions import Parsed, parse_condition, parse_value
from stella_ops.linting.subject import texts
from stella_ops.origins import SourceText
from stella_ops.playbook.loops import TERMS
from stella_ops.playbook.model import Inherited, Task
from stella_ops.playbook.module_names import short_name

# used: rendered whenever the task runs; perhaps: only in some cases; shown: what cannot be rendered does no harm
When = Literal["used", "perhaps", "shown"]


class Text(NamedTuple):
    """A text of a task.

    Attributes:
        keyword: where it stands, such as ``when``.
        looped: it is rendered for each item of the task's loop, of which there may be none.
    """

    keyword: str
    text: SourceText
    condition: bool = False
    when: When = "used"
    looped: bool = True

    def parsed(self) -> Parsed:
        """What it names."""
        plain = str.__str__(self.text)
        return parse_condition(plain) if self.condition else parse_value(plain)


_KEYWORDS = (
    *("become", "become_user", "become_method", "become_flags", "become_exe", "connection", "remote_user", "port"),
    *("ignore_errors", "check_mode", "diff", "no_log", "delegate_to", "timeout"),
)
# All others hang on what is done: a user is of no interest where nobody becomes one.
_ALWAYS = frozenset({"delegate_to", "no_log", "check_mode", "diff", "timeout"})


def texts_of(task: Task) -> Iterator[Text]:
    """All texts of a task, but those of variables."""
    inherited = task.inherited
    yield from (Text("name", text, when="shown") for text in texts(task.name))
    yield from _conditions("when", inherited.when)
    yield from _loop(task)
    yield from _arguments(task)
    for keyword in ("until", "changed_when", "failed_when"):
        yield from _conditions(keyword, getattr(task, keyword) or [])
    yield from _conditions("break_when", task.loop_break_when)
    yield from (Text("environment", text) for text in texts(inherited.environment))
    yield from _keywords(inherited)
    for keyword in ("retries", "delay", "asynchronous", "poll"):
        yield from (Text(keyword, text) for text in texts(getattr(task, keyword)))
    yield from (Text("label", text, when="shown") for text in texts(task.loop_label))
    yield from (Text("notify", text, when="perhaps") for text in texts(task.notify))
    for level in inherited.module_defaults:
        if isinstance(level, dict):
            mine = {name: args for name, args in level.items() if short_name(str(name)) == task.action}
            yield from (Text("module_defaults", text, when="perhaps") for text in texts(mine))


def variable_texts(task: Task) -> Iterator[Text]:
    """The texts of a task's own variables and its blocks', which are rendered when something names them."""
    for level in (*task.inherited.vars, *task.inherited.params):
        for name, value in level.items():
            if name != TERMS:
                yield from (Text("vars", text, when="perhaps") for text in texts(value))


def _conditions(keyword: str, written: list[Any]) -> Iterator[Text]:
    # The second condition is looked at only where the first holds.
    for index, text in enumerate(written):
        if isinstance(text, SourceText):
            yield Text(keyword, text, condition=True, when="perhaps" if index else "used")


def _loop(task: Task) -> Iterator[Text]:
    if task.loop is None:
        return
    terms = task.inherited.vars[-1].get(TERMS) if task.inherited.vars else None
    lenient = "first_found" in str(task.loop) if terms is not None else False
    written = task.loop if terms is None else terms
    yield from (Text("loop", text, when="shown" if lenient else "used", looped=False) for text in texts(written))


def _arguments(task: Task) -> Iterator[Text]:
    unrendered: frozenset[str] = getattr(action(task.action), "UNRENDERED", frozenset())
    for name, value in task.args.items():
        if task.action == "assert" and name == "that":
            yield from _conditions("that", value if isinstance(value, list) else [value])
        elif task.action == "debug" and name == "var":
            if isinstance(value, SourceText):
                yield Text("var", value, condition=True, when="shown")
        elif name not in unrendered:
            if isinstance(name, SourceText):
                yield Text("args", name)
            yield from (Text("args", text) for text in texts(value))


def _keywords(inherited: Inherited) -> Iterator[Text]:
    for keyword in _KEYWORDS:
        when: When = "used" if keyword in _ALWAYS else "perhaps"
        yield from (Text(keyword, text, when=when) for text in texts(getattr(inherited, keyword)))
