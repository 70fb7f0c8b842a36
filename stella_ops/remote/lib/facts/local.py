"""Facts that an operator keeps on the host itself: /etc/ansible/facts.d/*.fact."""

import os


def gather(folder, warn):
    """local: one entry a ``*.fact`` file. JSON and INI are read; an executable one is run, its output read.

    Args:
        folder: where they are.
        warn: called with one sentence about each file that cannot be read; it does not spoil the others.
    """
    found = {}
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".fact"))
    except OSError:
        return {"local": {}}
    for name in names:
        path = os.path.join(folder, name)
        try:
            found[name[: -len(".fact")]] = parse(content(path))
        except NotRun as error:
            found[name[: -len(".fact")]] = str(error)
            warn(str(error))
        except (OSError, ValueError) as error:
            message = "error loading facts as JSON or ini - please check content: {}".format(path)
            found[name[: -len(".fact")]] = message
            warn("{}: {}".format(message, error))
    return {"local": found}


class NotRun(Exception):
    """A program among the fact files could not be run, or failed; the text is ansible-core's."""


def content(path):
    """What a fact file holds, or says when it is run; raises NotRun, OSError."""
    if os.access(path, os.X_OK):
        from stella_ops.remote.lib import process

        try:
            outcome = process.run([path])
        except OSError as error:
            raise NotRun("Could not execute fact script ({}): {}".format(path, error))
        if outcome.rc != 0:
            said = outcome.stderr.decode("utf-8", "replace")
            raise NotRun("Failure executing fact script ({}), rc: {}, err: {}".format(path, outcome.rc, said))
        return outcome.stdout.decode("utf-8", "replace")
    with open(path, "rb") as source:
        return source.read().decode("utf-8", "replace")


def parse(text):
    """JSON, else INI as a dict of dicts; ValueError where it is neither."""
    # Few hosts have such files, and each of these imports costs more than reading one.
    import configparser
    import json

    try:
        return json.loads(text)
    except ValueError:
        pass
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error))
    return {section: dict(parser.items(section)) for section in parser.sections()}
