"""Says hello."""

ARGUMENTS = {"name": {"type": "str", "required": True}}


def run(task):
    return {"greeting": "hello " + task.args["name"]}
