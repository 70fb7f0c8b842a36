"""The applied configuration on disk: read by the service, written by ``apply-config``."""

import json

from stella_ops.remote.agent import storage
from stella_ops.remote.agent.problem import Problem
from stella_ops.remote.lib import agent_config


class Applied(object):
    """What agent.json holds now.

    ``sha256`` is that of the file's bytes, None without a file. ``values`` has every key (defaults filled
    in). ``problems`` are sentences; a configuration with problems is not used.
    """

    def __init__(self, data):
        self.sha256 = None if data is None else storage.sha256(data)
        self.values = agent_config.with_defaults({})
        self.problems = []
        if data is None:
            self.problems = ["no configuration has been applied yet"]
            return
        try:
            document = json.loads(data.decode("utf-8"))
        except ValueError as problem:
            self.problems = ["agent.json is not JSON: %s" % problem]
            return
        self.problems = agent_config.problems_of(document)
        if not self.problems:
            self.values = agent_config.with_defaults(document)


def load(layout):
    """The configuration that is on disk."""
    try:
        return Applied(storage.read_bytes(layout.config))
    except OSError as problem:
        broken = Applied(None)
        broken.problems = ["agent.json cannot be read: %s" % problem.strerror]
        return broken


def apply(layout, config, revision):
    """Put a configuration in place, when it is valid; the one before stays beside it.

    Returns ``{"changed": bool, "sha256": hex}``.

    Raises:
        Problem: ``invalid-config``, with the list ``problems``.
    """
    if type(revision) is not int or revision < 0:
        raise Problem("invalid-params", "revision: must be a whole number")
    problems = agent_config.problems_of(config)
    if problems:
        raise Problem(
            "invalid-config",
            "the configuration is refused: " + "; ".join(problems),
            "correct the named fields; what the agent has now stays in force",
            problems=problems,
        )
    wanted = agent_config.canonical(config)
    present = storage.read_bytes(layout.config)
    digest = storage.sha256(wanted)
    changed = present != wanted
    if changed:
        if present is not None:
            storage.write_atomic(layout.previous_config, present)
        storage.write_atomic(layout.config, wanted)
    if storage.read_json(layout.revision) != {"revision": revision, "sha256": digest}:
        storage.write_json(layout.revision, {"revision": revision, "sha256": digest})
    return {"changed": changed, "sha256": digest}


def revision_of(layout, digest):
    """The revision that the present configuration was applied as; None when the file was altered since."""
    recorded = storage.read_json(layout.revision) or {}
    return recorded.get("revision") if digest is not None and recorded.get("sha256") == digest else None
