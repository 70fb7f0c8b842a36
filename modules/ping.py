"""Answer pong: the host is reached and can run modules."""

ARGUMENTS = {"data": {"type": "str", "default": "pong"}}


def run(task):
    """Return ``ping: data``; the data "crash" raises, to see how a crash is shown."""
    if task.args["data"] == "crash":
        raise Exception("boom")
    return {"ping": task.args["data"]}
