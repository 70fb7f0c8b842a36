"""``AnsibleModule``: what modules in Python written for ansible-core are built on.

The interface is that of ansible-core's developer documentation ("Ansible module development", "Ansible Reference:
Module Utilities"). A module's answer goes to standard output, as one line of JSON; ``foreign.py`` reads it there.

Modules that say ``from ansible.module_utils.basic import *`` count on much that is imported here.
"""

# ruff: noqa: F401

import atexit
import copy
import datetime
import errno
import fcntl
import grp
import hashlib
import json
import locale
import os
import platform
import pwd
import re
import select
import selectors
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import types
from collections.abc import KeysView, Mapping, MutableMapping, Sequence, Set

from stella_ops.remote.lib.module_utils._files import AVAILABLE_HASH_ALGORITHMS, FilesMixin
from stella_ops.remote.lib.module_utils._logging import PASSWORD_MATCH, LoggingMixin, heuristic_log_sanitize
from stella_ops.remote.lib.module_utils._moving import MovingMixin
from stella_ops.remote.lib.module_utils._running import PASSWD_ARG_RE, RunningMixin
from stella_ops.remote.lib.module_utils._selinux import HAVE_SELINUX, SelinuxMixin
from stella_ops.remote.lib.module_utils.common._utils import get_all_subclasses
from stella_ops.remote.lib.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from stella_ops.remote.lib.module_utils.common.file import (
    FILE_ATTRIBUTES,
    PERMS_RE,
    S_IRWU_RWG_RWO,
    USERS_RE,
    format_attributes,
    get_flags_from_attributes,
    is_executable,
)
from stella_ops.remote.lib.module_utils.common.json import AnsibleJSONEncoder
from stella_ops.remote.lib.module_utils.common.locale import get_best_parsable_locale
from stella_ops.remote.lib.module_utils.common.parameters import (
    DEFAULT_TYPE_VALIDATORS,
    PASS_BOOLS,
    PASS_VARS,
    env_fallback,
    remove_values,
    sanitize_keys,
)
from stella_ops.remote.lib.module_utils.common.process import get_bin_path
from stella_ops.remote.lib.module_utils.common.sys_info import (
    get_distribution,
    get_distribution_version,
    get_platform_subclass,
)
from stella_ops.remote.lib.module_utils.common.text.converters import (
    container_to_bytes as json_dict_unicode_to_bytes,
)
from stella_ops.remote.lib.module_utils.common.text.converters import (
    container_to_text as json_dict_bytes_to_unicode,
)
from stella_ops.remote.lib.module_utils.common.text.converters import jsonify, to_bytes, to_native, to_text
from stella_ops.remote.lib.module_utils.common.text.formatters import (
    SIZE_RANGES,
    bytes_to_human,
    human_to_bytes,
    lenient_lowercase,
)
from stella_ops.remote.lib.module_utils.common.validation import check_missing_parameters, safe_eval
from stella_ops.remote.lib.module_utils.common.warnings import deprecate, get_deprecations, get_warnings, warn
from stella_ops.remote.lib.module_utils.errors import (
    AnsibleFallbackNotFound,
    AnsibleValidationErrorMultiple,
    UnsupportedError,
)
from stella_ops.remote.lib.module_utils.parsing.convert_bool import (
    BOOLEANS,
    BOOLEANS_FALSE,
    BOOLEANS_TRUE,
    boolean,
)
from stella_ops.remote.lib.module_utils.six import (
    PY2,
    PY3,
    b,
    binary_type,
    integer_types,
    iteritems,
    string_types,
    text_type,
)

# Set by ``foreign.py``: the parameters, as JSON in bytes.
_ANSIBLE_ARGS = None

NoneType = type(None)
SEQUENCETYPE = (frozenset, list, tuple)
_UNSET = object()

