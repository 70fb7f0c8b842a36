"""The abstract containers of Python."""

from collections.abc import *  # noqa: F403
