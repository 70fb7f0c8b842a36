"""The binding of SELinux that this Python has."""

from selinux import *  # type: ignore[import-not-found]  # noqa: F403
