"""Runs a module of others once more, in another Python of the host; see ``foreign.py``.

All that the module needs goes through a pipe to a new interpreter, which finds it in memory as this one does: nothing
is written to the host's disk, and nothing of the arguments shows among its processes.
"""

import json
import sys

_LIB = "stella_ops.remote.lib"
_PACKAGES = ("stella_ops", "stella_ops.remote", _LIB)

# What the new interpreter is started with: it reads the rest, of which this file is a part.
_BOOT = (
    "import json,sys;t=json.loads(sys.stdin.buffer.read().decode('utf-8'));m=type(sys)('respawning');"
    "exec(compile(t['respawning'],'stella:respawning','exec'),vars(m));sys.exit(m.arrive(t))"
)

_running = {}


def remember(code, utils, params, about):
    """Note which module runs in this process."""
    _running.update(code=code, utils=utils, params=params, about=about)


def run(interpreter):
    """Run this process's module in another Python; its exit status.

    Args:
        interpreter: path.

    Raises:
        OSError: it cannot be started.
    """
    import subprocess

    finder = next(vars(each) for each in sys.meta_path if hasattr(each, "codes"))
    libs = {name: code.source() for name, code in finder["codes"].items() if name.startswith(_LIB + ".")}
    told = {
        "respawning": libs[_LIB + ".respawning"],
        "libs": libs,
        "packages": sorted(name for name in finder["packages"] if name.startswith(_LIB + ".")),
        "module": [_running["code"].name, _running["code"].source()],
        "utils": {name: code.source() for name, code in _running["utils"].items()},
        "params": _running["params"],
        "about": dict(_running["about"], respawned=True),
    }
    child = subprocess.Popen([interpreter, "-I", "-c", _BOOT], stdin=subprocess.PIPE)
    child.communicate(json.dumps(told).encode("utf-8"))
    return child.returncode


def arrive(told):
    """In the new interpreter: run the module; its exit status.

    Args:
        told: what ``run`` made.
    """
    finder = _Finder({name: _Text(name, text) for name, text in told["libs"].items()}, told["packages"])
    sys.meta_path.insert(0, finder)
    from stella_ops.remote.lib import foreign

    utils = {name: _Text(name, text) for name, text in told["utils"].items()}
    return foreign.run_as_main(_Text(*told["module"]), utils, told["params"], told["about"])


class _Text:
    """A piece of code, as the runner's ``Code``."""

    def __init__(self, name, text):
        self.name = name
        self._text = text

    def source(self):
        return self._text

    def load(self):
        return compile(self._text, "stella:" + self.name, "exec", dont_inherit=True)


class _Finder:
    """Imports pieces of code."""

    def __init__(self, codes, packages):
        self.codes = codes
        self.packages = set(packages).union(_PACKAGES)

    def find_spec(self, name, path=None, target=None):
        if name not in self.codes and name not in self.packages:
            return None
        return type(sys.__spec__)(name, self, origin=name, is_package=name in self.packages)  # type: ignore[arg-type]

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        if module.__name__ in self.codes:
            exec(self.codes[module.__name__].load(), vars(module))
