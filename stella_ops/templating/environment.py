"""The Jinja2 environments: one for values, and one for files. Both keep native types."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import Frame
from jinja2.ext import Extension
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context, Macro
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import import_string, missing
from jinja2.visitor import NodeTransformer

from stella_ops.ansible_settings.reading import read_ansible_settings
from stella_ops.collections.notices import warn
from stella_ops.errors import SettingsError
from stella_ops.templating import tables
from stella_ops.templating.filters.defaults import undef
from stella_ops.templating.lazy import printed, settle
from stella_ops.templating.lookups.registry import GLOBALS, LOOKUP_FUNCTIONS
from stella_ops.templating.marks import ACTIVE
from stella_ops.templating.omit import OMIT
from stella_ops.templating.scope import NOT_THERE, is_template
from stella_ops.templating.undefined import MissingValue, UndefinedUse, first_missing, require

SCOPE = "__stella_scope__"  # the key of a context's parent under which its scope travels through includes
# The scope of what is being rendered, for the functions called in templates that were imported without the context.
_RENDERED: ContextVar[Any] = ContextVar("rendered", default=None)
_EXTENSIONS = ("jinja2.ext.do", "jinja2.ext.loopcontrols")


def text_of(value: Any) -> str:
    """A value as a part of text: nothing for None and ``omit``, plain data for containers."""
    if isinstance(value, str):
        return value
    if value is None or value is OMIT:
        return ""
    if isinstance(value, MissingValue) and (marks := ACTIVE.get()) is not None:
        return marks.of(value)
    return printed(require(value))


def native_concat(parts: Iterable[Any]) -> Any:
    """One part keeps its type, several become text, none is None; as ansible-core 2.19 has it."""
    found = []
    for part in parts:
        if isinstance(part, MissingValue) and part._line is None:
            part._line = _line_reached(parts)  # it may fail only after the template has moved on
        if part is not None:
            found.append(part)
    if len(found) == 1:
        return settle(found[0])
    return "".join(map(text_of, found)) if found else None


def _line_reached(parts: Iterable[Any]) -> tuple[jinja2.Template, int] | None:
    frame = getattr(parts, "gi_frame", None)
    template = None if frame is None else frame.f_globals.get("__jinja_template__")
    if frame is None or not isinstance(template, jinja2.Template):
        return None
    return template, template.get_corresponding_lineno(frame.f_lineno)


class ScopedContext(Context):
    """Looks names up in the template's own variables, then in its scope, then among the globals."""

    def resolve_or_missing(self, key: str) -> Any:
        if key in self.vars:
            return self.vars[key]
        if key in self.parent:
            return self.parent[key]
        scope = self.parent.get(SCOPE)
        value = NOT_THERE if scope is None else scope.lookup(key)
        return self.environment.globals.get(key, missing) if value is NOT_THERE else value

    def get_all(self) -> dict[str, Any]:
        return {**self.parent, **self.vars}


class _Template(jinja2.Template):
    """A template whose module is made anew for each that imports it: lookups in it are another host's each time."""

    def _get_default_module(self, ctx: Context | None = None) -> Any:
        return self.make_module()


class _NativeGenerator(NativeCodeGenerator):
    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> Any:
        if not isinstance(node, nodes.TemplateData):  # {{ 1 }} is a number, {{ 10 | random }} another each time
            raise nodes.Impossible
        return node.as_const(frame.eval_ctx)


def _written_here(part: Any) -> Any:
    """A part that a template file writes out; an undefined one knows where from then on."""
    if isinstance(part, MissingValue) and part._line is None:
        frame = sys._getframe(1)
        template = frame.f_globals.get("__jinja_template__")
        if isinstance(template, jinja2.Template):
            part._line = template, template.get_corresponding_lineno(frame.f_lineno)
    return part


