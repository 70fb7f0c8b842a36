"""One module's run: its arguments, its way to warn and fail, and its answer made fit for JSON.

The remote runner calls ``execute`` in the forked child; tests call ``run_module``, which reads the module
from a file and goes the same way.
"""

import os
import sys

from stella_ops.remote.lib import arguments

CENSORED = "********"
SECRET_ARGUMENT = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

# In a process that serves one task after another: what watches over the programs that tasks start, for process.py,
# which many a task imports late.
guard = None


# Modules that work on files have it with them. Imported here, it would travel with all others, and what it imports.
_FILES = "stella_ops.remote.lib.files"
_OF_COMMANDS = frozenset(["_raw_params", "_uses_shell"])
# What ansible-core runs modules as that have an action; scripts look for the whole name.
_LEADS_TO = {name: "ansible.legacy." + name for name in ("assemble", "command", "copy", "unarchive", "uri")}
_LEADS_TO["shell"] = "ansible.legacy.command"
_LEADS_TO["dnf"] = _LEADS_TO["yum"] = "ansible.legacy.dnf"


class ModuleFailure(Exception):
    """Ends a module as failed; ``result`` is what the controller gets to see.

    Args:
        _hint: what to do about it, which people are told and playbooks are not.
    """

    def __init__(self, msg, _hint=None, **more):
        super().__init__(msg)
        self.result = dict(more, failed=True, msg=msg)
        if _hint:
            self.result["_hint"] = _hint


class Task:
    """What a module's ``run`` is given.

    Attributes:
        args: arguments after the module's ``ARGUMENTS`` were applied; every name is a key.
        check_mode: True when nothing may be changed, only foretold.
        diff_mode: True when a ``diff`` is wanted in the result.
        content: None, or a binary file object that can be read once.
        warnings: sentences collected by ``warn``.
        deprecations: what ``deprecate`` collected.
        live: for ``process.run``: where a program's output is told while it runs; None where nobody watches.
        invocation: arguments as the result may tell them; those of ``args`` where the module says nothing else.
    """

    def __init__(self, args, check_mode=False, diff_mode=False, content=None, warnings=None):
        self.args = args
        self.check_mode = check_mode
        self.diff_mode = diff_mode
        self.content = content
        self.warnings = [] if warnings is None else warnings
        self.deprecations = []
        self.live = None  # type: tuple[int, int, int] | None
        self.invocation = args

    def warn(self, message):
        """Add one sentence to the result's ``warnings``; the same sentence is kept once."""
        if message not in self.warnings:
            self.warnings.append(message)

    def deprecate(self, message, version, module):
        """Add to the result's ``deprecations`` what goes away with a version of ansible-core."""
        name = "ansible.builtin"
        by = {"resolved_name": "{}.{}".format(name, module), "type": "module"}
        self.deprecations.append({"msg": message, "collection_name": name, "version": version, "deprecator": by})

    def fail(self, msg, _hint=None, **more):
        """End the module as failed, with ``more`` beside ``msg`` in the result. Raises ModuleFailure."""
        raise ModuleFailure(msg, _hint, **more)


def execute(run, arguments_spec, request, content=None, told_by=None):
    """Run a module and return its result; never raises.

    Args:
        run: the module's ``run`` function.
        arguments_spec: the module's ``ARGUMENTS``.
        request: ``{"args": dict, "check": bool, "diff": bool}``, ``live`` (bytes a second, bytes in all) where
            somebody watches what its programs print, and ``invocation`` where the result is to tell the arguments.
        content: None, or a binary file object.
        told_by: the descriptor by which that is told.

    Returns:
        A dict of JSON types with at least ``changed`` and ``failed``; strings in it encode as UTF-8.
    """
    warnings = []  # type: list[str]
    hidden = []  # type: list[str]
    task = Task({}, bool(request.get("check")), bool(request.get("diff")), content, warnings)
    given = request.get("args") or {}
    try:
        if request.get("live") and told_by is not None:
            task.live = (told_by,) + tuple(request["live"])
        # Known before the arguments are fitted, so that a refusal cannot show a secret either; nor what has a name
        # that nobody knows, which may be a secret's with a typing error.
        named = _named_by_spec(arguments_spec, given)
        hidden = arguments.secrets(arguments_spec, named)
        task.invocation = {name: values[0] for name, values in named.items() if values}
        task.args = task.invocation = arguments.apply_spec(arguments_spec, given, task.warn)
        result = run(task)
        if not isinstance(result, dict):
            raise ModuleFailure("the module returned {}, not a mapping".format(type(result).__name__))
        result = dict(result)
    except ModuleFailure as failure:
        result = failure.result
    except arguments.ArgumentError as error:
        # The module's name is known here alone.
        called = str(request.get("module") or "this").rpartition("/")[2].partition("@")[0]
        named = "({}) module:".format(_LEADS_TO.get(called, called))
        result = {"failed": True, "msg": str(error).replace("this module:", named, 1)}
        if error.hint:
            result["_hint"] = error.hint
    except BaseException as error:  # a SystemExit or MemoryError must become an answer, too
        result = {"failed": True, "msg": "Task failed: Module failed: " + _describe(error), "exception": _trace()}
    result.setdefault("failed", False)
    result.setdefault("changed", False)
    # Where the module has not told it of the file itself: names of owners may be a directory server's to know.
    path = None if "owner" in result else result.get("path", result.get("dest"))
    if path and isinstance(path, str) and "\0" not in path and _knows_files(request) and os.path.exists(path):
        # Nor is ``importlib`` imported for it, which every host would pay for.
        __import__(_FILES)
        result.update(sys.modules[_FILES].describe(path))
    if warnings:
        result["warnings"] = list(result.get("warnings") or []) + warnings
    if task.deprecations:
        result["deprecations"] = list(result.get("deprecations") or []) + task.deprecations
    # Few look at it where all went well.
    if result["failed"] or request.get("invocation"):
        result["invocation"] = {"module_args": _shown_arguments(arguments_spec, task.invocation)}
    return jsonable(result, hidden)


