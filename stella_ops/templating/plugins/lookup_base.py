"""What a user's lookup finds in itself: ``LookupBase`` with its options, a templar."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stella_ops.origins import SourceText
from stella_ops.templating.filters.text import boolean
from stella_ops.templating.lazy import finalize
from stella_ops.templating.omit import OMIT
from stella_ops.templating.plugins.ansible_display import Display
from stella_ops.templating.plugins.ansible_errors import AnsibleError, AnsibleTemplateError, AnsibleValueOmittedError
from stella_ops.templating.plugins.both_errors import OptionWrong, told_to_plugin
from stella_ops.templating.plugins.data_loader import Loader
from stella_ops.templating.plugins.option_types import typed
from stella_ops.templating.plugins.plugin_options import declared, elsewhere
from stella_ops.templating.scope import LazyVariables, Scope

UNTRUSTED = "Encountered untrusted template or expression."


class PluginVariables(LazyVariables):
    """A task's variables as a plug-in gets them: rendered when they are asked for."""

    def copy(self) -> ChainMap[str, Any]:
        """Some that can be changed without a change of these."""
        return ChainMap({}, self)  # type: ignore[arg-type]


class ScopeTemplar:
    """Renders what the operator wrote; text from elsewhere, the plug-in's own among it, stays as it is."""

    def __init__(self, scope: Any) -> None:
        self._scope = scope
        self.available_variables: Mapping[str, Any] = {} if scope is None else PluginVariables(scope)

    def template(self, value: Any, **options: Any) -> Any:
        from stella_ops.templating.templar import Templar

        with told_to_plugin():
            found = Templar(search_path=self._search_path).render(value, self.available_variables)
        if found is OMIT:
            raise AnsibleValueOmittedError
        return found

    do_template = template

    def is_template(self, value: Any) -> bool:
        from stella_ops.templating.scope import is_template

        return isinstance(value, SourceText) and is_template(value)

    def copy_with_new_env(
        self, *, searchpath: Any = None, available_variables: Mapping[str, Any] | None = None, **options: Any
    ) -> ScopeTemplar:
        """One with other variables."""
        made = ScopeTemplar(self._scope)
        if available_variables is not None:
            made.available_variables = available_variables
        return made

    def evaluate_expression(self, expression: str, **options: Any) -> Any:
        """The value of an expression without braces, which must be marked as a template."""
        from stella_ops.templating.environment import compiled_condition, run_template
        from stella_ops.templating.undefined import require

        if not isinstance(expression, SourceText):
            raise AnsibleTemplateError(UNTRUSTED)
        scope = Scope(self.available_variables, self._search_path)
        with told_to_plugin():
            return finalize(require(run_template(compiled_condition(str.__str__(expression)), scope)))

    def evaluate_conditional(self, conditional: Any) -> bool:
        """Whether a condition holds."""
        from stella_ops.templating.templar import Templar

        if isinstance(conditional, str) and not isinstance(conditional, SourceText):
            raise AnsibleTemplateError(UNTRUSTED)
        with told_to_plugin():
            return Templar(search_path=self._search_path).evaluate(conditional, self.available_variables)

    @property
    def environment(self) -> Any:
        """Jinja2's environment."""
        from stella_ops.templating.environment import value_environment

        return value_environment()

    @property
    def _loader(self) -> Loader:
        return Loader(self._scope)

    @property
    def _search_path(self) -> tuple[Path, ...]:
        return () if self._scope is None else self._scope.search_path


class AnsiblePlugin:
    """What all plug-ins have: options."""

    _load_name = ""

    def __init__(self) -> None:
        self._options: dict[str, Any] = {}
        self._declared: dict[str, Any] = {}

    def set_options(
        self, task_keys: Any = None, var_options: Any = None, direct: Mapping[str, Any] | None = None
    ) -> None:
        """Work the options out: as given, else of a variable, of the environment, the default."""
        given = dict(direct or {})
        for name, said in self._declared.items():
            names = [name, *(said.get("aliases") or [])]
            chosen = next((given[each] for each in names if each in given), None)
            if chosen is None:
                found = elsewhere(said, var_options)
                chosen = said.get("default") if found is None else found.value
                if chosen is None and boolean(said.get("required", False)) and name != "_terms":
                    raise OptionWrong(f"the plug-in '{self._load_name}' needs the option '{name}'")
            what = f"the option '{name}' of the plug-in '{self._load_name}'"
            self._options[name] = typed(chosen, said.get("type"), what, said.get("choices"))
        self._options.update({name: value for name, value in given.items() if name not in self._options})

    def get_option(self, option: str, hostvars: Any = None) -> Any:
        if option not in self._options and option not in self._declared:
            raise KeyError(f"the lookup has no option '{option}'")
        return self._options.get(option)

    def get_options(self, hostvars: Any = None) -> dict[str, Any]:
        return dict(self._options)

    def set_option(self, option: str, value: Any) -> None:
        self._options[option] = value

    def has_option(self, option: str) -> bool:
        return option in self._options or option in self._declared


class LookupBase(AnsiblePlugin):
    """The base of users' lookups."""

    def __init__(self, loader: Any = None, templar: Any = None, **options: Any) -> None:
        super().__init__()
        self._loader = loader
        self._templar = templar
        self._display = Display()

    def get_basedir(self, variables: Mapping[str, Any]) -> str:
        return str(self._loader.get_basedir())

    def find_file_in_search_path(
        self, myvars: Any, subdir: str, needle: str, ignore_missing: bool = False
    ) -> str | None:
        """A file in the folders that the task looks in; None where there is none, of which is warned."""
        try:
            return str(self._loader.path_dwim_relative_stack([], subdir, needle))
        except AnsibleError:
            if not ignore_missing:
                self._display.warning(f"Unable to find '{needle}' in expected paths (use -vvvvv to see paths)")
            return None

    @staticmethod
    def _flatten(terms: Any) -> list[Any]:
        return [item for term in terms for item in (term if isinstance(term, list | tuple) else [term])]

    @staticmethod
    def _combine(first: Any, second: Any) -> list[Any]:
        return [LookupBase._flatten([x, y]) for x in first for y in second]

    def run(self, terms: list[Any], variables: Any = None, **options: Any) -> list[Any]:
        raise NotImplementedError


def declare(plugin: Any, name: str, documentation: Any) -> None:
    """Tell a plug-in its name and the options that its documentation declares."""
    plugin._load_name = name
    plugin._declared = declared(documentation)
    plugin._options = {}
    for key, said in plugin._declared.items():
        if isinstance(said, dict):
            found = elsewhere(said, None)
            plugin._options[key] = said.get("default") if found is None else typed(found.value, said.get("type"))


def prepare(plugin: Any, name: str, documentation: Any, scope: Any) -> None:
    """The same for a lookup."""
    if isinstance(plugin, LookupBase):
        declare(plugin, name, documentation)
        return
    plugin._load_name = name
    # A real ansible-core is installed, and the lookup is made of its base, which would ask its own configuration.
    base = LookupBase(plugin._loader, plugin._templar)
    prepare(base, name, documentation, scope)
    for method in ("set_options", "get_option", "get_options", "set_option", "has_option", "find_file_in_search_path"):
        setattr(plugin, method, getattr(base, method))
