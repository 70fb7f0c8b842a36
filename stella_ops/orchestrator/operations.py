"""What the API can do: one table of operations, from which the routes and the OpenAPI document are both made.

An operation names who may call it, the models of what it is asked and what it answers, and the function that does it.
Functions are synchronous and run in worker threads, since the store blocks; those that wait for something other than
the store are asynchronous and hand their uses of the store to the threads themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from stella_ops.orchestrator.identities import Identity

if TYPE_CHECKING:
    from stella_ops.orchestrator.context import Orchestrator


class Caller(StrEnum):
    """Who may call an operation: anybody, agents, or operators of at least this role."""

    STRANGER = "stranger"
    AGENT = "agent"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def most_body(self) -> int:
        """Bytes that the body of a request may have; strangers' limit is a setting."""
        return {Caller.AGENT: 8 * 1024 * 1024}.get(self, 1024 * 1024)


@dataclass(slots=True, kw_only=True)
class Call:
    """One request as its operation sees it.

    Attributes:
        path: what stands in the path in place of the names in braces.
        headers: the request's, by lower-case name.
        body, query: as the operation's models.
        is_gone: whether the caller has hung up.
        notes: more fields for the request's line in the log.
        answer_headers: for the answer, where that is a model.
    """

    identity: Identity
    address: str
    path: Mapping[str, str]
    headers: Mapping[str, str]
    is_gone: Callable[[], Awaitable[bool]]
    body: Any = None
    query: Any = None
    notes: dict[str, Any] = field(default_factory=dict)
    answer_headers: dict[str, str] = field(default_factory=dict)


# Answers a model (sent as JSON) or a whole starlette response; or an awaitable of either.
Function = Callable[["Orchestrator", Call], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that the API can do.

    Attributes:
        body, query: models of what is asked; ``answer`` of what is answered, with ``status``.
        media: media type of an answer that is no JSON, in place of ``answer``.
        refusals: status codes, besides those that follow from the rest, that it may refuse with, and what they mean.
        limited: whether strangers' rate limit counts.
        more: status codes of good answers without a body, such as 304.
    """

    method: str
    path: str
    caller: Caller
    function: Function
    summary: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    media: str | None = None
    status: int = 200
    refusals: Mapping[int, str] = field(default_factory=dict)
    more: Mapping[int, str] = field(default_factory=dict)
    limited: bool = True

    @property
    def id(self) -> str:
        """The name of the function that does it: unique in the table."""
        return self.function.__name__
