"""Functions that may not take long."""

import functools
import threading

GATHER_TIMEOUT = None
DEFAULT_GATHER_TIMEOUT = 10


class TimeoutError(Exception):
    """A function took too long."""


def timeout(seconds=None, error_message="Timer expired"):
    """A decorator: the function fails after so many seconds, and is left to itself."""

    def decorate(function, limit=None):
        @functools.wraps(function)
        def limited(*args, **kwargs):
            patience = limit or GATHER_TIMEOUT or DEFAULT_GATHER_TIMEOUT
            found = {}

            def work():
                try:
                    found["value"] = function(*args, **kwargs)
                except BaseException as problem:
                    found["problem"] = problem

            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            thread.join(patience)
            if thread.is_alive():
                raise TimeoutError("{} after {} seconds".format(error_message, patience))
            if "problem" in found:
                raise found["problem"]
            return found["value"]

        return limited

    if callable(seconds):
        return decorate(seconds)
    return lambda function: decorate(function, seconds)
