"""Another Python for the same module."""

import os
import subprocess
import sys


def has_respawned():
    """Whether this module runs in another Python already."""
    return hasattr(sys.modules["__main__"], "_respawned")


def respawn_module(interpreter_path):
    """Run this module in another Python, and end with it.

    Args:
        interpreter_path: of that Python; 3.6 or newer.
    """
    if has_respawned():
        raise Exception("module has already been respawned")
    from stella_ops.remote.lib import respawning

    sys.stdout.flush()
    sys.exit(respawning.run(interpreter_path))


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
