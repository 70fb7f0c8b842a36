"""Rules between arguments: some exclude each other, some come together. The words are ansible-core's, which scripts
look for. An argument counts as given when it is not None.
"""


def exclusive(task, *names):
    """At most one of these."""
    if len([name for name in names if task.args[name] is not None]) > 1:
        task.fail("parameters are mutually exclusive: {}".format("|".join(names)))


def together(task, *names):
    """All of these, or none."""
    if len({task.args[name] is None for name in names}) > 1:
        task.fail("parameters are required together: {}".format(", ".join(names)))


def needed(task, name, value, *names):
    """All of these, when argument ``name`` has a certain value."""
    missing = [each for each in names if task.args[each] is None]
    if task.args[name] == value and missing:
        task.fail("{} is {} but all of the following are missing: {}".format(name, value, ", ".join(missing)))
