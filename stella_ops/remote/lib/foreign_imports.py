"""Answers the imports of ``ansible`` that modules written for ansible-core make; see ``foreign.py``."""

import sys

_PREFIX = "ansible.module_utils"
_OURS = "stella_ops.remote.lib.module_utils"


class UtilsFinder(object):
    """Answers imports of ``ansible`` and ``ansible_collections``.

    Args:
        utils: see ``run``.
        aliases: names that other names answer for.
        package: of Python, that the module itself lies in; None where it is no collection's.
        version: of ansible-core, as modules may ask for it.
    """

    def __init__(self, utils, version, aliases=None, package=None):
        self._codes = {}
        self._aliases = aliases or {}
        self._packages = {"ansible", "ansible.modules"}
        if package:
            self._packages.add(package)
        self._version = version
        for name, code in utils.items():
            if name.endswith(".__init__"):
                name = name[: -len(".__init__")]
                self._packages.add(name)
            self._codes[name] = code
        # A folder without a file ``__init__.py`` is a package as well.
        for name in list(self._codes) + list(self._aliases) + [package or "ansible"]:
            while "." in name:
                name = name.rpartition(".")[0]
                if name != _PREFIX:
                    self._packages.add(name)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ("ansible", "ansible_collections"):
            return None
        if name in self._aliases:
            return self._spec(name, True)
        if name in self._codes or name in self._packages or name == "ansible.release":
            return self._spec(name, name in self._packages)
        if name != _PREFIX and not name.startswith(_PREFIX + "."):
            return None
        return self._spec(name, True) if _ours(name) is not None else None

    def _spec(self, name, is_package):
        return type(sys.__spec__)(name, self, origin=name, is_package=is_package)  # type: ignore[arg-type]

    def create_module(self, spec):
        if spec.name in self._aliases:
            other = self._aliases[spec.name]
            __import__(other)
            return sys.modules[other]
        if spec.name in self._codes or not spec.name.startswith(_PREFIX):
            return None
        found = _ours(spec.name)
        if found is not None and not hasattr(found, "__path__") and spec.name in self._packages:
            vars(found)["__path__"] = []
        return found

    def exec_module(self, module):
        name = module.__spec__.name
        if name in self._aliases:
            return
        if name in self._codes:
            exec(self._codes[name].load(), vars(module))
        elif name in ("ansible", "ansible.release"):
            vars(module).update(__version__=self._version, __author__="", __codename__="")


def _ours(name):
    """The module of ours that answers for a name; None where there is none."""
    moves = _PREFIX + ".six.moves"
    if name == moves or name.startswith(moves + "."):
        from stella_ops.remote.lib.module_utils import six

        return six.find_moved(name[len(moves) + 1 :])
    ours = _OURS + name[len(_PREFIX) :]
    try:
        __import__(ours)
    except ImportError as problem:
        if getattr(problem, "name", None) == ours:
            return None
        raise
    return sys.modules[ours]
