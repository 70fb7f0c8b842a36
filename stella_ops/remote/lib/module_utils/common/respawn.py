"""Another Python for the same module."""

import os
import subprocess


def has_respawned():
    """Whether this module runs in another Python already."""
    import sys

    return hasattr(sys.modules["__main__"], "_respawned")


def respawn_module(interpreter_path):
    """Run this module in another Python, and end with it: not possible here, and said so."""
    text = "this module asks to be run by {0}; set ansible_python_interpreter to {0} for this task"
    raise Exception(text.format(interpreter_path))


def probe_interpreters_for_module(interpreter_paths, module_name):
    """The first of some Pythons that can import a module, or None."""
    for path in interpreter_paths:
        if os.path.exists(path):
            ask = subprocess.run(
                [path, "-c", "import {}".format(module_name)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if ask.returncode == 0:
                return path
    return None
