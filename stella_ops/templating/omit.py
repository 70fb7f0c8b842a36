"""``omit``: the value that makes an argument as if it had not been written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final


class Omit:
    """The type of ``OMIT``; there is one instance."""

    _only: Omit | None = None

    def __new__(cls) -> Omit:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "<<Omit>>"

    def __copy__(self) -> Omit:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Omit:
        return self

    def __reduce__(self) -> tuple[type[Omit], tuple[()]]:
        return Omit, ()


OMIT: Final = Omit()


def drop_omitted(args: Mapping[str, Any]) -> dict[str, Any]:
    """Rendered arguments without those that are ``OMIT``; inside of them rendering has left it out."""
    return {key: value for key, value in args.items() if value is not OMIT}
