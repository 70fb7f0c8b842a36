import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.doctor.checks import load_checks
from stella_ops.doctor.remediation import (
    PATTERNS,
    RemediationEngine,
    RemediationPriority,
    RemediationStep,
    in_order,
)

engine = RemediationEngine()


def ids(*result):
    return [step.id for step in engine.steps(*result)]


def test_an_expired_certificate():
    renew, restart, logs = engine.steps("Certificate Expiry", "critical", "Certificate expired on …", "https://r")
    assert (renew.id, renew.command, renew.automated) == ("renew-cert", "stella agent renew-cert --force", True)
    assert renew.priority is RemediationPriority.CRITICAL
    assert (restart.id, restart.command) == ("restart-agent", "systemctl restart stella-agent")
    assert (logs.id, logs.command, logs.runbook_url) == ("check-logs", "stella agent logs --tail 100", "https://r")


def test_a_certificate_that_never_was_cannot_be_renewed():
    assert ids("Certificate Expiry", "critical", "No certificate found") == ["bootstrap-agent", "check-logs"]


def test_status_must_match():
    assert ids("Certificate Expiry", "warning", "Certificate expires in 5 days") == []


def test_message_must_match():
    dns = ["check-dns", "check-hosts", "check-logs"]
    for check in ("Orchestrator Connectivity", "DNS Resolution"):
        assert ids(check, "critical", "DNS resolution failed for o.example") == dns
    assert ids("Orchestrator Connectivity", "critical", "TCP connection timed out") == ["check-logs"]


def test_a_pattern_without_status_matches_any():
    steps = ["check-docker-daemon", "check-docker-socket"]
    assert ids("Docker Connectivity", "warning", "old") == steps
    assert ids("Docker Connectivity", "error", "hung") == steps
    assert ids("Docker Connectivity", "critical", "refused") == [*steps, "check-logs"]


def test_an_unknown_check():
    assert ids("Licence", "critical", "none") == ["check-logs"]
    assert ids("Licence", "warning", "soon") == []


def test_patterns_name_checks_that_are_or_will_be():
    known = {check.name for check in load_checks()} | {"Orchestrator Connectivity"}
    assert {pattern.check for pattern in PATTERNS} <= known


def step(identifier, priority, title=""):
    return RemediationStep(id=identifier, priority=RemediationPriority(priority), title=title, description="")


def test_the_most_urgent_of_equal_ids_is_kept():
    ordered = in_order([step("a", 1, "late"), step("b", 2), step("a", 3, "soon")])
    assert [(s.id, s.title) for s in ordered] == [("a", "soon"), ("b", "")]


def test_of_equally_urgent_ones_the_first_is_kept():
    assert [s.title for s in in_order([step("a", 2, "first"), step("a", 2, "second")])] == ["first"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3))))
def test_in_order(pairs):
    ordered = in_order([step(*pair) for pair in pairs])
    assert [s.id for s in ordered].__len__() == len({s.id for s in ordered}) == len({p[0] for p in pairs})
    assert [s.priority for s in ordered] == sorted((s.priority for s in ordered), reverse=True)
    for kept in ordered:
        assert kept.priority == max(priority for identifier, priority in pairs if identifier == kept.id)


def test_json():
    assert step("a", 3, "Do").to_json() == {
        "id": "a",
        "priority": "critical",
        "title": "Do",
        "description": "",
        "command": None,
        "runbook_url": None,
        "automated": False,
        "estimated_duration": None,
    }


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: f"{p.check}-{p.status}-{p.message_contains}")
def test_every_pattern_is_reached(pattern):
    message = pattern.message_contains or "whatever"
    assert engine.steps(pattern.check, pattern.status or "warning", message)[: len(pattern.steps)] == list(
        pattern.steps
    )
