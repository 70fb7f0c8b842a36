"""Types, of Python and of its extensions."""

from typing import *  # noqa: F403

try:
    from typing_extensions import *  # type: ignore[assignment]  # noqa: F403
except ImportError:
    pass
