"""Raises."""

ARGUMENTS = {}


def run(task):
    return 1 / 0
