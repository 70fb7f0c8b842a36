"""Loads users' plug-ins, and makes of them what templates can call.

What a plug-in returns is data: no text in it is ever rendered as a template.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from stella_ops.errors import RaisedByPluginError, StellaError, TemplateError
from stella_ops.templating.lazy import AllVariables, LazyDict, LazyList, finalize, of_plugin
from stella_ops.templating.plugins import module_state
from stella_ops.templating.plugins.folders import folders

Lookup = Callable[[Any, list[Any], dict[str, Any]], list[Any]]
_CLASSES = {"filter": ("FilterModule", "filters"), "test": ("TestModule", "tests")}

_NO_LIBRARY = "Failed to import the required Python library"  # ansible.module_utils.basic.missing_required_lib

_failures: dict[str, dict[Path, str]] = {"filter": {}, "test": {}, "lookup": {}, "inventory": {}, "vars": {}}
_lookups: dict[str, Lookup | None] = {}


class MissingLibrary(RaisedByPluginError):
    """A plug-in needs a library for Python that is not installed."""


def take(kind: str, folder: Path) -> None:
    """Make the plug-ins of a folder known."""
    if kind == "lookup":
        _lookups.clear()
        return
    from stella_ops.templating import tables

    table = tables.filters() if kind == "filter" else tables.tests()
    known: dict[str, Callable[..., Any]] = {}
    for path in sorted(folder.glob("*.py")):
        if path.stem != "__init__":
            for name, function in _functions(kind, path).items():
                known.setdefault(str(name), called(kind, str(name), function))
    taken = table.added
    table.add({name: function for name, function in known.items() if name not in taken})
    _forget_compiled()


def drop() -> None:
    """Forget all of them."""
    from stella_ops.templating import tables

    for table in (tables.filters(), tables.tests()):
        table.reset()
    _lookups.clear()
    collected = sys.modules.get("stella_ops.templating.plugins.collected")
    if collected is not None:
        collected.forget()
    module_state.forget()
    for found in _failures.values():
        found.clear()
    _forget_compiled()


def load_failures(kind: str) -> str | None:
    """Which files of a kind could not be loaded, and why; for the hint of an unknown name."""
    return "; ".join(f"{path} cannot be loaded: {why}" for path, why in _failures[kind].items()) or None


def _forget_compiled() -> None:
    """What was compiled holds how each filter is called."""
    from stella_ops.templating import conditional, environment

    environment.compiled_value.cache_clear()
    environment.compiled_condition.cache_clear()
    conditional.forget_conditions()


def failed(kind: str, path: Path, problem: Exception) -> None:
    """Remember that a file cannot be loaded."""
    _failures[kind][path] = f"{type(problem).__name__}: {problem}"


def _functions(kind: str, path: Path) -> Mapping[str, Callable[..., Any]]:
    module = load_module(kind, path)
    return {} if module is None else functions(kind, path, module)


def functions(kind: str, path: Path, module: ModuleType) -> Mapping[str, Callable[..., Any]]:
    """The filters or tests that a file brings, by name."""
    class_name, method = _CLASSES[kind]
    made = getattr(module, class_name, None)
    if made is None:
        return {}
    from stella_ops.templating.plugins.imports import answered

    try:
        with answered():
            return dict(getattr(made(), method)())
    except Exception as problem:
        failed(kind, path, problem)
        return {}


def load_module(kind: str, path: Path) -> ModuleType | None:
    """A plug-in's module; None where it fails, which is remembered."""
    from stella_ops.templating.plugins.imports import answered

    name = f"stella_user_plugins.{kind}_{path.stem}_{abs(hash(path))}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with answered():
            spec.loader.exec_module(module)
    except Exception as problem:
        sys.modules.pop(name, None)
        failed(kind, path, problem)
        return None
    module_state.watch(module)
    return module


def called(kind: str, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A user's filter or test, which gets plain data and whose errors are an operator's."""
    passed = 1 if hasattr(function, "jinja_pass_arg") else 0

    def call(*args: Any, **options: Any) -> Any:
        from stella_ops.templating.plugins.imports import answered

        module_state.ran()
        with answered():
            try:
                given = [*args[:passed], *map(_plain, args[passed:])]
                found = function(*given, **{key: _plain(value) for key, value in options.items()})
                return _data(of_plugin(found))
            except Exception as problem:
                raise _told(problem) from problem

    for mark in ("jinja_pass_arg", "__doc__"):
        if hasattr(function, mark):
            setattr(call, mark, getattr(function, mark))
    return call


def _plain(value: Any) -> Any:
    """An argument as plain data; one that holds something undefined as it is, which fails when that is used."""
    if isinstance(value, str | LazyDict | LazyList) and not isinstance(value, AllVariables):
        try:
            return finalize(value, vaulted=True)
        except Exception:
            return value
    return value


def _data(value: Any) -> Any:
    """A result without texts that could be taken for templates."""
    return finalize(value) if isinstance(value, str | dict | list | tuple) else value


def _told(problem: Exception) -> Exception:
    import jinja2

    from stella_ops.templating.plugins.ansible_errors import AnsibleError, chained

    own = isinstance(problem, StellaError)
    if isinstance(problem, jinja2.UndefinedError) or (own and not isinstance(problem, AnsibleError)):
        return problem
    said = chained(problem)
    made = MissingLibrary if said.startswith(_NO_LIBRARY) or isinstance(problem, ImportError) else RaisedByPluginError
    where, hint = (problem.where, problem.hint) if isinstance(problem, StellaError) else (None, None)
    return made(said, where=where, hint=hint)


def user_lookup(name: str) -> Lookup | None:
    """A user's lookup by its name, which is its file's; None where there is none."""
    if name not in _lookups:
        path = next((place for folder in folders("lookup") if (place := folder / f"{name}.py").is_file()), None)
        _lookups[name] = None if path is None or not name.isidentifier() else _lookup(name, path)
    return _lookups[name]


def _lookup(name: str, path: Path) -> Lookup | None:
    module = load_module("lookup", path)
    return None if module is None else lookup_of(name, path, module)


def lookup_of(name: str, path: Path, module: ModuleType) -> Lookup | None:
    """The lookup that a file brings, as templates call it."""
    made = getattr(module, "LookupModule", None)
    if made is None:
        _failures["lookup"][path] = "it has no class LookupModule"
        return None
    return functools.partial(_run, name, made, module)


def class_of(lookup: Lookup) -> Any:
    """The class behind a user's lookup; None of those that are built in."""
    return lookup.args[1] if isinstance(lookup, functools.partial) and lookup.func is _run else None


def _run(name: str, made: Any, module: ModuleType, scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    from stella_ops.templating.plugins.data_loader import Loader
    from stella_ops.templating.plugins.imports import answered
    from stella_ops.templating.plugins.lookup_base import ScopeTemplar, prepare

    scope.in_turn()  # what it does is not known
    module_state.ran()
    with answered():
        try:
            plugin = made(loader=Loader(scope), templar=ScopeTemplar(scope))
            prepare(plugin, name, getattr(module, "DOCUMENTATION", None), scope)
            variables = ScopeTemplar(scope).available_variables
            given = {key: _plain(value) for key, value in options.items()}
            found = plugin.run([_plain(term) for term in terms], variables=variables, **given)
        except Exception as problem:
            raise _told(problem) from problem
        if isinstance(found, str) or not hasattr(found, "__iter__"):
            raise TemplateError(f"the lookup '{name}' must return a list, not {type(found).__name__}")
        return [_data(item) for item in found]
