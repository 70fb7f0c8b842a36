"""The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.0), made of the table of operations and its models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from stella_ops import __version__
from stella_ops.orchestrator.messages.form import ErrorAnswer
from stella_ops.orchestrator.operations import Caller, Operation

_REF = "#/components/schemas/{model}"
_SECURITY: dict[Caller, list[dict[str, list[str]]]] = {
    Caller.STRANGER: [],
    Caller.AGENT: [{"agentCertificate": []}],
}
_OPERATORS: list[dict[str, list[str]]] = [{"apiKey": []}, {"operatorCertificate": []}]
_SCHEMES = {
    "agentCertificate": {"type": "mutualTLS", "description": "the agent's certificate, of the fleet's authority"},
    "operatorCertificate": {"type": "mutualTLS", "description": "an operator's certificate"},
    "apiKey": {"type": "http", "scheme": "bearer", "description": "an operator's API key: <id>.<secret>"},
}
_PARAMETER = re.compile(r"\{(\w+)\}")


def document(operations: Sequence[Operation], url: str) -> dict[str, Any]:
    """The document, as plain JSON data.

    Args:
        url: what the server is called by.
    """
    wanted: list[tuple[type[BaseModel], Any]] = [(ErrorAnswer, "serialization")]
    for operation in operations:
        if operation.body is not None:
            wanted.append((operation.body, "validation"))
        if operation.answer is not None:
            wanted.append((operation.answer, "serialization"))
    _, schemas = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "stella-ops orchestrator",
            "version": __version__,
            "description": "What agents that can call in, and operators, may ask. Errors have one form everywhere.",
        },
        "servers": [{"url": url}],
        "paths": paths,
        "components": {"schemas": schemas.get("$defs", {}), "securitySchemes": _SCHEMES},
    }


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [_tag(operation.caller)],
        "security": _SECURITY.get(operation.caller, _OPERATORS),
        "responses": {str(status): answer for status, answer in sorted(_responses(operation).items())},
    }
    if operation.caller not in _SECURITY:
        described["description"] = f"Needs the role {operation.caller} or one above it."
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(operation.path)
    ]
    if operation.query is not None:
        parameters.extend(_query_parameters(operation.query))
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        schema = {"$ref": _REF.format(model=operation.body.__name__)}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return described


def _tag(caller: Caller) -> str:
    return {Caller.STRANGER: "anybody", Caller.AGENT: "agents"}.get(caller, "operators")


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _given(shape)}
        for name, shape in schema.get("properties", {}).items()
    ]


def _given(shape: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter's schema: there is no null in a query, only what is not there."""
    options = [option for option in shape.get("anyOf", []) if option.get("type") != "null"]
    if len(options) == 1:
        shape = {**{key: value for key, value in shape.items() if key not in ("anyOf", "default")}, **options[0]}
    return {key: value for key, value in shape.items() if key != "title"}


def _responses(operation: Operation) -> dict[int, dict[str, Any]]:
    refusals = {503: "the store does not answer, or the server lacks a part"}
    if operation.caller is Caller.STRANGER:
        if operation.limited:
            refusals[429] = "too many requests from this address"
    else:
        refusals[401] = "it is not told who asks"
        refusals[403] = "whoever asks may not, or may no longer"
        refusals[429] = "too many requests of strangers from this address"
    refusals[400] = "the request is malformed"
    if operation.body is not None:
        refusals[413] = "the body is too long"
        refusals[415] = "the body is said not to be JSON"
    refusals.update(operation.refusals)
    error = {"schema": {"$ref": _REF.format(model=ErrorAnswer.__name__)}}
    found: dict[int, dict[str, Any]] = {
        status: {"description": text, "content": {"application/json": error}} for status, text in refusals.items()
    }
    for status, text in operation.more.items():
        found[status] = {"description": text}
        if status == 206 and operation.media:
            found[status]["content"] = {operation.media: {}}
    content: dict[str, Any] = {}
    if operation.answer is not None:
        content = {"application/json": {"schema": {"$ref": _REF.format(model=operation.answer.__name__)}}}
    elif operation.media is not None:
        content = {operation.media: {}}
    found[operation.status] = {"description": "done", "content": content}
    return found
