"""Reads the bootstrap token from where an operator put it. It is never in a message, a log or a list of processes."""

import os
import re
import sys

from stella_ops.remote.agent.problem import Problem

VARIABLE = "STELLA_BOOTSTRAP_TOKEN"
FILE_VARIABLE = "STELLA_BOOTSTRAP_TOKEN_FILE"

# The third part, the pin of the fleet's CA, is not in tokens that travel where another channel vouches for it.
PATTERN = re.compile(r"[0-9a-f]{16}\.[A-Za-z0-9_-]{43}(?:\.[A-Za-z0-9_-]{43})?\Z")

_LIMIT = 4096


def read(path=None, from_stdin=False):
    """The token of a file, of standard input, or of the environment, in this order.

    The variable is taken out of the environment, so that no program started from here inherits it.

    Raises:
        Problem: there is none, it cannot be read, or it is not of a token's form.
    """
    secret = os.environ.pop(VARIABLE, None)
    path = path or (None if from_stdin or secret else os.environ.get(FILE_VARIABLE))
    if from_stdin:
        where, text = "standard input", sys.stdin.buffer.read(_LIMIT)
    elif path:
        where, text = path, _read_file(path)
    elif secret:
        where, text = VARIABLE, secret.encode("utf-8", "replace")
    else:
        raise Problem(
            "no-token",
            "no bootstrap token was given",
            "--token-file FILE, --token-stdin, or the environment's %s or %s" % (VARIABLE, FILE_VARIABLE),
        )
    token = text.decode("ascii", "replace").strip()
    if not PATTERN.match(token):
        raise Problem(
            "invalid-token",
            "%s: is not of the form of a bootstrap token" % where,
            "copy the whole line that 'stella-ops agent bootstrap' printed: 16 digits, a point, and the rest",
        )
    return token


def is_offered():
    """Whether the environment names a token."""
    return bool(os.environ.get(VARIABLE) or os.environ.get(FILE_VARIABLE))


def _read_file(path):
    try:
        with open(path, "rb") as stream:
            return stream.read(_LIMIT)
    except OSError as problem:
        raise Problem("no-token", "%s: the token cannot be read: %s" % (path, problem.strerror))
