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
    """Rendered arguments without those that are ``OMIT``, at any depth of dicts and lists."""
    return {key: _without(value) for key, value in args.items() if value is not OMIT}


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if item is not OMIT}
    if isinstance(value, list):
        return [_without(item) for item in value if item is not OMIT]
    return value
