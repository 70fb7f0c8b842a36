"""Note what is on the host of an agent, so that agent_restore can bring it back."""

from stella_ops.remote.lib import agent_host, checkpoint

ARGUMENTS = {"prefix": {"type": "path"}}


def run(task):
    """Return ``checkpoint`` (see ``checkpoint.take``); changes nothing."""
    try:
        return {"changed": False, "checkpoint": checkpoint.take(agent_host.layout_for(task))}
    except OSError as problem:
        return task.fail("cannot see what is there: %s" % (problem.strerror or problem))
