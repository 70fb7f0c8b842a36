"""Parameters checked against an argument specification, and made to fit it.

Everything that is wrong is collected; modules tell the first. A mapping with ``options`` is gone through in the same
way as the parameters as a whole.
"""

from collections.abc import KeysView, Mapping, Sequence
from copy import deepcopy

from stella_ops.remote.lib.module_utils import errors as problems
from stella_ops.remote.lib.module_utils.common.collections import is_iterable
from stella_ops.remote.lib.module_utils.common.parameters import (
    set_defaults,
    set_fallbacks,
    texts_in,
    type_validator,
)
from stella_ops.remote.lib.module_utils.common.text.converters import to_native
from stella_ops.remote.lib.module_utils.common.validation import (
    check_mutually_exclusive,
    check_required_arguments,
    check_required_by,
    check_required_if,
    check_required_one_of,
    check_required_together,
    check_type_dict,
)
from stella_ops.remote.lib.module_utils.common.warnings import deprecate, warn
from stella_ops.remote.lib.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

_CONDITIONS = (
    ("required_together", check_required_together, problems.RequiredTogetherError),
    ("required_one_of", check_required_one_of, problems.RequiredOneOfError),
    ("required_if", check_required_if, problems.RequiredIfError),
    ("required_by", check_required_by, problems.RequiredByError),
)
_OLD = "{} '{}' is deprecated. See the module docs for more information"


class ValidationResult(object):
    """The parameters as they came out, and what was wrong with them."""

    def __init__(self, parameters):
        self._no_log_values = set()
        self._unsupported_parameters = set()
        self._supported_parameters = {}
        self._validated_parameters = deepcopy(parameters)
        self._deprecations = []
        self._warnings = []
        self._aliases = {}
        self.errors = problems.AnsibleValidationErrorMultiple()

    @property
    def validated_parameters(self):
        return self._validated_parameters

    @property
    def unsupported_parameters(self):
        return self._unsupported_parameters

    @property
    def error_messages(self):
        return self.errors.messages


class ArgumentSpecValidator(object):
    """Checks parameters against one specification; see ansible-core's documentation of ``ArgumentSpecValidator``."""

    def __init__(
        self,
        argument_spec,
        mutually_exclusive=None,
        required_together=None,
        required_one_of=None,
        required_if=None,
        required_by=None,
    ):
        self.argument_spec = argument_spec
        self._conditions = {
            "mutually_exclusive": mutually_exclusive,
            "required_together": required_together,
            "required_one_of": required_one_of,
            "required_if": required_if,
            "required_by": required_by,
        }
        self._valid_parameter_names = set()
        for name, option in argument_spec.items():
            aliases = option.get("aliases")
            self._valid_parameter_names.add("{} ({})".format(name, ", ".join(sorted(aliases))) if aliases else name)

    def validate(self, parameters, *args, **kwargs):
        """A ``ValidationResult``; never raises for what is wrong with the parameters."""
        result = ValidationResult(parameters)
        level = _Level(result, self.argument_spec, self._conditions, [], "")
        result._aliases.update(level.apply(result._validated_parameters))
        if result._unsupported_parameters:
            result.errors.append(problems.UnsupportedError(_unsupported(result)))
        return result


class ModuleArgumentSpecValidator(ArgumentSpecValidator):
    """The same, telling warnings and deprecations of the module that runs."""

    def validate(self, parameters):
        result = super().validate(parameters)
        for told in result._deprecations:
            deprecate(told["msg"], told.get("version"), told.get("date"), told.get("collection_name"))
        for told in result._warnings:
            warn("Both option {option} and its alias {alias} are set.".format(**told))
        return result


