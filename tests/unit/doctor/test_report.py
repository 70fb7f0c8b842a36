import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from stella_ops.doctor.checks import CheckSpec
from stella_ops.doctor.report import (
    AgentInfo,
    DoctorRun,
    HealthStatus,
    Unreachable,
    build_report,
    overall_status,
    result_of,
)
from stella_ops.errors import TaskTimeoutError

CHECK = CheckSpec(name="Disk Space", id="disk-space", category="Resources", module="doctor/disk_space")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def validator(request):
    folder = request.config.rootpath / "docs" / "schemas"
    documents = [json.loads((folder / f"{name}.v1.json").read_text()) for name in ("doctor", "doctor-run")]
    for document in documents:
        Draft202012Validator.check_schema(document)
    registry = Registry().with_resources(
        [(document["$id"], Resource.from_contents(document)) for document in documents]
    )
    return Draft202012Validator(documents[1], registry=registry)


def test_the_document_is_what_its_schema_says(validator, full_run):
    validator.validate(full_run.to_json())
    validator.validate(DoctorRun([], []).to_json())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.pop("unreachable"),
        lambda document: document.update(more=1),
        lambda document: document["reports"][0].update(overall_status="fine"),
        lambda document: document["reports"][0]["results"][0].pop("runbook_url"),
        lambda document: document["reports"][0]["results"][0].update(duration_ms="1"),
        lambda document: document["reports"][1]["remediations"][0].update(priority=3),
        lambda document: document["unreachable"][0].pop("hint"),
    ],
)
def test_the_schema_notices_what_is_not(validator, full_run, spoil):
    document = full_run.to_json()
    spoil(document)
    assert not validator.is_valid(document)


def test_a_report_key_by_key(answer, make_check):
    started = datetime(2026, 1, 17, 22, 32, 8, 125000, tzinfo=timezone(timedelta(hours=1)))
    given_ = answer(
        "critical", "full", remediation_hint="Free space", runbook_url="https://docs/x", data={"used_percent": 99.0}
    )
    report = build_report(
        "web-01",
        AgentInfo("a1", "web-one"),
        [(make_check(), given_, 12.6)],
        started,
        started + timedelta(milliseconds=1499.6),
    )
    document = report.to_json()
    remediations = document.pop("remediations")
    assert document == {
        "schema": "stella.doctor/v1",
        "host": "web-01",
        "agent_id": "a1",
        "agent_name": "web-one",
        "timestamp": "2026-01-17T21:32:08.125Z",
        "duration_ms": 1500,
        "overall_status": "critical",
        "results": [
            {
                "check": "Disk Space",
                "id": "disk-space",
                "category": "Resources",
                "status": "critical",
                "message": "full",
                "remediation_hint": "Free space",
                "runbook_url": "https://docs/x",
                "data": {"used_percent": 99.0},
                "duration_ms": 13,
            }
        ],
    }
    assert [step["id"] for step in remediations] == ["check-logs"]
    assert remediations[0]["runbook_url"] == "https://docs/x"


@pytest.mark.parametrize(
    ("statuses", "overall"),
    [
        (["healthy", "healthy"], "healthy"),
        (["healthy", "warning"], "warning"),
        (["error", "warning"], "error"),
        (["error", "critical", "healthy"], "critical"),
        ([], "error"),
    ],
)
def test_the_worst_counts(report, statuses, overall):
    assert report("h", *statuses).overall_status == overall
    assert overall_status(report("h", *reversed(statuses)).results) == overall


def test_a_crash_is_that_checks_error():
    result = result_of(CHECK, {"failed": True, "msg": "KeyError: 'MemTotal'", "exception": "Traceback"}, 5)
    assert result.status is HealthStatus.ERROR
    assert result.message == "Check failed with exception: KeyError: 'MemTotal'"


def test_a_timeout_is_that_checks_error():
    result = result_of(CHECK, TaskTimeoutError("it did not end within 10 s"), 10000)
    assert result.message == "Check failed with exception: it did not end within 10 s"
    assert result_of(CHECK, TimeoutError(), 1).message == "Check failed with exception: TimeoutError"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"status": "fine"},
        {"status": None},
        {"status": ["healthy"]},
        {"message": 5},
        {"message": "\ud800"},
        {"data": []},
        {"data": None},
        {"data": {"x": float("nan")}},
    ],
)
def test_an_answer_that_is_no_verdict(answer, spoilt):
    assert result_of(CHECK, {**answer(), **spoilt}, 1).status is HealthStatus.ERROR
    assert result_of(CHECK, answer(), 1).status is HealthStatus.HEALTHY


@given(st.dictionaries(st.sampled_from(["status", "message", "data", "failed", "msg", "runbook_url"]), JSON))
def test_any_answer_of_a_host_makes_a_document(answer):
    result = result_of(CHECK, answer, 1)
    json.dumps(result.to_json(), allow_nan=False, ensure_ascii=False).encode()


def test_who_the_agent_is(report, answer):
    known = answer(data={"agent_id": "a1", "agent_name": "web-one"})
    unknown = answer(data={"agent_id": None, "agent_name": 5})
    assert report("h", answer(), unknown, known).agent == AgentInfo("a1", "web-one")
    assert report("h", unknown).agent == AgentInfo(None, None)
    assert report("h", known, agent=AgentInfo("a2", "other")).agent == AgentInfo("a2", "other")


def test_no_remediation_for_the_healthy(report):
    assert report("h", "healthy").remediations == []


def test_unreachable():
    assert Unreachable("h", "refused").to_json() == {"host": "h", "error": "refused", "hint": None}