class FileEnvironment(SandboxedEnvironment):
    """Renders files, which keep native types too: a file that is one expression is that expression's value.

    Templates are the operator's, but what they name came from hosts: it stays sandboxed.
    """

    context_class = ScopedContext
    template_class = _Template
    code_generator_class = _NativeGenerator
    concat = staticmethod(native_concat)

    def __init__(self, **options: Any) -> None:
        options.setdefault("finalize", _written_here)
        # Not optimized: it would work filters out when it compiles, also those that give another value each time.
        extensions = dict.fromkeys((*_EXTENSIONS, *_configured_extensions()))
        super().__init__(
            undefined=MissingValue, extensions=tuple(extensions), auto_reload=False, optimized=False, **options
        )
        self.filters = tables.filters()
        self.tests = tables.tests()  # type: ignore[assignment]
        self.globals.update(GLOBALS)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Operations on bits have no filters: numbers give them away by name."""
        return attr in _BITWISE or super().is_safe_attribute(obj, attr, value)

    def call(self, context: Context, function: Any, /, *args: Any, **options: Any) -> Any:
        """Call what a template calls; the result is undefined where the function or an argument is."""
        if isinstance(function, MissingValue):
            return function
        missing = None if isinstance(function, Macro) else first_missing(args, options)
        if missing is not None and function not in _ASKED:
            return missing
        try:
            return super().call(context, function, *args, **options)
        except UndefinedUse as problem:
            return problem.value


def _configured_extensions() -> Sequence[type[Extension]]:
    """What ``jinja2_extensions`` of ``ansible.cfg`` names, imported; raises SettingsError for what cannot be."""
    names = read_ansible_settings(os.environ, Path.cwd()).choose("DEFAULT_JINJA2_EXTENSIONS", default=())
    found: list[type[Extension]] = []
    for name in names:
        try:
            extension = import_string(name)
            if not (isinstance(extension, type) and issubclass(extension, Extension)):
                raise ImportError("it is no class of an extension")
        except (ImportError, AttributeError) as problem:
            raise SettingsError(
                f"the extension of Jinja2 '{name}' cannot be imported: {problem}",
                where="jinja2_extensions",
                hint="jinja2.ext has do, loopcontrols, i18n and debug; others must be installed where stella-ops is",
            ) from None
        found.append(extension)
    return found


class _FilesOfScope(jinja2.BaseLoader):
    """Finds the files that a value includes or imports where the scope that it is rendered in looks for files."""

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        scope = _RENDERED.get()
        folders = [] if scope is None else [str(folder) for folder in scope.search_path]
        return jinja2.FileSystemLoader(folders).get_source(environment, template)


class ValueEnvironment(FileEnvironment):
    """Renders values of playbooks and variables."""

    def __init__(self) -> None:
        # Not cached: a name is another file where another role's tasks run.
        super().__init__(finalize=None, trim_blocks=True, loader=_FilesOfScope(), cache_size=0)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Templates inside the quoted terms of a lookup are rendered, as ansible-core has it."""
        tree = super()._parse(source, name, filename)
        if source.count("{{") > 1 and _A_LOOKUP.search(source):
            for call in tree.find_all(nodes.Call):
                if isinstance(call.node, nodes.Name) and call.node.name in _LOOKUPS:
                    call.args = [_EmbeddedTemplates().visit(argument) for argument in call.args]
        return tree

    def preprocess(self, source: str, name: str | None = None, filename: str | None = None) -> str:
        """A backslash inside text inside ``{{ }}`` is a backslash, as ansible-core has it.

        YAML has had its say about escapes already: ``regex_replace('(.)', '\\1')`` names a group.
        """
        source = super().preprocess(source, name, filename)
        if "\\" not in source or not ("{{" in source or "{%" in source):
            return source
        tokens, inside = [], False
        for _, kind, text in self.lexer.tokeniter(source, name, filename):
            inside = kind == "variable_begin" or (inside and kind != "variable_end")
            tokens.append(_escaped(text, _NO_ESCAPES if inside else _ESCAPES) if kind == "string" else text)
        return "".join(tokens) + ("\n" if source.endswith("\n") else "")


_LOOKUPS = ("lookup", "query", "q")
_ASKED = (*LOOKUP_FUNCTIONS, undef)  # which know what to do with something undefined
_BITWISE = frozenset({"__and__", "__lshift__", "__or__", "__rshift__", "__xor__"})
_A_LOOKUP = re.compile(r"\b(?:lookup|query|q)\s*\(")
_NO_ESCAPES = ""
_ESCAPES = "\\'\"abfnrtvxuUN01234567\n"  # what may follow a backslash in Python


