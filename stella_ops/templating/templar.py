"""Rendering: turns what an operator wrote, with the variables of a host, into plain values.

Only a ``SourceText`` is a template; any other text is data, whatever it holds. A text that is one expression
keeps the type of its value, anything else becomes text. Variables are rendered when a template asks for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.errors import BrokenTemplateError, StellaError, TemplateError, UndefinedVariableError
from stella_ops.origins import Origin, SourceText, SourceVault, origin_of
from stella_ops.templating.conditional import holds, written_as
from stella_ops.templating.lazy import INERT, finalize
from stella_ops.templating.omit import OMIT
from stella_ops.templating.scope import LazyVariables, Scope, is_template

if TYPE_CHECKING:
    import jinja2

    from stella_ops.templating.environment import FileEnvironment
    from stella_ops.templating.marks import Marks

_FILE_HEADER = re.compile(r"\A#jinja2:([^\n]*)\n?")
_SWITCHES = frozenset({"trim_blocks", "lstrip_blocks", "keep_trailing_newline"})
_FILE_OPTIONS = frozenset(
    _SWITCHES
    | {"newline_sequence"}
    | {f"{part}_{end}_string" for part in ("variable", "block", "comment") for end in ("start", "end")}
    | {"line_statement_prefix", "line_comment_prefix"}
)

_FILE_DEFAULTS = {"trim_blocks": True, "lstrip_blocks": False, "newline_sequence": "\n"}
_STARTS = (("variable", "{{"), ("block", "{%"), ("comment", "{#"))
_KEPT_TEMPLATES = 256


class Templar:
    """Renders values, conditions and template files.

    Args:
        search_path: folders in which templates find what they include, import or extend, and lookups find
            files that are named by a relative path; the first that has it wins.
        lenient: conditions that are neither true nor false count by their truth.
    """

    def __init__(self, *, search_path: Sequence[Path] = (), lenient: bool = False) -> None:
        self._lenient = lenient
        self._search_path = tuple(search_path)
        self._environments: dict[tuple[tuple[str, Any], ...], FileEnvironment] = {}
        self._templates: dict[tuple[str, str, tuple[tuple[str, Any], ...]], jinja2.Template] = {}

    def lazy(
        self,
        variables: Mapping[str, Any],
        kept: dict[str, Any] | None = None,
        search_path: Sequence[Path] | None = None,
    ) -> LazyVariables:
        """A view of variables that renders on access, with these very variables.

        For the items of ``hostvars``, and to pass as ``variables`` to several calls that may share what they
        render. It must be made anew when a variable changes.

        Args:
            kept: see ``Scope``; what is rendered outlives the view in it.
            search_path: in place of the templar's own.
        """
        if isinstance(variables, LazyVariables):
            return variables
        return LazyVariables(Scope(variables, self._search_path if search_path is None else tuple(search_path), kept))

    def render(self, value: Any, variables: Mapping[str, Any], *, where: Origin | None = None) -> Any:
        """The value with every ``SourceText`` in it rendered, as plain dicts, lists and scalars.

        What is ``OMIT`` in a dict or list is left out; the value itself may be it.

        Args:
            value: anything; dicts and lists are walked.
            variables: name to value, or a view made by ``lazy``.
            where: the place errors name for a text without an origin of its own.

        Raises:
            UndefinedVariableError: something undefined is used, or is the result.
            TemplateError: the template is malformed or fails.
        """
        if type(value) in INERT:
            return value
        return self._render(value, self.lazy(variables).scope, where)

    def shown(self, text: SourceText, variables: Mapping[str, Any]) -> tuple[Any, str | None]:
        """A template whose value is only shown, with words in the place of what is undefined in it, or fails.

        Returns:
            the value, and what is to be told of its errors.
        """
        from stella_ops.templating.marks import Marks

        marks = Marks()
        try:
            value = self._marked(text, variables, marks, None)
        except BrokenTemplateError as problem:
            value = marks.error(problem.message)
        except TemplateError as problem:
            value = _before(text) + marks.truncated(problem)
        return value, marks.summary()

    def look(self, expression: SourceText, variables: Mapping[str, Any]) -> tuple[Any, str | None]:
        """The value of an expression, with words in the place of what is undefined in it; see ``shown``.

        Raises:
            TemplateError: it cannot be evaluated.
        """
        from stella_ops.templating.environment import compiled_condition
        from stella_ops.templating.marks import Marks

        marks = Marks()
        value = self._marked(expression, variables, marks, compiled_condition)
        return value, marks.summary()

    def written_as(self, text: str, variables: Mapping[str, Any]) -> SourceText | None:
        """What an operator wrote as the value of the one variable that a template names; see ``conditional``."""
        return written_as(text, self.lazy(variables).scope.variables)

    def _marked(
        self,
        text: SourceText,
        variables: Mapping[str, Any],
        marks: Marks,
        compiled: Callable[[str], jinja2.Template] | None,
    ) -> Any:
        from stella_ops.templating.environment import run_template
        from stella_ops.templating.marks import ACTIVE
        from stella_ops.templating.undefined import UndefinedUse

        seen = self.lazy(variables).scope
        scope = Scope(seen.variables, seen.search_path)  # what is marked must not be taken for a value later
        kind = "template" if compiled is None else "expression"
        token = ACTIVE.set(marks)
        try:
            if compiled is None:
                value = scope.render(text) if is_template(text) else str.__str__(text)
            else:
                try:
                    value = run_template(compiled(str.__str__(text)), scope)
                except UndefinedUse as use:  # an operator asked for its value, and has none either
                    value = use.value
            return finalize(value, missing=marks.of)
        except Exception as problem:
            raise _translated(problem, scope, text.origin, str.__str__(text), kind) from problem
        finally:
            ACTIVE.reset(token)

    def evaluate(self, condition: Any, variables: Mapping[str, Any], *, what: str = "when") -> bool:
        """Whether a condition holds.

        A ``SourceText`` is an expression, with or without braces around it. Text that spells a boolean counts as
        that boolean.

        Args:
            what: the keyword, for errors.

        Raises:
            TemplateError: as ``render``.
        """
        if isinstance(condition, bool):
            return condition
        scope = self.lazy(variables).scope
        try:
            return holds(condition, scope, what, lenient=self._lenient)
        except Exception as problem:
            found = _translated(problem, scope, origin_of(condition), str(condition), "expression")
            if isinstance(found, UndefinedVariableError):
                found = found.within("Error while evaluating conditional")
            raise found from problem

    def render_file(self, text: str, source: str, variables: Mapping[str, Any], **options: Any) -> str:
        """Render the text of an operator's template file, to text; see ``file_value``."""
        value = self.file_value(text, source, variables, **options)
        return "" if value is None or value is OMIT else value if isinstance(value, str) else str(value)

    def file_value(
        self,
        text: str,
        source: str,
        variables: Mapping[str, Any],
        *,
        search_path: Sequence[Path] | None = None,
        **options: Any,
    ) -> Any:
        """Render the text of an operator's template file.

        One that is a single expression, whatever it computes before, keeps the type of its value; one that makes
        nothing is None. Text ends in as many newlines as the file, or more where the last value has more.

        A first line ``#jinja2: trim_blocks:False, lstrip_blocks:True`` changes the options for the file.

        Args:
            source: the file's name, for errors.
            search_path: where it finds what it includes, in place of the templar's own folders.
            options: of Jinja2's environment, such as ``variable_start_string``; ``trim_blocks`` is on.

        Raises:
            TemplateError: as ``render``; the place is the line of the file.
        """
        from stella_ops.templating.environment import run_template

        chosen: dict[str, Any] = {**_FILE_DEFAULTS, **options}
        header = _FILE_HEADER.match(text)
        if header:
            chosen.update(_header_options(header.group(1), source))
            text = text[header.end() :]
        elif not any(chosen.get(f"{part}_start_string", usual) in text for part, usual in _STARTS):
            return text
        scope = self.lazy(variables, search_path=search_path).scope
        try:
            template = self._file_template(text, source, chosen, 1 if header else 0, scope.search_path)
            rendered = finalize(run_template(template, scope))
        except Exception as problem:
            from jinja2 import TemplateSyntaxError

            if isinstance(problem, TemplateSyntaxError) and header and problem.filename == source:
                problem.lineno += 1
            raise _translated(problem, scope, Origin(source)) from problem
        if isinstance(rendered, str):
            missing = _newlines_at_end(text) - _newlines_at_end(rendered)
            return rendered + str(chosen["newline_sequence"]) * missing
        return rendered

    def file_parser(self, text: str, source: str, options: Mapping[str, Any]) -> tuple[FileEnvironment, str, int]:
        """What parses a template file: its environment, the text without the ``#jinja2:`` line, and how many that is.

        Raises:
            TemplateError: that line holds unknown options.
        """
        chosen: dict[str, Any] = {**_FILE_DEFAULTS, **options}
        header = _FILE_HEADER.match(text)
        if header:
            chosen.update(_header_options(header.group(1), source))
            text = text[header.end() :]
        return self._file_environment(chosen, self._search_path), text, 1 if header else 0

    def _file_template(
        self, text: str, source: str, options: dict[str, Any], lines_before: int, search_path: tuple[Path, ...]
    ) -> jinja2.Template:
        """A file's template, compiled once for all hosts."""

        key = (source, text, (*sorted(options.items()), ("", search_path)))
        template = self._templates.get(key)
        if template is None:
            environment = self._file_environment(options, search_path)
            code = environment.compile(text, filename=source)
            template = environment.template_class.from_code(environment, code, environment.make_globals(None))
            template.stella_lines_before = lines_before  # type: ignore[attr-defined]
            if len(self._templates) >= _KEPT_TEMPLATES:
                self._templates.clear()
            self._templates[key] = template
        return template

    def _file_environment(self, options: dict[str, Any], search_path: tuple[Path, ...]) -> FileEnvironment:
        key = (*sorted(options.items()), ("", search_path))
        if key not in self._environments:
            from stella_ops.templating.environment import file_environment

            self._environments[key] = file_environment(search_path, options)
        return self._environments[key]

    def _render(self, value: Any, scope: Scope, where: Origin | None) -> Any:
        if type(value) in INERT:
            return value
        if isinstance(value, SourceText):
            return self._render_text(value, scope, where)
        if isinstance(value, SourceVault):
            return str.__str__(value.reveal())
        if isinstance(value, dict):
            rendered = ((_plain_key(key), self._render(item, scope, where)) for key, item in value.items())
            return {key: item for key, item in rendered if item is not OMIT}
        if isinstance(value, list | tuple):
            return [item for item in (self._render(item, scope, where) for item in value) if item is not OMIT]
        return self._final(value, scope, where)

    def _render_text(self, text: SourceText, scope: Scope, where: Origin | None) -> Any:
        if not is_template(text):
            return str.__str__(text)
        return self._final(scope.render(text, where), scope, text.origin or where, text)

    @staticmethod
    def _final(value: Any, scope: Scope, origin: Origin | None, text: str | None = None) -> Any:
        try:
            return finalize(value)
        except Exception as problem:
            raise _translated(problem, scope, origin, text) from problem


