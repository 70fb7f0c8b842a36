"""The code of tasks: what the controller sent, and the orders by which a kept child gets it."""

import marshal
import sys

from stella_ops.remote.runner import processes
from stella_ops.remote.runner.loader import LENGTH, Code


class Tasks(object):
    """Modules by name, and the finder of the library files that they import."""

    def __init__(self, finder):
        self._finder = finder
        self._modules = {}

    def add(self, packed):
        """Take in a piece of code as it was sent."""
        code = Code(packed)
        if code.name.startswith("stella_ops."):
            self._finder.add(code)
        else:
            self._modules[code.name] = code

    def names(self):
        """The names of all code that is here."""
        return set(self._finder.codes) | set(self._modules)

    def code(self, request):
        """The code of a task's module, its library imported; raises whatever is wrong with them.

        Of a module that others wrote: its code as it was sent, and the user's ``module_utils`` by name.
        """
        for name in request["libs"]:
            if name not in sys.modules:
                __import__(name)
        module = self._modules[request["module"]]
        if "foreign" not in request:
            return module.load()
        if request["foreign"]["kind"] == "python":
            module.load()
        return module, {name: self._modules[key] for name, key in request["foreign"]["utils"].items()}

    def order(self, request, content, known):
        """A task as bytes for a kept child, with the code that it does not have yet; ``known`` grows by that."""
        needed = []
        for name in request["libs"] + request.get("later", []):
            if name not in known and name in self._finder.codes:
                needed.append(self._finder.codes[name].packed)
                known.add(name)
        if request["module"] not in known and request["module"] in self._modules:
            needed.append(self._modules[request["module"]].packed)
            known.add(request["module"])
        packed = marshal.dumps((needed, request, content))
        return LENGTH.pack(len(packed)) + packed

    def next_order(self, fd):
        """In a kept child: wait for the next task, as (request, content); None when there is no more."""
        head = processes.read_exactly(fd, LENGTH.size)
        if len(head) < LENGTH.size:
            return None
        packed = processes.read_exactly(fd, LENGTH.unpack(head)[0])
        needed, request, content = marshal.loads(packed)
        for piece in needed:
            self.add(piece)
        return request, content
