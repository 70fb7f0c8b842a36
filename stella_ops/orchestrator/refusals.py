"""What the API answers when it does not do what it was asked: ``{"error": {"code", "message", "hint"}}``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response


class Refusal(Exception):
    """A request that is not granted.

    Args:
        status: of HTTP.
        code: a machine word.
        message: one sentence; it goes to whoever asked.
        headers: more of the answer's headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer."""
        return json_response(
            {"error": {"code": self.code, "message": self.message, "hint": self.hint}}, self.status, self.headers
        )


def json_response(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Data as JSON; nobody may keep it in a cache."""
    return Response(
        json.dumps(data, separators=(",", ":"), ensure_ascii=True, allow_nan=False),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-store", **(headers or {})},
    )


def not_found(what: str, hint: str | None = None) -> Refusal:
    """404, code ``not-found``."""
    return Refusal(404, "not-found", f"there is no {what}", hint=hint)