FILE_COMMON_ARGUMENTS = {
    "mode": {"type": "raw"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "seuser": {"type": "str"},
    "serole": {"type": "str"},
    "selevel": {"type": "str"},
    "setype": {"type": "str"},
    "attributes": {"type": "str", "aliases": ["attr"]},
    "unsafe_writes": {"type": "bool", "default": False, "fallback": (env_fallback, ["ANSIBLE_UNSAFE_WRITES"])},
}


def get_platform():
    """The name of the operating system's kernel."""
    return platform.system()


def load_platform_subclass(cls, *args, **kwargs):
    """An instance of the subclass that is meant for this platform."""
    return super(cls, get_platform_subclass(cls)).__new__(get_platform_subclass(cls))


def get_module_path():
    """The folder that this file counts as lying in."""
    return os.path.dirname(os.path.realpath(__file__))


def missing_required_lib(library, reason=None, url=None):
    """What to tell an operator whose host lacks a Python library."""
    text = "Failed to import the required Python library ({}) on {}'s Python {}.".format(
        library, platform.node(), sys.executable
    )
    if reason:
        text += " This is required {}.".format(reason)
    if url:
        text += " See {} for more info.".format(url)
    return text + (
        " Please read the module documentation and install it in the appropriate location. If the required library"
        " is installed, but another Python interpreter is in use, set ansible_python_interpreter"
    )


def _load_params():
    """The parameters as the controller sent them, those for AnsibleModule itself among them."""
    if _ANSIBLE_ARGS is None:
        raise Exception("this module was not started by stella-ops: there are no parameters")
    return copy.deepcopy(json.loads(to_text(_ANSIBLE_ARGS))["ANSIBLE_MODULE_ARGS"])


class AnsibleModule(FilesMixin, MovingMixin, RunningMixin, LoggingMixin, SelinuxMixin):
    """The parameters of a module, checked, and what it does most often.

    Args:
        argument_spec: names to descriptions, as ansible-core documents them ("Argument spec").
        no_log: log nothing.
        add_file_common_args: take owner, group, mode and the like, too.
        supports_check_mode: without it, the module is skipped in check mode.
    """

    def __init__(
        self,
        argument_spec,
        bypass_checks=False,
        no_log=False,
        mutually_exclusive=None,
        required_together=None,
        required_one_of=None,
        add_file_common_args=False,
        supports_check_mode=False,
        required_if=None,
        required_by=None,
    ):
        self._name = "module"
        self.argument_spec = argument_spec
        self.supports_check_mode = supports_check_mode
        self.check_mode = False
        self.bypass_checks = bypass_checks
        self.no_log = no_log
        self.mutually_exclusive = mutually_exclusive
        self.required_together = required_together
        self.required_one_of = required_one_of
        self.required_if = required_if
        self.required_by = required_by
        self.cleanup_files = []
        self.run_command_environ_update = {}
        self.aliases = {}
        self.no_log_values = set()
        self.ansible_version = "0.0"
        self._clean = None
        self._debug = self._diff = False
        self._tmpdir = None
        self._verbosity = 0
        if add_file_common_args:
            for name, option in FILE_COMMON_ARGUMENTS.items():
                self.argument_spec.setdefault(name, option)
        self._load_params()
        self._set_internal_properties()
        self._check_locale()
        self._validate()
        if self.check_mode and not self.supports_check_mode:
            self.exit_json(skipped=True, msg="remote module ({}) does not support check mode".format(self._name))
        self._CHECK_ARGUMENT_TYPES_DISPATCHER = DEFAULT_TYPE_VALIDATORS
        if not self.no_log:
            self._look_for_passwords()
        self._set_cwd()

    # -- start

    def _load_params(self):
        self.params = _load_params()

    def _set_internal_properties(self, argument_spec=None, module_parameters=None):
        for name, (attribute, default) in PASS_VARS.items():
            key = "_ansible_{}".format(name)
            if key in self.params:
                value = self.params.pop(key)
                setattr(self, attribute, self.boolean(value) if name in PASS_BOOLS else value)
            elif not hasattr(self, attribute):
                setattr(self, attribute, default)
        for key in [key for key in self.params if key.startswith("_ansible_")]:
            del self.params[key]

    def _validate(self):
        self.validator = ModuleArgumentSpecValidator(
            self.argument_spec,
            self.mutually_exclusive,
            self.required_together,
            self.required_one_of,
            self.required_if,
            self.required_by,
        )
        self.validation_result = found = self.validator.validate(self.params)
        self.params.update(found.validated_parameters)
        self.no_log_values.update(found._no_log_values)
        self.aliases.update(found._aliases)
        if not found.errors.errors:
            return
        first = found.errors[0]
        if not isinstance(first, UnsupportedError):
            self.fail_json(msg=first.msg)
        elif not self._ignore_unknown_opts:
            self.fail_json(msg="Unsupported parameters for ({}) module: {}".format(self._name, first.msg))

    def _check_locale(self):
        """A locale that the host does not have counts as the plainest one."""
        try:
            locale.setlocale(locale.LC_ALL, "")
        except locale.Error:
            best = get_best_parsable_locale(self)
            locale.setlocale(locale.LC_ALL, best)
            for name in ("LANG", "LC_ALL", "LC_MESSAGES"):
                os.environ[name] = best

    def _look_for_passwords(self):
        for name in self.params:
            option = self.argument_spec.get(self.aliases.get(name, name), {})
            if option.get("no_log") is None and PASSWORD_MATCH.search(name):
                self.warn("Module did not set no_log for {}".format(name))

    def _set_cwd(self):
        """A folder that may be read: the one that we are in may be another user's."""
        for folder in (None, os.path.expandvars("$HOME"), tempfile.gettempdir()):
            try:
                if folder is not None:
                    os.chdir(folder)
                if os.access(os.getcwd(), os.F_OK | os.R_OK):
                    return os.getcwd()
            except OSError:
                continue
        return None

    @property
    def tmpdir(self):
        """A folder of this module's own, which is removed when it ends."""
        if self._tmpdir is None:
            base = self._remote_tmp and os.path.expanduser(os.path.expandvars(self._remote_tmp))
            if base and not os.path.exists(base):
                try:
                    os.makedirs(base, mode=0o700)
                except OSError as problem:
                    text = "Unable to use {} as temporary directory, failing back to system: {}"
                    self.warn(text.format(base, to_native(problem)))
                    base = None
            self._tmpdir = tempfile.mkdtemp(prefix="ansible-moduletmp-{}-".format(time.time()), dir=base)
            if not self._keep_remote_files:
                atexit.register(shutil.rmtree, self._tmpdir, True)
        return self._tmpdir

    # -- what it says

    def warn(self, warning, *, help_text=None):
        """Add a warning to the result."""
        warn(warning, help_text=help_text)
        self.log("[WARNING] {}".format(warning))

    def error_as_warning(self, msg, exception, *, help_text=None):
        """Add an exception to the result as a warning."""
        self.warn(": ".join(part for part in (msg, str(exception)) if part), help_text=help_text)

    def deprecate(self, msg, version=None, date=None, collection_name=None, *, deprecator=None, help_text=None):
        """Add a deprecation to the result."""
        if version is not None and date is not None:
            raise AssertionError("implementation error -- version and date must not both be set")
        deprecate(msg, version=version, date=date, collection_name=collection_name)
        self.log("[DEPRECATION WARNING] {} {}".format(msg, date or version or ""))

    def exit_json(self, **kwargs):
        """End the module; ``kwargs`` are its result."""
        self.do_cleanup_files()
        self._return_formatted(kwargs)
        sys.exit(0)

    def fail_json(self, msg, *, exception=_UNSET, **kwargs):
        """End the module as failed.

        Args:
            exception: what went wrong, or a traceback as text; by default what is being handled.
        """
        kwargs.update(failed=True, msg=str(msg))
        if isinstance(exception, BaseException):
            if str(exception) and str(exception) not in kwargs["msg"]:
                kwargs["msg"] = "{}: {}".format(kwargs["msg"].rstrip(".: "), exception)
            trace = traceback.format_exception(type(exception), exception, exception.__traceback__)
            kwargs["exception"] = "".join(trace)
        elif isinstance(exception, str):
            kwargs["exception"] = exception
        elif exception is _UNSET and sys.exc_info()[2] is not None:
            kwargs["exception"] = traceback.format_exc()
        self.do_cleanup_files()
        self._return_formatted(kwargs)
        sys.exit(1)

    def _return_formatted(self, kwargs):
        self.add_path_info(kwargs)
        if "invocation" not in kwargs:
            kwargs["invocation"] = {"module_args": self.params}
        for text in _listed(kwargs.get("warnings")):
            self.warn(text)
        for told in _listed(kwargs.get("deprecations")):
            if isinstance(told, dict):
                self.deprecate(**{key: told.get(key) for key in ("msg", "version", "date", "collection_name")})
            elif isinstance(told, (list, tuple)):
                self.deprecate(told[0], version=told[1])
            else:
                self.deprecate(told)
        for name, found in (("warnings", get_warnings()), ("deprecations", get_deprecations())):
            if found:
                kwargs[name] = found
            elif not kwargs.get(name):
                kwargs.pop(name, None)
        # Words like True may well be secrets; those that are plain truths are none.
        truths = {name: value for name, value in kwargs.items() if value is None or isinstance(value, bool)}
        answer = remove_values(kwargs, self.no_log_values)
        answer.update(truths)
        self._record_module_result(answer)

    def _record_module_result(self, o):
        print("\n{}".format(json.dumps(o, cls=AnsibleJSONEncoder)))

    def fail_on_missing_params(self, required_params=None):
        """End the module as failed where one of some parameters is not given."""
        try:
            check_missing_parameters(self.params, required_params)
        except TypeError as problem:
            self.fail_json(msg=to_native(problem))

    # -- small things

    def get_bin_path(self, arg, required=False, opt_dirs=None):
        """The path of a program, None where there is none; then the module fails if it is ``required``."""
        try:
            return get_bin_path(arg, opt_dirs)
        except ValueError as problem:
            if required:
                self.fail_json(msg=to_text(problem))
        return None

    def boolean(self, arg):
        """True or False of a word; the module fails where it is neither."""
        if arg is None:
            return arg
        try:
            return boolean(arg)
        except TypeError as problem:
            self.fail_json(msg=to_native(problem))

    def jsonify(self, data):
        """JSON of data."""
        try:
            return jsonify(data)
        except UnicodeError as problem:
            self.fail_json(msg=to_text(problem))

    def from_json(self, data):
        """Data of JSON."""
        return json.loads(data)

    def safe_eval(self, value, locals=None, include_exceptions=False):
        """The Python literal that text holds, or the text."""
        return safe_eval(value, locals, include_exceptions)

    def add_cleanup_file(self, path):
        """Remove a file when the module ends."""
        if path not in self.cleanup_files:
            self.cleanup_files.append(path)

    def do_cleanup_files(self):
        """Remove those files now."""
        for path in self.cleanup_files:
            self.cleanup(path)

    def append_to_file(self, filename, str):
        """Add text to the end of a file."""
        with open(os.path.expandvars(os.path.expanduser(filename)), "a") as target:
            target.write(str)

    @staticmethod
    def bytes_to_human(size):
        """A size as people write it."""
        return bytes_to_human(size)

    pretty_bytes = bytes_to_human

    @staticmethod
    def human_to_bytes(number, isbits=False):
        """The number that a size stands for."""
        return human_to_bytes(number, isbits=isbits)

    is_executable = staticmethod(is_executable)


def _listed(value):
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
