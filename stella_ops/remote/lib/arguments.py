"""What a module accepts: a literal description, and arguments made to fit it.

The description (``ARGUMENTS`` of a module) maps each name to a dict with

    type      str (default), int, float, bool, list, dict, path or raw
    elements  type of each element of a list
    required  True when the argument must be given
    default   value when it is absent (None counts as absent)
    choices   values that are allowed; for a list, the allowed elements
    aliases   other names
    no_log    True when the value is a secret: it is cut out of every result
    untold    True when it may hold a secret: results tell that it was given, though they may hold parts of it

Coercion follows ansible-core's documented rules for module parameters, with three deliberate refusals:
a list or mapping where text is wanted, and a boolean where a number is wanted, are mistakes and said to be.
"""

import os

TRUE = frozenset(["yes", "on", "1", "true", "y", "t"])
FALSE = frozenset(["no", "off", "0", "false", "n", "f"])


class ArgumentError(ValueError):
    """Arguments do not fit a module's description; the text is meant for an operator."""


def apply_spec(spec, given, warn=None):
    """Make given arguments fit a description.

    Args:
        spec: the description, as in the module docstring.
        given: arguments by name or alias.
        warn: called with one sentence when something is odd but clear.

    Returns:
        A new dict in which every name of the description is a key.

    Raises:
        ArgumentError: unknown, missing or unusable arguments.
    """
    names = {}
    for name, option in spec.items():
        names[name] = name
        for alias in option.get("aliases", ()):
            names[alias] = name
    strangers = [key for key in given if key not in names]
    if strangers:
        raise ArgumentError(_unknown(strangers, spec))
    values = _by_canonical_name(names, given, warn)
    applied = {}
    missing = []
    for name, option in spec.items():
        value = values.get(name)
        if value is None:
            if option.get("required") and option.get("default") is None:
                missing.append(name)
            value = option.get("default")
        if value is not None:
            value = _fit(name, option, value)
        applied[name] = value
    if missing:
        raise ArgumentError("missing required arguments: {}".format(", ".join(sorted(missing))))
    return applied


def secrets(spec, applied):
    """Texts of every argument marked ``no_log``, longest first, to be cut out of results."""
    found = set()
    for name, option in spec.items():
        if option.get("no_log"):
            _texts(applied.get(name), found)
    return sorted(found, key=len, reverse=True)


def to_bool(value):
    """True or False from yes/no, on/off, true/false, y/n, t/f, 1/0 in any case. Raises ValueError."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        if value in (0, 1):
            return bool(value)
    elif isinstance(value, str):
        word = value.strip().lower()
        if word in TRUE:
            return True
        if word in FALSE:
            return False
    raise ValueError("it is neither true nor false (use yes or no)")


def to_int(value):
    """A whole number from an int, a float without fraction, or their text. Raises ValueError."""
    if isinstance(value, bool):
        raise ValueError("it is a boolean")
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            pass
    number = to_float(value)
    # int() of an infinity or a NaN raises OverflowError or ValueError of its own.
    if number in (float("inf"), float("-inf")) or number != number or number != int(number):
        raise ValueError("it is not a whole number")
    return int(number)


def to_float(value):
    """A number from an int, a float or their text. Raises ValueError."""
    if isinstance(value, bool):
        raise ValueError("it is a boolean")
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value.strip())
        except ValueError:
            pass
    raise ValueError("it is not a number")


def to_str(value):
    """Text from text, a number or a boolean. Raises ValueError for lists and mappings."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return str(value)
    raise ValueError("it is a {}, where text is expected".format(_kind(value)))


def to_path(value):
    """A path with ``~`` and environment variables expanded. Raises ValueError."""
    path = to_str(value)
    if "\0" in path:
        raise ValueError("a path cannot contain a NUL character")
    return os.path.expanduser(os.path.expandvars(path))


