"""Programs of the host that a module cannot do without: found, run, and their refusal made a failure."""

import collections

from stella_ops.remote.lib import process

Said = collections.namedtuple("Said", ["rc", "stdout", "stderr"])


def need(task, name, why=None):
    """The path of a program; the module fails when the host does not have it.

    Args:
        name: as it is called, without a folder.
        why: what to install, for the failure's hint.
    """
    path = process.find(name)
    if path is None:
        more = {"hint": why} if why else {}
        task.fail(process.lacking(name), **more)
    return path


def call(task, argv, stdin=None, environment=None):
    """Run a program in the C locale; returns ``Said`` with text, whatever its status. Fails when it cannot start.

    Args:
        stdin: text or bytes for its standard input.
        environment: variables beside ``LC_ALL``.
    """
    words = [str(word) for word in argv]
    if isinstance(stdin, str):
        stdin = stdin.encode("utf-8", "surrogateescape")
    try:
        outcome = process.run(words, stdin=stdin, environment=dict(environment or {}, LC_ALL="C"))
    except (OSError, ValueError) as error:
        task.fail("cannot run {}: {}".format(words[0], getattr(error, "strerror", None) or error))
    return Said(
        outcome.rc, outcome.stdout.decode("utf-8", "surrogateescape"), outcome.stderr.decode("utf-8", "surrogateescape")
    )


def do(task, argv, stdin=None, environment=None, **more):
    """As ``call``; a status other than 0 fails the module with what the program said, and ``more``."""
    said = call(task, argv, stdin, environment)
    if said.rc != 0:
        message = said.stderr.strip() or said.stdout.strip() or "{} ended with status {}".format(argv[0], said.rc)
        task.fail(message, rc=said.rc, stdout=said.stdout, stderr=said.stderr, **more)
    return said


def change_account(task, argv, status=False, **more):
    """As ``do``, for the tools that change accounts: what they complain of is the message as it is.

    Args:
        status: whether the result of a failure has ``rc``.
    """
    said = call(task, argv)
    if said.rc != 0:
        told = dict(more, rc=said.rc) if status else more
        task.fail(said.stderr or "{} ended with status {}".format(argv[0], said.rc), **told)
    return said
