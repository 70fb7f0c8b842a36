"""Types, defaults and secrets of parameters, for ``arg_spec``."""

import os
from collections.abc import Mapping, MutableMapping, MutableSequence, MutableSet, Sequence, Set

from stella_ops.remote.lib.module_utils.common.collections import is_iterable
from stella_ops.remote.lib.module_utils.common.text.converters import to_native
from stella_ops.remote.lib.module_utils.common.validation import (
    check_type_bits,
    check_type_bool,
    check_type_bytes,
    check_type_dict,
    check_type_float,
    check_type_int,
    check_type_jsonarg,
    check_type_list,
    check_type_path,
    check_type_raw,
    check_type_str,
)
from stella_ops.remote.lib.module_utils.errors import AnsibleFallbackNotFound

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

# What is told to a module under ``_ansible_NAME``: the attribute it becomes, and its default.
PASS_VARS = {
    "check_mode": ("check_mode", False),
    "debug": ("_debug", False),
    "diff": ("_diff", False),
    "keep_remote_files": ("_keep_remote_files", False),
    "ignore_unknown_opts": ("_ignore_unknown_opts", False),
    "module_name": ("_name", None),
    "no_log": ("no_log", False),
    "remote_tmp": ("_remote_tmp", None),
    "target_log_info": ("_target_log_info", None),
    "selinux_special_fs": ("_selinux_special_fs", ["fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat"]),
    "shell_executable": ("_shell", "/bin/sh"),
    "socket": ("_socket_path", None),
    "string_conversion_action": ("_string_conversion_action", "warn"),
    "syslog_facility": ("_syslog_facility", "LOG_USER"),
    "tmpdir": ("_tmpdir", None),
    "verbosity": ("_verbosity", 0),
    "version": ("ansible_version", "0.0"),
}
PASS_BOOLS = ("check_mode", "debug", "diff", "keep_remote_files", "ignore_unknown_opts", "no_log")

DEFAULT_TYPE_VALIDATORS = {
    "str": check_type_str,
    "list": check_type_list,
    "dict": check_type_dict,
    "bool": check_type_bool,
    "int": check_type_int,
    "float": check_type_float,
    "path": check_type_path,
    "raw": check_type_raw,
    "jsonarg": check_type_jsonarg,
    "json": check_type_jsonarg,
    "bytes": check_type_bytes,
    "bits": check_type_bits,
}


def type_validator(wanted):
    """The function that makes a value of a type, and the type's name."""
    if callable(wanted):
        return wanted, getattr(wanted, "__name__", to_native(type(wanted)))
    wanted = "str" if wanted is None else wanted
    return DEFAULT_TYPE_VALIDATORS.get(wanted), wanted


def env_fallback(*args, **kwargs):
    """A fallback: the first of some environment variables that is set."""
    for name in args:
        if name in os.environ:
            return os.environ[name]
    raise AnsibleFallbackNotFound


def set_fallbacks(argument_spec, parameters):
    """Give parameters that are absent the value of their fallback; the secrets among these."""
    secrets = set()
    for name, option in argument_spec.items():
        fallback = option.get("fallback", (None,))
        if name in parameters or fallback[0] is None:
            continue
        args, kwargs = [], {}
        for item in fallback[1:]:
            if isinstance(item, dict):
                kwargs = item
            else:
                args = item
        try:
            value = fallback[0](*args, **kwargs)
        except AnsibleFallbackNotFound:
            continue
        if option.get("no_log", False) and value:
            secrets.add(value)
        parameters[name] = value
    return secrets


def set_defaults(argument_spec, parameters, also_none):
    """Give parameters that are absent their default; the secrets among these.

    Args:
        also_none: whether those without a default become None.
    """
    secrets = set()
    for name, option in argument_spec.items():
        default = option.get("default")
        if name not in parameters and (default is not None or also_none):
            if option.get("no_log", False) and default:
                secrets.update(texts_in(default))
            parameters[name] = default
    return secrets


def texts_in(value):
    """All values in a structure, as text."""
    if isinstance(value, (str, bytes)):
        if value:
            yield to_native(value, errors="surrogate_or_strict")
    elif isinstance(value, Mapping):
        for item in value.values():
            for text in texts_in(item):
                yield text
    elif is_iterable(value):
        for item in value:
            for text in texts_in(item):
                yield text
    elif value is None or isinstance(value, bool):
        return
    elif isinstance(value, (int, float)) or hasattr(value, "isoformat"):
        yield str(value)
    else:
        raise TypeError("Unknown parameter type: {}".format(type(value)))


def remove_values(value, no_log_strings):
    """A copy in which secrets are replaced."""
    return _without(value, sorted((to_native(each) for each in no_log_strings), key=len, reverse=True), 0)


def _without(value, secrets, depth):
    if isinstance(value, bytes):
        return _without(value.decode("utf-8", "surrogateescape"), secrets, depth).encode("utf-8", "surrogateescape")
    if isinstance(value, str):
        if value in secrets:
            return HIDDEN
        for secret in secrets:
            value = value.replace(secret, "*" * 8)
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        text = str(value)
        return HIDDEN if text in secrets or any(secret in text for secret in secrets) else value
    if depth > 200:
        return value
    if isinstance(value, Mapping):
        return {key: _without(item, secrets, depth + 1) for key, item in value.items()}
    if isinstance(value, Set):
        return {_without(item, secrets, depth + 1) for item in value}
    if isinstance(value, Sequence):
        return [_without(item, secrets, depth + 1) for item in value]
    if hasattr(value, "isoformat"):
        return HIDDEN if value.isoformat() in secrets else value
    raise TypeError("Value of unknown type: {}, {}".format(type(value), value))


def sanitize_keys(obj, no_log_strings, ignore_keys=frozenset()):
    """A copy in which secrets are cut out of the keys of mappings."""
    secrets = [to_native(each, errors="surrogate_or_strict") for each in no_log_strings]
    return _clean_keys(obj, secrets, ignore_keys)


def _clean_keys(value, secrets, ignored):
    if isinstance(value, MutableMapping):
        cleaned = {}
        for key, item in value.items():
            plain = key in ignored or (isinstance(key, str) and key.startswith("_ansible"))
            cleaned[key if plain else _without(key, secrets, 0)] = _clean_keys(item, secrets, ignored)
        return cleaned
    if isinstance(value, MutableSequence):
        return [_clean_keys(item, secrets, ignored) for item in value]
    if isinstance(value, MutableSet):
        return {_clean_keys(item, secrets, ignored) for item in value}
    return value
