"""The selectors of Python."""

from selectors import *  # noqa: F403
