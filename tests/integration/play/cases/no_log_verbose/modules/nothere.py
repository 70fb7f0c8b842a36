"""Never runs."""

ARGUMENTS = {}


def run(task):
    return {}
