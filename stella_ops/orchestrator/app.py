"""The application: the table of operations as routes, with everything that is none of them answered in JSON, too."""

from __future__ import annotations

import time
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stella_ops.orchestrator.api import access, agents, fleet, strangers
from stella_ops.orchestrator.context import Orchestrator
from stella_ops.orchestrator.endpoint import NOTES, endpoint
from stella_ops.orchestrator.openapi import document
from stella_ops.orchestrator.operations import Call, Caller, Operation
from stella_ops.orchestrator.refusals import Refusal, json_response


def operations() -> tuple[Operation, ...]:
    """Everything that the API can do, this page's own answer included."""
    return (*strangers.OPERATIONS, *agents.OPERATIONS, *access.OPERATIONS, *fleet.OPERATIONS, _DESCRIPTION)


def openapi_document(desk: Orchestrator, call: Call) -> Response:
    return json_response(document(operations(), desk.url))


_DESCRIPTION = Operation(
    method="GET",
    path="/openapi.json",
    caller=Caller.STRANGER,
    function=openapi_document,
    summary="This document",
    media="application/json",
)


def application(desk: Orchestrator) -> Any:
    """The ASGI application."""
    by_path: dict[str, list[Operation]] = {}
    for operation in operations():
        by_path.setdefault(operation.path, []).append(operation)
    # One route for each path and method: starlette answers 405 of those whose path fits and method does not.
    routes = [
        Route(path, _by_method(desk, found), methods=[operation.method for operation in found], name=path)
        for path, found in by_path.items()
    ]
    inner = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_problem, Exception: _defect_answer},
    )
    inner.router.redirect_slashes = False
    return _Observed(desk, inner)


def _by_method(desk: Orchestrator, found: list[Operation]) -> Any:
    endpoints = {operation.method: endpoint(desk, operation) for operation in found}
    if "GET" in endpoints:
        endpoints["HEAD"] = endpoints["GET"]

    async def answer(request: Request) -> Response:
        return await endpoints[request.method](request)

    return answer


async def _http_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    said = {
        404: ("not-found", "there is nothing at this path"),
        405: ("method", "this path does not take this method"),
    }.get(problem.status_code, ("refused", problem.detail))
    hint = "/openapi.json says what there is"
    return Refusal(problem.status_code, *said, hint=hint, headers=problem.headers).response()


async def _defect_answer(request: Request, problem: Exception) -> Response:
    # starlette raises it again after this, for the log.
    return Refusal(500, "internal", "the server failed", hint="its log says where; report this").response()


class _Observed:
    """Logs and counts every request, and takes down what nobody has caught: type and place, no traceback."""

    def __init__(self, desk: Orchestrator, inner: Any) -> None:
        self._desk = desk
        self._inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        begun = time.monotonic()
        notes: dict[str, Any] = scope.setdefault(NOTES, {})
        status, size = 0, 0

        async def sending(message: Any) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._inner(scope, receive, sending)
        except Exception as problem:
            self._defect(problem)
        finally:
            self._tell(scope, notes, status, size, time.monotonic() - begun)

    def _tell(self, scope: Any, notes: dict[str, Any], status: int, size: int, seconds: float) -> None:
        route = notes.pop("route", "none")
        self._desk.metrics.request(scope["method"], route, status, seconds)
        self._desk.journal.event(
            "request",
            level="warning" if status >= 500 else "info",
            method=scope["method"],
            path=scope["path"],
            status=status,
            bytes=size,
            milliseconds=round(seconds * 1000, 1),
            address=scope["client"][0] if scope.get("client") else None,
            **notes,
        )

    def _defect(self, problem: Exception) -> None:
        # The type and the place say enough for a report; the text might quote what was sent.
        trace = problem.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
        self._desk.journal.event("defect", level="error", problem=type(problem).__name__, place=place)
