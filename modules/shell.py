"""Run a command line in a shell, with its pipes and variables."""

from stella_ops.remote.lib import commands

ARGUMENTS = {
    "cmd": {"type": "str", "aliases": ["_raw_params", "free_form"]},
    "chdir": {"type": "path"},
    "creates": {"type": "path"},
    "removes": {"type": "path"},
    "stdin": {"type": "raw", "untold": True},
    "stdin_add_newline": {"type": "bool", "default": True},
    "strip_empty_ends": {"type": "bool", "default": True},
    "executable": {"type": "path"},
}
FREE_FORM = "cmd"


def run(task):
    """Return cmd, rc, stdout, stderr, their lines, start, end and delta."""
    return commands.run_command(task, use_shell=True)