def run_module(source_path, args, check_mode=False, diff_mode=False, content=None):
    """Run the module in a file here and now, as the remote runner would; for tests.

    Args:
        source_path: path of ``modules/NAME.py``.
        args: arguments by name; ``_raw_params`` goes to the module's ``FREE_FORM`` argument.
        content: bytes, a binary file object, or None.
    """
    with open(str(source_path), "rb") as source:
        code = compile(source.read(), str(source_path), "exec")
    namespace = {"__name__": "stella_module"}
    exec(code, namespace)
    args = dict(args)
    free_form = namespace.get("FREE_FORM")
    if free_form and "_raw_params" in args:
        args[free_form] = args.pop("_raw_params")
    if isinstance(content, bytes):
        import io

        content = io.BytesIO(content)
    request = {"args": args, "check": check_mode, "diff": diff_mode}
    return execute(namespace["run"], namespace.get("ARGUMENTS", {}), request, content)


def to_text(data):
    """Text of a host's bytes: UTF-8, and U+FFFD for what is not."""
    return data.decode("utf-8", "replace")


def jsonable(value, hidden=()):
    """The same value in JSON types, with each text of ``hidden`` cut out. Never raises.

    Bytes and text with lone surrogates (file names that are not UTF-8) get U+FFFD for what cannot be encoded;
    sets become sorted lists, NaN and infinities text, everything unknown its ``str``.
    """
    try:
        return _plain(value, hidden, 0)
    except Exception:
        message = "the module's result cannot be sent"
        return {"failed": True, "changed": False, "msg": message, "exception": _trace()}


def _plain(value, hidden, depth):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        return CENSORED if hidden and str(value) in hidden else value
    if isinstance(value, str):
        return _text(str.__str__(value), hidden)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _text(to_text(bytes(value)), hidden)
    if depth > 100:
        return "…"  # deeper than any answer: a structure that contains itself
    if isinstance(value, dict):
        # The names at the top are the module's own words; a secret that is spelled alike must not hide them.
        in_keys = hidden if depth else ()
        return {_text(_key(key), in_keys): _plain(item, hidden, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, hidden, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item, hidden, depth + 1) for item in value), key=str)
    if hasattr(value, "isoformat"):
        return _text(value.isoformat(), hidden)
    return _text(str(value), hidden)


def _key(key):
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, bytes):
        return to_text(key)
    return str(key)


def _text(text, hidden):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # surrogatepass for lone surrogates that no byte stands behind; the decoder then replaces both kinds.
        try:
            raw = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raw = text.encode("utf-8", "surrogatepass")
        text = raw.decode("utf-8", "replace")
    for secret in hidden:
        if secret in text:
            text = text.replace(secret, CENSORED)
    return text


def _named_by_spec(spec, given):
    """All values that were given for each argument, under its own name or another."""
    named = {}
    for name, option in spec.items():
        named[name] = [given.get(key) for key in [name] + list(option.get("aliases", ())) if key in given]
    return named


def _knows_files(request):
    """Whether what a module was sent with can describe files; where it was not sent, everything is there."""
    return _FILES in request["libs"] + request.get("later", []) if "libs" in request else True


def _shown_arguments(spec, given):
    """Arguments by name without those that actions add; of a secret it is told that there is one."""
    secret = set()
    for name, option in spec.items():
        if option.get("no_log") or option.get("untold"):
            secret.add(name)
    shown = {}
    for name, value in given.items():
        if not str(name).startswith("_") or name in _OF_COMMANDS:
            shown[name] = SECRET_ARGUMENT if name in secret and value is not None else _without_logins(value)
    return shown


def _without_logins(value):
    if isinstance(value, list):
        return [_without_logins(item) for item in value]
    return without_password(value) if isinstance(value, str) else value


def without_login(url):
    """A URL as results tell it: who logs in, and with what, is hidden."""
    import re

    return re.sub(
        r"(://)([^/?#@:\s]*)(:[^/?#\s]*)?@",
        lambda found: found.group(1) + ("****:****@" if found.group(3) else "****@"),
        url,
    )


def without_password(text):
    """A URL, or a text with some, as it may be shown: without passwords, and without a token in place of a user."""
    if "://" not in text or "@" not in text:
        return text
    import re

    text = re.sub(r"(://[^/?#@:\s]*):[^/?#\s]*@", r"\1:{}@".format(CENSORED), text)
    return re.sub(r"(https?://)[^/?#@:\s]+@", r"\1{}@".format(CENSORED), text)


def _describe(error):
    if isinstance(error, SystemExit):
        return "the module called exit({})".format(error.code)
    return str(error) or type(error).__name__


def _trace():
    try:
        import traceback  # rarely needed, and costly to import

        return traceback.format_exc()
    except Exception:
        return "no traceback could be made"
