"""Parameters and retries of modules that talk to services."""

import copy
import functools
import itertools
import random
import time


def rate_limit_argument_spec(spec=None):
    """How often a service may be asked."""
    return dict({"rate": {"type": "int"}, "rate_limit": {"type": "int"}}, **(spec or {}))


def retry_argument_spec(spec=None):
    """How often to try again."""
    return dict({"retries": {"type": "int"}, "retry_pause": {"type": "float", "default": 1}}, **(spec or {}))


def basic_auth_argument_spec(spec=None):
    """Where a service is, and who asks."""
    made = {
        "api_username": {"type": "str"},
        "api_password": {"type": "str", "no_log": True},
        "api_url": {"type": "str"},
        "validate_certs": {"type": "bool", "default": True},
    }
    return dict(made, **(spec or {}))


def rate_limit(rate=None, rate_limit=None):
    """A decorator: no more than ``rate`` calls in ``rate_limit`` seconds."""
    pause = None if rate is None or rate_limit is None else float(rate_limit) / float(rate)

    def wrapper(function):
        last = [None]

        def limited(*args, **kwargs):
            now = time.monotonic()
            if pause is not None and last[0] is not None and now - last[0] < pause:
                time.sleep(pause - (now - last[0]))
            last[0] = time.monotonic()
            return function(*args, **kwargs)

        return limited

    return wrapper


def retry(retries=None, retry_pause=1):
    """A decorator: call again until something true comes back."""

    def wrapper(function):
        def retried(*args, **kwargs):
            tries = 0
            while retries is not None:
                tries += 1
                if tries >= retries:
                    raise Exception("Retry limit exceeded: {}".format(retries))
                try:
                    found = function(*args, **kwargs)
                except Exception:
                    found = None
                if found:
                    return found
                time.sleep(retry_pause)
            return None

        return retried

    return wrapper


def generate_jittered_backoff(retries=10, delay_base=3, delay_threshold=60):
    """Pauses in seconds, by chance below a bound that doubles."""
    for number in range(retries):
        yield random.SystemRandom().randrange(min(delay_threshold, delay_base * 2**number))


def retry_never(exception_or_result):
    """Says that nothing is to be tried again."""
    return False


def retry_with_delays_and_condition(backoff_iterator, should_retry_error=None):
    """A decorator: call again after exceptions that a function finds worth it, with these pauses."""
    worth_it = should_retry_error or retry_never
    kept = [iter(backoff_iterator)]

    def wrapper(function):
        @functools.wraps(function)
        def run(*args, **kwargs):
            kept[0], pauses = itertools.tee(kept[0])
            for pause in copy.copy(pauses):
                try:
                    return function(*args, **kwargs)
                except Exception as problem:
                    if not worth_it(problem):
                        raise
                time.sleep(pause)
            return function(*args, **kwargs)

        return run

    return wrapper
