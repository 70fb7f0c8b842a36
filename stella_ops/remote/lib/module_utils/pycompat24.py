"""What Python 2.4 lacked."""

import sys
from ast import literal_eval  # noqa: F401


def get_exception():
    """The exception that is being handled."""
    return sys.exc_info()[1]
