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

Coercion follows ansible-core's documented rules for module parameters: text is made of whatever is wanted as text, and
null counts as absent only where an argument is neither required nor has a default; elsewhere it is empty text, or a
mistake.
"""

import os

TRUE = frozenset(["yes", "on", "1", "true", "y", "t"])
FALSE = frozenset(["no", "off", "0", "false", "n", "f"])


class ArgumentError(ValueError):
    """Arguments do not fit a module's description; the text is meant for an operator.

    Attributes:
        hint: None, or what may have been meant.
    """

    def __init__(self, message, hint=None):
        super().__init__(message)
        self.hint = hint


def apply_spec(spec, given, warn=None):
    """Make given arguments fit a description.

    Args:
        spec: the description, as in the module docstring.
        given: arguments by name or alias; where several names of one are given, the last alias counts.
        warn: called with one sentence when something is odd but clear.

    Returns:
        A new dict in which every name of the description is a key.

    Raises:
        ArgumentError: missing, unusable or unknown arguments, the first of them in this order.
    """
    values = _by_canonical_name(spec, given, warn)
    missing = [name for name, option in spec.items() if option.get("required") and name not in values]
    if missing:
        raise ArgumentError("missing required arguments: {}".format(", ".join(sorted(missing))))
    applied = {}
    for name, option in spec.items():
        value = values.get(name)
        optional = not option.get("required") and option.get("default") is None
        if name not in values or (value is None and (optional or name.startswith("_"))):
            value = option.get("default")
        if value is not None or (name in values and not optional):
            value = _convert(name, option, value)
        applied[name] = value
    for name, option in spec.items():
        if option.get("choices") and name in values:
            applied[name] = _choose(name, option, applied[name])
    names = set(spec).union(*(option.get("aliases", ()) for option in spec.values()))
    strangers = [key for key in given if key not in names]
    if strangers:
        raise _unknown(strangers, spec)
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
    """A number from a number or its text. Raises ValueError."""
    if isinstance(value, (int, float, str)):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise ValueError("it is not a number")


def to_str(value):
    """Text of any value; none of null."""
    if isinstance(value, str):
        return value
    return "" if value is None else str(value)


def to_path(value):
    """A path with ``~`` and environment variables expanded. Raises ValueError."""
    path = to_str(value)
    if "\0" in path:
        raise ValueError("a path cannot contain a NUL character")
    return os.path.expanduser(os.path.expandvars(path))


def to_list(value):
    """A list from a list, text with commas (blanks around them stay), or one number. Raises ValueError."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, (bool, int, float)):
        return [str(value)]
    raise ValueError("it is no list")


def to_dict(value):
    """A mapping from a mapping, a JSON or Python literal, or ``k=v`` pairs. Raises ValueError.

    Pairs are separated by commas or spaces; quotes keep both inside a value.
    """
    if isinstance(value, dict):
        return dict(value)
    if not isinstance(value, str):
        raise ValueError("it is no mapping")
    if value.startswith("{"):
        return _literal_dict(value)
    text = value.strip()
    if "=" not in text:
        raise ValueError("dictionary requested, could not parse JSON or key=value")
    import shlex

    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace += ","
    lexer.whitespace_split = True
    lexer.commenters = ""
    pairs = [word.split("=", 1) for word in lexer]
    if any(len(pair) != 2 or not pair[0] for pair in pairs):
        raise ValueError('unable to evaluate string in the "key=value" format as dictionary')
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


def _by_canonical_name(spec, given, warn):
    values = {}
    for name, option in spec.items():
        if name in given:
            values[name] = given[name]
        for alias in option.get("aliases", ()):
            if alias not in given:
                continue
            if name in values and warn is not None:
                warn("Both option {} and its alias {} are set.".format(name, alias))
            values[name] = given[alias]
    return values


def _unknown(strangers, spec):
    import difflib

    public = sorted(name for name in spec if not name.startswith("_"))
    aliases = sorted(alias for name in public for alias in spec[name].get("aliases", ()) if not alias.startswith("_"))
    message = "Unsupported parameters for this module: {}".format(", ".join(sorted(map(str, strangers))))
    if not public:
        return ArgumentError(message + "; it takes none")
    message += ". Supported parameters include: {}".format(", ".join(public))
    message += " ({}).".format(", ".join(aliases)) if aliases else "."
    found = [difflib.get_close_matches(str(each), public + aliases, n=1, cutoff=0.6) for each in strangers]
    meant = ["'{}'".format(close[0]) for close in found if close]
    return ArgumentError(message, "did you mean {}?".format(" and ".join(meant)) if meant else None)


def _convert(name, option, value):
    kind = option.get("type", "str")
    converted = _coerce(name, option, kind, value)
    elements = option.get("elements")
    if kind == "list" and elements:
        return [_coerce(name, option, elements, item, "Elements value for option") for item in converted]
    return converted


def _choose(name, option, value):
    choices = option["choices"]
    if isinstance(value, list):
        unknown = [item for item in value if item not in choices]
        if unknown:
            raise _not_a_choice(name, option, unknown, "must be one or more of: {}. Got no match for: {}")
    elif value not in choices:
        value = _choice_for_bool(value, choices)
        if value not in choices:
            raise _not_a_choice(name, option, [value], "must be one of: {}, got: {}")
    return value


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
    if kind == "int":
        return '"{}" cannot be converted to an int'.format(shown)
    if kind == "path" or (kind == "dict" and isinstance(value, str)):
        return str(error)
    return "{} cannot be converted to a {}".format(type(value), kind)


def _type(value):
    return type(value).__name__


def _not_a_choice(name, option, items, form):
    if option.get("no_log"):
        return ArgumentError("value of {} is not one of its {} choices".format(name, len(option["choices"])))
    import difflib

    known = [str(choice) for choice in option["choices"]]
    message = "value of {} ".format(name) + form.format(", ".join(known), _shorten(", ".join(map(str, items))))
    close = difflib.get_close_matches(str(items[0]), known, n=1, cutoff=0.6)
    return ArgumentError(message, "did you mean '{}'?".format(close[0]) if close else None)


def _choice_for_bool(value, choices):
    """YAML reads a bare ``yes`` or ``off`` as a boolean: give back the one choice it can have stood for."""
    words = {"True": TRUE, "False": FALSE}.get(str(value), ())
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
            raise ValueError("unable to evaluate string as dictionary")
    if not isinstance(found, dict):
        raise ValueError("unable to evaluate string as dictionary")
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


def _shorten(text, limit=120):
    return text if len(text) <= limit else text[:limit] + "…"
