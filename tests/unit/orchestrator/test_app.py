"""What no real server does: an operation with a defect, and a store that is away."""

import io
import json
from types import SimpleNamespace

import httpx
import pytest

from stella_ops.agents.fleet import utc_now
from stella_ops.errors import ReleaseError, StoreError
from stella_ops.orchestrator.app import application
from stella_ops.orchestrator.context import Orchestrator
from stella_ops.orchestrator.journal import Journal
from stella_ops.orchestrator.limits import RateLimit
from stella_ops.orchestrator.metrics import Metrics

SECRET = "0123456789abcdef." + "s" * 43


class MockFleet:
    """A fleet whose every use raises."""

    def __init__(self, problem):
        self.problem = problem
        self.project = SimpleNamespace()

    def __getattr__(self, name):
        raise self.problem


@pytest.fixture
def ask():
    async def run(problem, path="/healthz", **options):
        stream = io.StringIO()
        with Journal(stream, clock=utc_now) as journal:
            desk = Orchestrator(
                fleet=MockFleet(problem),
                url="https://stella.example",
                journal=journal,
                metrics=Metrics(),
                strangers=RateLimit(10, clock=lambda: 0.0),
                most_body=100,
                releases=SimpleNamespace(),
            )
            transport = httpx.ASGITransport(application(desk))
            async with httpx.AsyncClient(transport=transport, base_url="https://stella.example") as client:
                answer = await client.get(path, **options)
            desk.pool.shutdown()
        return answer, [json.loads(line) for line in stream.getvalue().splitlines()]

    return run


async def test_a_defect_is_told_without_its_words(ask):
    answer, log = await ask(RuntimeError(SECRET))
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "s" * 43 not in answer.text + json.dumps(log)
    (defect,) = [line for line in log if line["event"] == "defect"]
    assert defect["problem"] == "RuntimeError"
    assert "test_app.py" in defect["place"]
    assert log[-1]["status"] == 500


async def test_a_store_that_is_away(ask):
    answer, log = await ask(StoreError("the store refused: no route", hint="check the server"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store")
    assert answer.headers["retry-after"] == "2"
    assert "no route" not in answer.text
    assert any(line.get("problem") == "the store refused: no route" for line in log)


async def test_other_troubles_of_the_server(ask):
    answer, log = await ask(ReleaseError("the package cannot be read", where="/secret/path"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not-able")
    assert "/secret/path" not in answer.text
    assert any(line["event"] == "failure" for line in log)


async def test_a_path_that_is_none_and_a_query_twice(ask):
    answer, log = await ask(RuntimeError("unused"), "/nowhere?token=secret-query")
    assert answer.status_code == 404
    assert "secret-query" not in json.dumps(log)
    twice, _ = await ask(RuntimeError("unused"), "/healthz?a=1&a=2")
    assert (twice.status_code, twice.json()["error"]["code"]) == (400, "invalid-request")