def to_list(value):
    """A list from a list, comma-separated text, or one number. Raises ValueError."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")] if value.strip() else []
    if isinstance(value, (bool, int, float)):
        return [str(value)]
    raise ValueError("it is a {}, where a list is expected".format(_kind(value)))


def to_dict(value):
    """A mapping from a mapping, a JSON or Python literal, or ``k=v`` pairs. Raises ValueError.

    Pairs are separated by commas or spaces; quotes keep both inside a value.
    """
    if isinstance(value, dict):
        return dict(value)
    if not isinstance(value, str):
        raise ValueError("it is a {}, where a mapping is expected".format(_kind(value)))
    text = value.strip()
    if not text:
        return {}
    if text.startswith("{"):
        return _literal_dict(text)
    import shlex

    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace += ","
    lexer.whitespace_split = True
    lexer.commenters = ""
    pairs = [word.split("=", 1) for word in lexer]
    if any(len(pair) != 2 or not pair[0] for pair in pairs):
        raise ValueError("it is neither JSON nor pairs of key=value")
    return {key: val for key, val in pairs}


def to_raw(value):
    """The value as it came."""
    return value


COERCIONS = {
    "str": to_str,
    "int": to_int,
    "float": to_float,
    "bool": to_bool,
    "list": to_list,
    "dict": to_dict,
    "path": to_path,
    "raw": to_raw,
}


def _by_canonical_name(names, given, warn):
    values = {}
    came_as = {}
    for key, value in given.items():
        name = names[key]
        if name in values and values[name] is not None:
            if value is None:
                continue
            if warn is not None:
                warn("both '{}' and '{}' are given; they are the same argument".format(came_as[name], key))
            if key != name:
                continue
        values[name] = value
        came_as[name] = key
    return values


def _unknown(strangers, spec):
    import difflib

    public = sorted(name for name in spec if not name.startswith("_"))
    aliases = sorted(alias for name in public for alias in spec[name].get("aliases", ()) if not alias.startswith("_"))
    message = "Unsupported parameters for this module: {}".format(", ".join(sorted(map(str, strangers))))
    if not public:
        return message + "; it takes none"
    message += ". Supported parameters include: {}".format(", ".join(public))
    message += " ({}).".format(", ".join(aliases)) if aliases else "."
    for stranger in strangers:
        close = difflib.get_close_matches(str(stranger), public + aliases, n=1, cutoff=0.6)
        if close:
            message += " Did you mean '{}'?".format(close[0])
    return message


def _fit(name, option, value):
    kind = option.get("type", "str")
    choices = option.get("choices")
    if choices and kind == "str" and isinstance(value, bool):
        value = _choice_for_bool(value, choices)
    fitted = _coerce(name, option, kind, value)
    elements = option.get("elements")
    if kind == "list" and elements:
        fitted = [_coerce(name, option, elements, item, "Elements value for option") for item in fitted]
    if choices:
        for item in fitted if kind == "list" else [fitted]:
            if item not in choices:
                raise ArgumentError(_not_a_choice(name, option, item, choices))
    return fitted


def _coerce(name, option, kind, value, what="argument"):
    try:
        return COERCIONS[kind](value)
    except ValueError as error:
        message = "{} '{}' is of type {} and we were unable to convert to {}".format(what, name, _type(value), kind)
        raise ArgumentError("{}: {}".format(message, error if option.get("no_log") else _why(kind, value, error)))


def _why(kind, value, error):
    """What is wrong with a value, in ansible-core's words where it has some: people look for them."""
    shown = _shorten(repr(value))
    if kind == "bool" and isinstance(value, (str, int, float)):
        known = ", ".join(repr(word) for word in sorted(TRUE | FALSE))
        return "The value {} is not a valid boolean. Valid booleans include: {}".format(shown, known)
    if kind == "int" and isinstance(value, str):
        return '"{}" cannot be converted to an int'.format(shown)
    return "{} ({})".format(error, shown)


def _type(value):
    return type(value).__name__


def _not_a_choice(name, option, item, choices):
    if option.get("no_log"):
        return "value of {} is not one of its {} choices".format(name, len(choices))
    import difflib

    listed = ", ".join(str(choice) for choice in choices)
    message = "value of {} must be one of: {}, got: {}".format(name, listed, _shorten(str(item)))
    close = difflib.get_close_matches(str(item), [str(choice) for choice in choices], n=1, cutoff=0.6)
    return message + " (did you mean '{}'?)".format(close[0]) if close else message


def _choice_for_bool(value, choices):
    """YAML reads a bare ``yes`` or ``off`` as a boolean: give back the one choice it can have stood for."""
    words = TRUE if value else FALSE
    meant = [choice for choice in choices if str(choice).lower() in words]
    return meant[0] if len(meant) == 1 else value


def _literal_dict(text):
    import json

    try:
        found = json.loads(text)
    except ValueError:
        import ast

        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            raise ValueError("it starts like a mapping but is neither JSON nor a Python literal")
    if not isinstance(found, dict):
        raise ValueError("it is a {}, where a mapping is expected".format(_kind(found)))
    return found


def _texts(value, found):
    if isinstance(value, dict):
        for item in value.values():
            _texts(item, found)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _texts(item, found)
    elif isinstance(value, str):
        if value:
            found.add(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        found.add(str(value))


def _kind(value):
    names = {dict: "mapping", list: "list", tuple: "list", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _shorten(text, limit=120):
    return text if len(text) <= limit else text[:limit] + "…"