class _Level(object):
    """The parameters of one mapping.

    Args:
        conditions: what holds between them, by name.
        context: names of the parameters that it is the value of.
        prefix: the same, as warnings have it.
    """

    def __init__(self, result, spec, conditions, context, prefix):
        self._result = result
        self._spec = spec
        self._conditions = conditions
        self._context = context
        self._prefix = prefix

    def apply(self, parameters):
        """Make parameters fit, in place; their aliases."""
        result, spec = self._result, self._spec
        result._no_log_values.update(set_fallbacks(spec, parameters))
        aliases = self._aliases(parameters)
        self._try(problems.NoLogError, lambda: result._no_log_values.update(secrets_in(spec, parameters)))
        if not self._context:
            result._deprecations.extend(_deprecations(spec, parameters, ""))
        self._unknown(parameters, aliases)
        exclusive = self._conditions.get("mutually_exclusive")
        self._check(problems.MutuallyExclusiveError, check_mutually_exclusive, exclusive, parameters)
        result._no_log_values.update(set_defaults(spec, parameters, False))
        self._check(problems.RequiredError, check_required_arguments, spec, parameters)
        self._types(parameters)
        self._choices(parameters)
        for name, check, error in _CONDITIONS:
            self._check(error, check, self._conditions.get(name), parameters)
        result._no_log_values.update(set_defaults(spec, parameters, True))
        self._options(parameters)
        return aliases

    def _try(self, error, act):
        try:
            act()
        except (TypeError, ValueError) as problem:
            self._result.errors.append(error(to_native(problem)))

    def _check(self, error, check, rules, parameters):
        self._try(error, lambda: check(rules, parameters, self._context))

    def _add(self, error, text):
        self._result.errors.append(error(text))

    def _found_in(self, text):
        return "{} found in {}".format(text, " -> ".join(self._context)) if self._context else text

    def _aliases(self, parameters):
        aliases = {}
        for name, option in self._spec.items():
            for old in option.get("deprecated_aliases", ()):
                if old.get("name") in parameters:
                    text = _OLD.format("Alias", self._prefix + old["name"])
                    told = {key: old.get(key) for key in ("version", "date", "collection_name")}
                    self._result._deprecations.append(dict(told, msg=text))
            if option.get("default") is not None and option.get("required"):
                text = "internal error: required and default are mutually exclusive for {}".format(name)
                self._add(problems.AliasError, text)
                return {}
            others = option.get("aliases")
            if others is None:
                continue
            if not is_iterable(others):
                self._add(problems.AliasError, "internal error: aliases must be a list or tuple")
                return {}
            for alias in others:
                aliases[alias] = name
                if alias in parameters:
                    if name in parameters:
                        told = {"option": self._prefix + name, "alias": self._prefix + alias}
                        self._result._warnings.append(told)
                    parameters[name] = parameters[alias]
        return aliases

    def _unknown(self, parameters, aliases):
        for name in parameters:
            if name not in aliases and name not in self._spec:
                key = tuple(self._context + [name]) if self._context else name
                self._result._unsupported_parameters.add(key)
                self._result._supported_parameters[key] = ([n for n in self._spec if n not in aliases], aliases)

    def _types(self, parameters):
        for name, option in self._spec.items():
            if name not in parameters:
                continue
            value = parameters[name]
            if value is None and not option.get("required") and option.get("default") is None:
                continue
            make, wanted = type_validator(option.get("type"))
            try:
                parameters[name] = make(value)
                elements = option.get("elements")
                if elements:
                    parameters[name] = self._elements(name, wanted, elements, parameters[name])
            except (TypeError, ValueError) as problem:
                text = "argument '{}' is of type {}".format(name, _type_name(value))
                if self._context:
                    text += " found in '{}'.".format(" -> ".join(self._context))
                text += " and we were unable to convert to {}: {}".format(wanted, to_native(problem))
                self._add(problems.ArgumentTypeError, text)

    def _elements(self, name, outer, kind, values):
        if not isinstance(values, list):
            text = "Invalid type {} for option '{}'".format(outer, values)
            if self._context:
                text += " found in '{}'.".format(" -> ".join(self._context))
            self._add(problems.ArgumentTypeError, text + ", elements value check is supported only with 'list' type")
        make, wanted = type_validator(kind)
        made = []
        for value in values:
            try:
                made.append(make(value))
            except (TypeError, ValueError) as problem:
                text = "Elements value for option '{}'".format(name)
                if self._context:
                    text += " found in '{}'".format(" -> ".join(self._context))
                how = " is of type {} and we were unable to convert to {}: {}"
                self._add(problems.ElementError, text + how.format(_type_name(value), wanted, to_native(problem)))
        return made

    def _choices(self, parameters):
        for name, option in self._spec.items():
            choices = option.get("choices")
            if choices is None:
                continue
            if not isinstance(choices, (frozenset, KeysView, Sequence)) or isinstance(choices, (str, bytes)):
                text = "internal error: choices for argument {} are not iterable: {}".format(name, choices)
                self._add(problems.ArgumentTypeError, self._found_in(text))
            elif name in parameters:
                self._choose(name, choices, parameters)

    def _choose(self, name, choices, parameters):
        listed = ", ".join(to_native(choice) for choice in choices)
        value = parameters[name]
        if isinstance(value, list):
            others = [item for item in value if item not in choices]
            if others:
                strangers = ", ".join(to_native(item) for item in others)
                text = "value of {} must be one or more of: {}. Got no match for: {}".format(name, listed, strangers)
                self._add(problems.ArgumentValueError, self._found_in(text))
            return
        if value in choices:
            return
        # YAML takes some words for booleans: where one choice alone can have been meant, it was.
        words = {"True": BOOLEANS_TRUE, "False": BOOLEANS_FALSE}.get(value, ()) if isinstance(value, str) else ()
        meant = [choice for choice in choices if choice in words]
        if len(meant) == 1:
            parameters[name] = meant[0]
            return
        text = "value of {} must be one of: {}, got: {}".format(name, listed, value)
        self._add(problems.ArgumentValueError, self._found_in(text))

    def _options(self, parameters):
        for name, option in self._spec.items():
            kind = option.get("type")
            inner = option.get("options")
            if inner is None or not (kind == "dict" or (kind == "list" and option.get("elements", "") == "dict")):
                continue
            if parameters.get(name) is None:
                if not option.get("apply_defaults", False):
                    continue
                parameters[name] = {}
            value = parameters[name]
            several = isinstance(value, Sequence) and not isinstance(value, str)
            for place, each in enumerate(value if several else [value]):
                if not isinstance(each, dict):
                    text = "value of '{}' must be of type dict or list of dicts".format(name)
                    self._add(problems.SubParameterTypeError, text)
                    continue
                prefix = self._prefix + name + ("[{}].".format(place) if kind == "list" else ".")
                _Level(self._result, inner, option, self._context + [name], prefix).apply(each)


