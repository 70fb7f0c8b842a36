import json

import pytest

from stella_ops.orchestrator.app import operations
from stella_ops.orchestrator.openapi import document
from stella_ops.orchestrator.operations import Caller


@pytest.fixture(scope="module")
def made():
    return document(operations(), "https://stella.example:8443")


def test_every_operation_is_there_once(made):
    table = [(operation.method.lower(), operation.path) for operation in operations()]
    assert len(set(table)) == len(table)
    assert {(method, path) for path, found in made["paths"].items() for method in found} == set(table)
    assert len({operation.id for operation in operations()}) == len(table)


def test_every_reference_leads_somewhere(made):
    def references(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "$ref":
                    yield inner
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    names = {reference.rpartition("/")[2] for reference in references(made)}
    assert names <= set(made["components"]["schemas"])
    assert "ErrorAnswer" in names
    json.dumps(made)


def test_who_may_call_is_said(made):
    assert made["paths"]["/v1/enroll"]["post"]["security"] == []
    assert made["paths"]["/v1/agents/self/config"]["get"]["security"] == [{"agentCertificate": []}]
    assert {"apiKey": []} in made["paths"]["/v1/audit"]["get"]["security"]
    assert "admin" in made["paths"]["/v1/audit"]["get"]["description"]


def test_what_operators_say_is_checked_strictly_and_what_agents_say_is_not():
    """A typing error of an operator must be told; an agent of the next release may say more than we know."""
    for operation in operations():
        if operation.body is not None:
            strict = operation.body.model_config["extra"] == "forbid"
            assert strict == (operation.caller not in (Caller.AGENT, Caller.STRANGER)), operation.id


def test_no_operation_that_changes_something_is_open_to_viewers():
    for operation in operations():
        if operation.method != "GET":
            assert operation.caller is not Caller.VIEWER, operation.id