def _escaped(literal: str, known: str) -> str:
    """A quoted text of a template with every backslash doubled that no ``known`` character follows."""
    quote = literal[0]

    def double(pair: re.Match[str]) -> str:
        if pair[1] in known:
            return pair[0]
        return "\\\\" + (pair[0] if pair[1] == quote else "\\\\" if pair[1] == "\\" else pair[1])

    return quote + re.sub(r"\\(.)", double, literal[1:-1], flags=re.DOTALL) + quote


@functools.cache
def value_environment() -> ValueEnvironment:
    """The environment for values, made once."""
    return ValueEnvironment()


def file_environment(search_path: Sequence[Path], options: Mapping[str, Any]) -> FileEnvironment:
    """An environment for template files that finds includes, imports and parents in ``search_path``."""
    loader = jinja2.FileSystemLoader([str(folder) for folder in search_path]) if search_path else None
    return FileEnvironment(loader=loader, **options)


@functools.lru_cache(maxsize=8192)
def compiled_value(text: str) -> jinja2.Template:
    """A value's template, compiled once per text."""
    return value_environment().from_string(text)


@functools.lru_cache(maxsize=8192)
def compiled_condition(expression: str) -> jinja2.Template:
    """A bare expression, compiled once: rendering it yields the expression's own value."""
    return value_environment().from_string(parsed_condition(expression))


def parsed_condition(expression: str) -> nodes.Template:
    """A bare expression as a template that yields the expression's own value.

    Raises:
        TemplateSyntaxError: it is none.
    """
    environment = value_environment()
    if "\\" in expression:  # "\\w" is as good as "\\\\w": a pattern needs no second thought here
        tokens = environment.lexer.tokeniter(expression, None, state="variable")
        expression = "".join(_escaped(text, _ESCAPES) if kind == "string" else text for _, kind, text in tokens)
    parser = jinja2.parser.Parser(environment, expression, state="variable")
    parsed = parser.parse_expression()
    if not parser.stream.eos:
        raise jinja2.TemplateSyntaxError("chunk after expression", parser.stream.current.lineno)
    if "{" in expression:
        parsed = _EmbeddedTemplates().visit(parsed)
    body: list[nodes.Node] = [nodes.Output([parsed], lineno=1)]
    tree = nodes.Template(body, lineno=1)
    tree.set_environment(environment)
    return tree


class _EmbeddedTemplates(NodeTransformer):
    """Makes templates inside quoted texts what they stand for: the condition ``'{{ a }}' == 'b'``."""

    def visit_Const(self, node: nodes.Const) -> nodes.Node:
        if not isinstance(node.value, str) or not is_template(node.value):
            return node
        warn(
            "Jinja constant strings should not contain embedded templates. "
            "This feature will be disabled by default in ansible-core 2.23."
        )
        try:
            body = value_environment().parse(node.value).body
        except jinja2.TemplateSyntaxError:
            return node  # braces that mean nothing to Jinja2
        parts: list[nodes.Expr] = []
        for output in body:
            if not isinstance(output, nodes.Output):
                return node
            for part in output.nodes:
                plain = isinstance(part, nodes.TemplateData)
                parts.append(nodes.Const(part.data, lineno=1) if plain else part)  # type: ignore[attr-defined]
        return parts[0] if len(parts) == 1 else nodes.Concat(parts, lineno=1)


def run_template(template: jinja2.Template, scope: Any) -> Any:
    """Render a compiled template in a scope, natively. Errors are Jinja2's own."""
    context = ScopedContext(template.environment, {SCOPE: scope}, template.name, template.blocks)
    token = _RENDERED.set(scope)
    try:
        return template.environment.concat(template.root_render_func(context))
    finally:
        _RENDERED.reset(token)


def scope_of(context: Context) -> Any:
    """The scope in which a function, filter or test is called by a template; None outside of all."""
    return context.get_all().get(SCOPE) or _RENDERED.get()
