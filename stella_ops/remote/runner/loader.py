"""The first code that a host runs: keeps what the controller sends in memory, and imports it from there.

It arrives with the rest of the runner on standard input (see ``transport/launch.py``). A piece of code travels as

    name, newline, magic number (4 bytes), length of the bytecode (4 bytes, big-endian), bytecode, source

both compressed by zlib. Bytecode saves a host its compilation, which takes longer than Python's own start; it
counts only where the magic number is this Python's own.

Every host pays for every import of the runner before its first task. ``collections``, ``importlib``, ``json``,
``signal``, ``struct``, ``traceback`` and ``types`` cost more than the interpreter's start, so what is needed of them
comes from the modules in C behind them.
"""

import _frozen_importlib_external as bootstrap
import _struct as struct
import marshal
import sys
import zlib

LENGTH = struct.Struct(">I")
ModuleSpec = type(sys.__spec__)


class Code(object):
    """A piece of code as it was sent.

    Attributes:
        packed: all of it, to be sent on to a worker.
        origin: what tracebacks call it.
    """

    def __init__(self, packed):
        self.packed = packed
        name, _, rest = packed.partition(b"\n")
        self.name = name.decode("utf-8")
        self.origin = "stella:" + self.name
        if not self.name.startswith("stella_ops."):
            self.origin = "stella:modules/%s.py" % self.name.partition("@")[0]
        length = LENGTH.unpack_from(rest, 4)[0]
        self._bytecode = rest[8 : 8 + length] if rest[:4] == bootstrap.MAGIC_NUMBER else b""
        self._source = rest[8 + length :]
        self._loaded = None

    def data(self):
        return zlib.decompress(self._source)

    def source(self):
        return self.data().decode("utf-8")

    def load(self):
        """The code object; SyntaxError and the like where this Python cannot compile it."""
        if self._loaded is None:
            if self._bytecode:
                self._loaded = marshal.loads(zlib.decompress(self._bytecode))
            else:
                self._loaded = compile(self.source(), self.origin, "exec", dont_inherit=True)
        return self._loaded


class MemoryFinder(object):
    """Imports what the controller sent of ``stella_ops.remote``.

    A package's own code comes under the name of its file, ``….facts.__init__``.
    """

    def __init__(self):
        self.codes = {}
        self.packages = {"stella_ops", "stella_ops.remote", "stella_ops.remote.lib", "stella_ops.remote.runner"}

    def add(self, code):
        name = code.name
        if name.endswith(".__init__"):
            name = name[: -len(".__init__")]
            self.packages.add(name)
        self.codes[name] = code

    def find_spec(self, name, path=None, target=None):
        package = name in self.packages
        if name not in self.codes and not package:
            return None
        return ModuleSpec(name, self, origin="stella:" + name, is_package=package)  # type: ignore[arg-type]

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        code = self.codes.get(module.__name__)
        if code is not None:
            exec(code.load(), module.__dict__)

    def get_source(self, name):
        return self.codes[name].source() if name in self.codes else ""


def start(units):
    """Take in the runner's own files, one after the other with their lengths before them, and run it."""
    finder = MemoryFinder()
    at = 0
    while at < len(units):
        end = at + LENGTH.size + LENGTH.unpack_from(units, at)[0]
        finder.add(Code(units[at + LENGTH.size : end]))
        at = end
    sys.meta_path.insert(0, finder)
    sys.modules["stella_ops.remote.runner.loader"] = sys.modules["__main__"]
    from stella_ops.remote.runner import program

    program.main(finder)


if __name__ == "__main__":
    # Read from standard input by the boot code, in whose namespace this runs.
    start(globals()["units"])
