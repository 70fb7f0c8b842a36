"""What becomes of names of groups that are no names of variables: ansible-core's ``force_valid_group_names``."""

from __future__ import annotations

import re
from typing import NamedTuple

_IN_PATTERNS = re.compile(r"[\s,:\[\]!&~*?{}@]")
NOT_IN_VARIABLES = re.compile(r"^[\d\W]|\W")


class GroupNames(NamedTuple):
    """How names of groups are taken.

    Attributes:
        strict: what patterns are made of is refused in them.
        replaced: what cannot be part of a variable's name becomes ``_``.
    """

    strict: bool = True
    replaced: bool = False

    def fit(self, name: str) -> str:
        """The name that a group gets; it is data, though it was written in a source."""
        return NOT_IN_VARIABLES.sub("_", name) if self.replaced else str.__str__(name)

    def bad(self, name: str) -> str | None:
        """What cannot be part of a name, if anything in it cannot."""
        found = _IN_PATTERNS.search(name) if self.strict else None
        return found[0] if found else None

    def fixed(self, name: str) -> str:
        """A name without what cannot be part of it."""
        return _IN_PATTERNS.sub("_", name)


AS_WRITTEN = GroupNames()
