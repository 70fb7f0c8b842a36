"""The served OpenAPI document, held against the server by schemathesis: as stranger, as agent, as operator."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from stella_ops.agents.operators import Role
from stella_ops.orchestrator.app import operations
from stella_ops.orchestrator.openapi import document

CONFORMANCE = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

SCHEMA = schemathesis.openapi.from_dict(document(operations(), "https://localhost"))
BY_TAG: dict[str, list[Any]] = {}
for _result in SCHEMA.get_all_operations():
    for _tag in _result.ok().tags:
        BY_TAG.setdefault(_tag, []).append(_result.ok())
EVERYTHING = [operation for found in BY_TAG.values() for operation in found]

bounded = settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


@pytest.fixture(scope="module")
def session():
    with requests.Session() as made:
        yield made


@pytest.fixture(scope="module")
def agent(server):
    return server.enrol("web1").files


@pytest.fixture(scope="module")
def admin_key(server):
    return server.fleet.operators.add_key("root", Role.ADMIN, by="test").value


def each(operations):
    return pytest.mark.parametrize("operation", operations, ids=[operation.label for operation in operations])


def try_out(operation, server, session, judge, checks, **options):
    """Send requests that the document allows, and some that it does not."""

    def send(case):
        wait = (case.query or {}).get("wait")
        if isinstance(wait, int | float) and wait > 0.1:
            case.query["wait"] = 0.1
        url = f"https://127.0.0.1:{server.port}"
        response = case.call(base_url=url, verify=str(server.root), timeout=30, session=session, **options)
        case.validate_response(response, checks=checks)
        judge(response)

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        # Where there are no parameters and no body, nothing can be wrong with them.
        with contextlib.suppress(Unsatisfiable):
            bounded(given(operation.as_strategy(generation_mode=mode))(send))()


@each(EVERYTHING)
def test_as_a_stranger(operation, server, session):
    def judge(response):
        assert response.status_code < 500
        if "anybody" not in operation.tags:
            assert response.status_code == 401

    try_out(operation, server, session, judge, CONFORMANCE)


@each(BY_TAG["agents"])
def test_as_an_agent(operation, server, session, agent):
    def judge(response):
        assert response.status_code not in (401, 429)

    try_out(operation, server, session, judge, [*CONFORMANCE, negative_data_rejection], cert=agent)


@each(BY_TAG["operators"])
def test_as_an_operator(operation, server, session, admin_key):
    def judge(response):
        assert response.status_code not in (401, 429)

    headers = {"authorization": f"Bearer {admin_key}"}
    try_out(operation, server, session, judge, [*CONFORMANCE, negative_data_rejection], headers=headers)


def test_the_document_is_valid(server):
    """By the schema that the OpenAPI Initiative publishes, which schemathesis brings along."""
    served = server.client().get("/openapi.json").json()
    assert served["openapi"] == "3.1.0"
    assert served == document(operations(), server.fleet.orchestrator_url)
    ids = [operation["operationId"] for path in served["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids)
    schemathesis.openapi.from_dict(served).validate()