def _before(text: str) -> str:
    """What a template says before its first expression."""
    return re.split(r"\{[{%]", text, maxsplit=1)[0]


def _translated(
    problem: Exception, scope: Scope, origin: Origin | None, text: str | None = None, kind: str = "template"
) -> StellaError:
    from stella_ops.templating.failures import translate

    return translate(problem, scope, origin, text, kind)


def _plain_key(key: Any) -> Any:
    return str.__str__(key) if isinstance(key, SourceText) else key


def _header_options(header: str, source: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for part in header.split(","):
        name, colon, written = part.partition(":")
        name, written = name.strip(), written.strip()
        if not colon or name not in _FILE_OPTIONS:
            raise TemplateError(
                f"Syntax error in template: Invalid '#jinja2:' override key '{name}'.",
                where=Origin(source, 1),
                hint=f"known are: {', '.join(sorted(_FILE_OPTIONS))}",
            )
        options[name] = _option_value(name, written)
        wanted = bool if name in _SWITCHES else str
        if not isinstance(options[name], wanted):
            raise TemplateError(
                f"Syntax error in template: TemplateOverrides.{name} must be {wanted} instead of {type(options[name])}",
                where=Origin(source, 1),
            )
    return options


def _option_value(name: str, written: str) -> Any:
    if written.lower() in ("true", "false"):
        return written.lower() == "true"
    if name in _SWITCHES and written.isdigit():
        return int(written)
    return written.strip("'\"").encode().decode("unicode_escape")


def _newlines_at_end(text: str) -> int:
    return len(text) - len(text.rstrip("\n"))
