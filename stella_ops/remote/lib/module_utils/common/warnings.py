"""Warnings and deprecations of the module that runs here."""

_global_warnings = []
_global_deprecations = []


def warn(warning, *, help_text=None, obj=None):
    """Add a warning to the result; the same one counts once."""
    if not isinstance(warning, str):
        raise TypeError("warn requires a string not a {}".format(type(warning)))
    if help_text:
        warning = "{} {}".format(warning, help_text)
    if warning not in _global_warnings:
        _global_warnings.append(warning)


def error_as_warning(msg, exception, *, help_text=None, obj=None):
    """Add an exception to the result as a warning."""
    warn(": ".join(part for part in (msg, str(exception)) if part), help_text=help_text)


def deprecate(msg, version=None, date=None, collection_name=None, *, deprecator=None, help_text=None, obj=None):
    """Add a deprecation to the result."""
    if not isinstance(msg, str):
        raise TypeError("deprecate requires a string not a {}".format(type(msg)))
    told = {"msg": msg, "collection_name": collection_name}
    told["date" if date else "version"] = date or version
    if told not in _global_deprecations:
        _global_deprecations.append(told)


def get_warning_messages():
    """All warnings so far."""
    return tuple(_global_warnings)


def get_deprecation_messages():
    """All deprecations so far."""
    return tuple(_global_deprecations)


def get_warnings():
    """All warnings so far, as a list."""
    return list(_global_warnings)


def get_deprecations():
    """All deprecations so far, as a list."""
    return list(_global_deprecations)
