"""The way of a request: counted, the caller known, the body read and checked, the operation done, the answer made.

The order is that of what it costs: a stranger who asks too often is told so before anything is read, and whoever may
not ask has no body read.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pydantic_core
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from stella_ops.agents.operators import Role
from stella_ops.errors import EnrolmentError, ParseError, PkiError, SettingsError, StellaError, StoreError, UsageError
from stella_ops.orchestrator.context import Orchestrator
from stella_ops.orchestrator.identities import (
    STRANGER,
    Identity,
    bearer_key,
    identify_agent,
    identify_operator,
    peer_certificate,
)
from stella_ops.orchestrator.operations import Call, Caller, Operation
from stella_ops.orchestrator.refusals import Refusal

NOTES = "stella.notes"
_NUMBER_TOO_LARGE = re.compile(rb"[0-9]{1000}|[0-9][eE]\+?[0-9]{3}")


def endpoint(desk: Orchestrator, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """The starlette endpoint that does an operation."""
    asynchronous = inspect.iscoroutinefunction(operation.function)

    async def answer(request: Request) -> Response:
        notes: dict[str, Any] = request.scope.setdefault(NOTES, {})
        notes["route"] = operation.path
        try:
            address = request.client.host if request.client else ""
            if operation.caller is Caller.STRANGER and operation.limited:
                _count_stranger(desk, address)
            identity = await _identify(desk, operation, request, address)
            notes["caller"] = identity.actor
            call = Call(
                identity=identity,
                address=address,
                path=request.path_params,
                headers=request.headers,
                is_gone=request.is_disconnected,
                query=_query(operation, request),
                notes=notes,
            )
            if operation.body is not None:
                call.body = _checked(operation.body, _json(request, await _read(desk, operation, request)), "body")
            if asynchronous:
                found = await operation.function(desk, call)
            else:
                found = await desk.call(operation.function, desk, call)
            return _response(operation, call, found)
        except Refusal as refusal:
            notes.setdefault("code", refusal.code)
            return refusal.response()
        except StoreError as problem:
            desk.journal.event("store", level="error", problem=problem.message, hint=problem.hint)
            notes["code"] = "store"
            return Refusal(
                503, "store", "the fleet's store does not answer", hint="ask again", headers={"retry-after": "2"}
            ).response()
        except StellaError as problem:
            said = _of_error(problem)
            notes["code"] = said.code
            if said.status >= 500:
                desk.journal.event("failure", level="error", problem=problem.message, hint=problem.hint)
            return said.response()
        except ClientDisconnect:
            notes["code"] = "gone"
            return Response(status_code=400)

    return answer


def _of_error(problem: StellaError) -> Refusal:
    """What the fleet's services say is wrong: with what was asked, or (503) with this server's files."""
    if isinstance(problem, EnrolmentError):
        code = problem.reason.replace("_", "-")
        status = {"unknown-agent": 404, "decommissioned": 409, "too-many-tasks": 409}.get(code, 400)
        return Refusal(status, code, problem.message, hint=problem.hint)
    if isinstance(problem, UsageError | ParseError) and not isinstance(problem, SettingsError):
        return Refusal(400, "invalid-request", problem.message, hint=problem.hint)
    if isinstance(problem, PkiError):
        return Refusal(400, "certificate-request", problem.message, hint=problem.hint)
    return Refusal(503, "not-able", "the server cannot do this now", hint="its log says why")


def _count_stranger(desk: Orchestrator, address: str) -> None:
    wait = desk.strangers.take(address)
    if wait:
        seconds = str(math.ceil(wait))
        raise Refusal(
            429,
            "too-many-requests",
            "too many requests from this address",
            hint=f"ask again in {seconds} s",
            headers={"retry-after": seconds},
        )


async def _identify(desk: Orchestrator, operation: Operation, request: Request, address: str) -> Identity:
    if operation.caller is Caller.STRANGER:
        return STRANGER
    certificate = peer_certificate(request.scope)
    try:
        if operation.caller is Caller.AGENT:
            return await desk.call(identify_agent, certificate, desk.fleet.checkin)
        key = bearer_key(request.headers.get("authorization"))
        return await desk.call(identify_operator, certificate, key, Role(operation.caller.value), desk.fleet.operators)
    except Refusal as refusal:
        if refusal.status == 401:
            # Who tries keys is a stranger, and stays one when the limit is reached.
            _count_stranger(desk, address)
        raise


def _query(operation: Operation, request: Request) -> Any:
    given = request.query_params
    repeated = [name for name in given if len(given.getlist(name)) > 1]
    if repeated:
        raise _invalid(f"query: '{repeated[0][:64]}' is there more than once")
    return None if operation.query is None else _checked(operation.query, dict(given), "query")


async def _read(desk: Orchestrator, operation: Operation, request: Request) -> bytes:
    most = desk.most_body if operation.caller is Caller.STRANGER else operation.caller.most_body
    # The connection stays: closed now, with the body still on its way, the caller would see that and not the answer.
    too_long = Refusal(413, "body-too-long", f"the body may have {most} bytes at most")
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdecimal() and int(announced) > most:
        raise too_long
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_long
        parts.append(part)
    return b"".join(parts)


def _json(request: Request, body: bytes) -> Any:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        # Browsers send other forms to other sites without asking these first, and the certificate with them.
        raise Refusal(415, "media-type", "the body must be JSON", hint="send Content-Type: application/json")
    try:
        data = pydantic_core.from_json(body, allow_inf_nan=False)
        if _NUMBER_TOO_LARGE.search(body):
            # Such a number can be read, but not be written again: 1e999 becomes infinite.
            json.dumps(data, allow_nan=False)
        return data
    except ValueError as problem:
        raise _invalid(f"the body is no JSON: {problem}") from None


def _checked(model: type[BaseModel], data: Any, what: str) -> BaseModel:
    try:
        return model.model_validate(data)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join([what, *(str(part)[:64] for part in first["loc"])])
        raise _invalid(f"{place}: {first['msg']}") from None


def _invalid(message: str) -> Refusal:
    return Refusal(400, "invalid-request", message[:500], hint="/openapi.json says what is expected")


def _response(operation: Operation, call: Call, found: Any) -> Response:
    if isinstance(found, Response):
        return found
    assert isinstance(found, BaseModel)
    headers: Mapping[str, str] = {"cache-control": "no-store", **call.answer_headers}
    return Response(
        found.model_dump_json(), status_code=operation.status, media_type="application/json", headers=headers
    )
