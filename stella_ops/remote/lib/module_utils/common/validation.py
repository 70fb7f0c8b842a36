"""Checks of parameters against each other, and of single values against a type."""

import json
import os
import re
from ast import literal_eval
from decimal import Decimal, DecimalException

from stella_ops.remote.lib.module_utils.common.collections import is_iterable
from stella_ops.remote.lib.module_utils.common.text.converters import jsonify, to_native
from stella_ops.remote.lib.module_utils.common.text.formatters import human_to_bytes
from stella_ops.remote.lib.module_utils.parsing.convert_bool import boolean


def count_terms(terms, parameters):
    """How many of some names are among the parameters."""
    if not is_iterable(terms):
        terms = [terms]
    return len(set(terms).intersection(parameters))


def safe_eval(value, locals=None, include_exceptions=False):
    """The Python literal that text holds, or the text itself."""
    found, problem = value, None
    if isinstance(value, str) and not re.search(r"\w\.\w+\(|import \w+", value):
        try:
            found = literal_eval(value)
        except Exception as error:
            problem = error
    return (found, problem) if include_exceptions else found


def _refuse(text, context):
    if context:
        text = "{} found in {}".format(text, " -> ".join(context))
    raise TypeError(text)


def check_mutually_exclusive(terms, parameters, options_context=None):
    """Of each group of names one at most may be given."""
    if terms is None:
        return []
    both = [group for group in terms if count_terms(group, parameters) > 1]
    if both:
        groups = ", ".join("|".join(group) for group in both)
        _refuse("parameters are mutually exclusive: " + groups, options_context)
    return both


def check_required_one_of(terms, parameters, options_context=None):
    """Of each group of names one at least must be given."""
    for group in terms or ():
        if not count_terms(group, parameters):
            _refuse("one of the following is required: " + ", ".join(group), options_context)
    return []


def check_required_together(terms, parameters, options_context=None):
    """Of each group of names all must be given, or none."""
    for group in terms or ():
        given = [bool(count_terms(name, parameters)) for name in group]
        if any(given) and not all(given):
            _refuse("parameters are required together: " + ", ".join(group), options_context)
    return []


def check_required_by(requirements, parameters, options_context=None):
    """A name that is given needs others."""
    for name, needed in (requirements or {}).items():
        if parameters.get(name) is None:
            continue
        needed = [needed] if isinstance(needed, str) else needed
        absent = [each for each in needed if parameters.get(each) is None]
        if absent:
            _refuse("missing parameter(s) required by '{}': {}".format(name, ", ".join(absent)), options_context)
    return {}


def check_required_arguments(argument_spec, parameters, options_context=None):
    """What the specification calls required must be given."""
    wanted = (argument_spec or {}).items()
    absent = sorted(name for name, option in wanted if option.get("required") and name not in parameters)
    if absent:
        _refuse("missing required arguments: " + ", ".join(absent), options_context)
    return absent


def check_required_if(requirements, parameters, options_context=None):
    """A name with a certain value needs others: all of them, or any where a fourth element is true."""
    for rule in requirements or ():
        name, value, needed = rule[:3]
        any_will_do = len(rule) > 3 and rule[3]
        if name not in parameters or parameters[name] != value:
            continue
        absent = [each for each in needed if not count_terms(each, parameters)]
        if absent and (not any_will_do or len(absent) >= len(needed)):
            how = "any" if any_will_do else "all"
            text = "{} is {} but {} of the following are missing: {}"
            _refuse(text.format(name, value, how, ", ".join(absent)), options_context)
    return []


def check_missing_parameters(parameters, required_parameters=None):
    """Some names must be given, and not be empty."""
    absent = [name for name in required_parameters or () if not parameters.get(name)]
    if absent:
        raise TypeError("missing required arguments: " + ", ".join(absent))
    return absent


def check_type_str(value, allow_conversion=True, param=None, prefix=""):
    """Text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if allow_conversion:
        return to_native(value, errors="surrogate_or_strict")
    raise TypeError("'{!r}' is not a string and conversion is not allowed".format(value))


def check_type_list(value):
    """A list, from text with commas too."""
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, (int, float)):
        return [str(value)]
    raise TypeError("{} cannot be converted to a list".format(type(value)))


def check_type_dict(value):
    """A mapping, from JSON, a Python literal or ``key=value`` pairs too."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        raise TypeError("{} cannot be converted to a dict".format(type(value)))
    if value.startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            pass
        try:
            found = literal_eval(value)
        except Exception:
            found = None
        if not isinstance(found, dict):
            raise TypeError("unable to evaluate string as dictionary")
        return found
    if "=" not in value:
        raise TypeError("dictionary requested, could not parse JSON or key=value")
    try:
        return dict(pair.split("=", 1) for pair in _words(value.strip()))
    except ValueError:
        raise TypeError('unable to evaluate string in the "key=value" format as dictionary')


def _words(text):
    """Parts between commas and blanks; quotes and backslashes keep these inside."""
    words, word, quote, escaped = [], "", "", False
    for letter in text:
        if escaped:
            word, escaped = word + letter, False
        elif letter == "\\":
            escaped = True
        elif quote:
            if letter == quote:
                quote = ""
            else:
                word += letter
        elif letter in "'\"":
            quote = letter
        elif letter in ", ":
            words.append(word)
            word = ""
        else:
            word += letter
    words.append(word)
    return [each for each in words if each]


def check_type_bool(value):
    """True or false."""
    if isinstance(value, (bool, str, int, float)):
        return boolean(value)
    raise TypeError("{} cannot be converted to a bool".format(type(value)))


def check_type_int(value):
    """A whole number."""
    if isinstance(value, int):
        return value
    try:
        exact = Decimal(value)
        whole = int(exact)
        if exact != whole:
            raise ValueError("it has a fraction")
    except (DecimalException, OverflowError, TypeError, ValueError):
        raise TypeError('"{!r}" cannot be converted to an int'.format(value))
    return whole


def check_type_float(value):
    """A number."""
    if isinstance(value, float):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError("{} cannot be converted to a float".format(type(value)))


def check_type_path(value):
    """A path, ``~`` and environment variables expanded."""
    return os.path.expanduser(os.path.expandvars(check_type_str(value)))


def check_type_raw(value):
    """Anything."""
    return value


def check_type_bytes(value):
    """A number of bytes, from ``10M`` too."""
    try:
        return human_to_bytes(value)
    except ValueError:
        raise TypeError("{} cannot be converted to a Byte value".format(type(value)))


def check_type_bits(value):
    """A number of bits, from ``10Mb`` too."""
    try:
        return human_to_bytes(value, isbits=True)
    except ValueError:
        raise TypeError("{} cannot be converted to a Bit value".format(type(value)))


def check_type_jsonarg(value):
    """JSON, as text."""
    if isinstance(value, (str, bytes)):
        return value.strip()
    if isinstance(value, (dict, list, tuple)):
        return jsonify(value)
    raise TypeError("{} cannot be converted to a json string".format(type(value)))