def secrets_in(spec, parameters):
    """Values of parameters that must not be shown, as text."""
    secrets = set()
    for name, option in spec.items():
        value = parameters.get(name)
        if option.get("no_log", False) and value:
            try:
                secrets.update(texts_in(value))
            except TypeError as problem:
                raise TypeError('Failed to convert "{}": {}'.format(name, to_native(problem)))
        inner, kind = option.get("options"), option.get("type")
        if inner is None or value is None:
            continue
        if kind == "dict" or (kind == "list" and option.get("elements", "") == "dict"):
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, str):
                    each = check_type_dict(each)
                if not isinstance(each, Mapping):
                    text = "Value '{}' in the sub parameter field '{}' must be a {}, not '{}'"
                    raise TypeError(text.format(each, name, kind, type(each).__name__))
                secrets.update(secrets_in(inner, each))
    return secrets


def _deprecations(spec, parameters, prefix):
    told = []
    for name, option in spec.items():
        if name not in parameters:
            continue
        place = '{}["{}"]'.format(prefix, name) if prefix else name
        for key, until in (("date", "removed_at_date"), ("version", "removed_in_version")):
            if option.get(until) is not None:
                found = {"msg": _OLD.format("Param", place), key: option[until]}
                told.append(dict(found, collection_name=option.get("removed_from_collection")))
                break
        inner, value = option.get("options"), parameters[name]
        if inner is not None:
            for each in [value] if isinstance(value, Mapping) else value if isinstance(value, list) else ():
                if isinstance(each, Mapping):
                    told.extend(_deprecations(inner, each, place))
    return told


def _unsupported(result):
    names = {key: ".".join(key) if isinstance(key, tuple) else key for key in result._unsupported_parameters}
    # Of several mappings with unknown names, what one of them takes is told.
    known, aliases = result._supported_parameters[max(names, key=lambda key: names[key])]
    supported = ", ".join(sorted(known))
    if aliases:
        supported += " ({})".format(", ".join(sorted(aliases)))
    return "{}. Supported parameters include: {}.".format(", ".join(sorted(names.values())), supported)


def _type_name(value):
    return type(value).__name__
