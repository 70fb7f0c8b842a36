"""What a template names, without rendering it: variables, filters, tests, lookups, other templates.

The parser is Jinja2's, in the environments that render. A variable counts as guarded where the template asks first
whether it is there (``is defined``, ``default``), and as certain where nothing decides whether it is looked at.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import jinja2
from jinja2 import nodes

from stella_ops.templating.environment import FileEnvironment, parsed_condition, value_environment
from stella_ops.templating.scope import is_template

_LENIENT_FILTERS = frozenset({"default", "d", "type_debug"})
_CHOOSING_FILTERS = frozenset({"ternary", "mandatory"})
_LOOKUPS = frozenset({"lookup", "query", "q"})
_LENIENT_LOOKUPS = frozenset({"first_found"})
_DEFINEDNESS = frozenset({"defined", "undefined"})
# Filters that apply another filter or test: which, and the place of its name among their arguments.
_APPLY = {
    "map": ("filter", 0),
    **dict.fromkeys(("select", "reject"), ("test", 0)),
    **dict.fromkeys(("selectattr", "rejectattr"), ("test", 1)),
}
# What Jinja2 gives templates in places.
_IMPLICIT = frozenset({"loop", "self", "super", "caller", "varargs", "kwargs", "true", "false", "none"})


@dataclass(frozen=True, slots=True)
class Use:
    """A variable that a template names.

    Attributes:
        guarded: the template deals with its absence.
        certain: it is looked at whenever the template is rendered.
    """

    name: str
    line: int
    guarded: bool = False
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Named:
    """A filter, test, lookup or template that a template names.

    Attributes:
        certain: as of ``Use``.
        applied: by another filter to each element of something, which may have none.
    """

    name: str
    line: int
    certain: bool = True
    applied: bool = False


@dataclass(slots=True)
class Parsed:
    """What was found in a template.

    Attributes:
        problem: why it cannot be parsed, and on which line.
        includes, imports: with and without the variables that the template has.
        methods: attributes that are called.
        local: names that the template makes itself.
        constants: texts in quotes, which may name variables too, as in ``vars['x']``.
    """

    uses: list[Use] = field(default_factory=list)
    filters: list[Named] = field(default_factory=list)
    tests: list[Named] = field(default_factory=list)
    lookups: list[Named] = field(default_factory=list)
    includes: list[Named] = field(default_factory=list)
    imports: list[Named] = field(default_factory=list)
    methods: list[Named] = field(default_factory=list)
    local: frozenset[str] = frozenset()
    constants: frozenset[str] = frozenset()
    problem: tuple[str, int] | None = None


@functools.lru_cache(maxsize=8192)
def parse_value(text: str) -> Parsed:
    """What a value of a playbook names."""
    if not is_template(text):
        return Parsed()
    return _parsed(lambda: value_environment().parse(text))


@functools.lru_cache(maxsize=8192)
def parse_condition(text: str) -> Parsed:
    """What a condition names."""
    stripped = text.strip()
    if not stripped:
        return Parsed()
    if is_template(text):
        return _parsed(lambda: value_environment().parse(stripped))
    return _parsed(lambda: parsed_condition(stripped))


def parse_file(text: str, environment: FileEnvironment) -> Parsed:
    """What a template file names."""
    return _parsed(lambda: environment.parse(text))


def _parsed(read: Callable[[], nodes.Template]) -> Parsed:
    try:
        tree = read()
    except jinja2.TemplateSyntaxError as problem:
        return Parsed(problem=(str(problem.message), problem.lineno))
    except RecursionError:
        return Parsed(problem=("the template is nested too deeply", 1))
    found = Parsed()
    found.local = frozenset(_local_names(tree)) | _IMPLICIT
    found.constants = frozenset(c.value for c in tree.find_all(nodes.Const) if isinstance(c.value, str))
    visitor = _Visitor(found)
    visitor.visit(tree, guarded=False, certain=True)
    asked = visitor.asked
    found.uses = [
        Use(use.name, use.line, use.guarded or use.name in asked, use.certain)
        for use in found.uses
        if use.name not in found.local
    ]
    return found


def _local_names(tree: nodes.Template) -> Iterator[str]:
    for name in tree.find_all(nodes.Name):
        if name.ctx in ("store", "param"):
            yield name.name
    for macro in tree.find_all(nodes.Macro):
        yield macro.name
    for brought in tree.find_all((nodes.Import, nodes.FromImport)):
        if isinstance(brought, nodes.Import):
            yield brought.target
        elif isinstance(brought, nodes.FromImport):
            for each in brought.names:
                yield each if isinstance(each, str) else each[1]


class _Visitor:
    """Walks a template; ``asked`` are the names whose presence it asks for."""

    def __init__(self, found: Parsed) -> None:
        self._found = found
        self.asked: set[str] = set()

    def visit(self, node: nodes.Node, *, guarded: bool, certain: bool) -> None:
        handle = getattr(self, f"on_{type(node).__name__.lower()}", None)
        if handle is not None:
            handle(node, guarded, certain)
        else:
            self._below(node, guarded, certain)

    def _below(self, node: nodes.Node, guarded: bool, certain: bool) -> None:
        for child in node.iter_child_nodes():
            self.visit(child, guarded=guarded, certain=certain)

    def on_name(self, node: nodes.Name, guarded: bool, certain: bool) -> None:
        if node.ctx == "load":
            self._found.uses.append(Use(node.name, node.lineno, guarded, certain))

    def on_filter(self, node: nodes.Filter, guarded: bool, certain: bool) -> None:
        self._found.filters.append(Named(node.name, node.lineno, certain))
        self._applied(node, certain)
        short = node.name.rpartition(".")[2]
        lenient = short in _LENIENT_FILTERS
        if node.node is not None:
            self.visit(node.node, guarded=guarded or lenient, certain=certain)
        surely = certain and not lenient and short not in _CHOOSING_FILTERS
        for child in node.iter_child_nodes(exclude=("node",)):
            self.visit(child, guarded=guarded, certain=surely)

    def _applied(self, node: nodes.Filter, certain: bool) -> None:
        """Filters and tests that others are given by name: ``map('upper')``, ``selectattr('x', 'defined')``."""
        into, place = _APPLY.get(node.name, (None, 0))
        if into is None or len(node.args) <= place:
            return
        argument = node.args[place]
        if isinstance(argument, nodes.Const) and isinstance(argument.value, str):
            named = self._found.filters if into == "filter" else self._found.tests
            named.append(Named(argument.value, node.lineno, certain, applied=True))

    def on_test(self, node: nodes.Test, guarded: bool, certain: bool) -> None:
        self._found.tests.append(Named(node.name, node.lineno, certain))
        asks = node.name.rpartition(".")[2] in _DEFINEDNESS
        if asks:
            self.asked.update(_roots(node.node))
        self._below(node, guarded or asks, certain)

    def on_call(self, node: nodes.Call, guarded: bool, certain: bool) -> None:
        callee = node.node
        lenient = False
        if isinstance(callee, nodes.Getattr):
            self._found.methods.append(Named(callee.attr, node.lineno))
        if isinstance(callee, nodes.Name) and callee.name in _LOOKUPS and node.args:
            first = node.args[0]
            if isinstance(first, nodes.Const) and isinstance(first.value, str):
                lenient = first.value.rpartition(".")[2] in _LENIENT_LOOKUPS
                lenient = lenient or any(pair.key == "errors" for pair in node.kwargs)
                self._found.lookups.append(Named(first.value, node.lineno, certain and not lenient))
        self._below(node, guarded or lenient, certain)

    def on_condexpr(self, node: nodes.CondExpr, guarded: bool, certain: bool) -> None:
        self.visit(node.test, guarded=guarded, certain=certain)
        for branch in (node.expr1, node.expr2):
            if branch is not None:
                self.visit(branch, guarded=guarded, certain=False)

    def on_and(self, node: nodes.And | nodes.Or, guarded: bool, certain: bool) -> None:
        self.visit(node.left, guarded=guarded, certain=certain)
        self.visit(node.right, guarded=guarded, certain=False)

    on_or = on_and

    def on_if(self, node: nodes.If, guarded: bool, certain: bool) -> None:
        self.visit(node.test, guarded=guarded, certain=certain)
        for child in (*node.body, *node.elif_, *node.else_):
            self.visit(child, guarded=guarded, certain=False)

    def on_for(self, node: nodes.For, guarded: bool, certain: bool) -> None:
        self.visit(node.iter, guarded=guarded, certain=certain)
        for child in (node.test, *node.body, *node.else_):
            if child is not None:
                self.visit(child, guarded=guarded, certain=False)

    def on_macro(self, node: nodes.Macro | nodes.CallBlock, guarded: bool, certain: bool) -> None:
        self._below(node, guarded, False)

    on_callblock = on_macro
    on_block = on_macro

    def on_include(self, node: nodes.Include, guarded: bool, certain: bool) -> None:
        if not node.ignore_missing:
            self._template(self._found.includes, node)
        self._below(node, guarded, certain)

    def on_extends(self, node: nodes.Extends, guarded: bool, certain: bool) -> None:
        self._template(self._found.includes, node)
        self._below(node, guarded, certain)

    def on_import(self, node: nodes.Import | nodes.FromImport, guarded: bool, certain: bool) -> None:
        self._template(self._found.imports, node)
        self._below(node, guarded, certain)

    on_fromimport = on_import

    @staticmethod
    def _template(into: list[Named], node: nodes.Include | nodes.Extends | nodes.Import | nodes.FromImport) -> None:
        if isinstance(node.template, nodes.Const) and isinstance(node.template.value, str):
            into.append(Named(node.template.value, node.lineno))


def _roots(node: nodes.Node) -> Iterator[str]:
    """The variables at the beginning of ``a.b[c].d``."""
    while isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Filter | nodes.Call) and node.node is not None:
        node = node.node
    if isinstance(node, nodes.Name):
        yield node.name
