"""What an agent and an environment may be called."""

from __future__ import annotations

import re

from stella_ops.errors import EnrolmentError

# Names go into certificates' common names (RFC 5280: at most 64 characters), a challenge of one value a line,
# file names and metric labels; the agent on the host takes no others either.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9_])?", re.ASCII)


def check_name(name: str, what: str) -> None:
    """Accept 1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit.

    Args:
        what: "name" or "environment", for the error and its reason (bad_name, bad_environment).

    Raises:
        EnrolmentError: it is none.
    """
    if not _NAME.fullmatch(name):
        raise EnrolmentError(
            f"'{name[:80]}' cannot be an agent's {what}",
            reason=f"bad_{what}",
            hint="1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit",
        )
