import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.agents.registry import MOST_HEARTBEATS, health_of
from stella_ops.errors import EnrolmentError, UsageError
from stella_ops.store import certificates, heartbeats

STATUS = {
    "version": "1.2.3",
    "running": True,
    "config_revision": 4,
    "config_sha256": "c" * 64,
    "last_heartbeat": {"seq": 9, "time": "2025-03-04T05:06:00Z", "status": "healthy"},
    "certificate": {"fingerprint_sha256": "f" * 64, "not_after": "2026-03-04T05:06:07Z"},
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def agent_id(enrolment):
    return enrolment.begin("web1", "prod", "web1.example", actor="ops").agent_id


def test_a_visit_is_recorded(registry, agent_id, clock):
    registry.record_visit(agent_id, STATUS, host="web1.new", ansible_host="10.0.0.9")
    clock.forward(minutes=2)
    view = registry.get("web1")
    assert view.status == "healthy"
    assert view.last_visit_age == 120
    assert view.to_json() == {
        "id": agent_id,
        "name": "web1",
        "environment": "prod",
        "host": "web1.new",
        "ansible_host": "10.0.0.9",
        "labels": {},
        "version": "1.2.3",
        "status": "healthy",
        "last_heartbeat": "2025-03-04T05:06:00Z",
        "last_visit": "2025-03-04T05:06:07Z",
        "last_visit_age": 120.0,
        "enrolled_at": None,
        "certificate_expires_at": "2026-03-04T05:06:07Z",
        "certificate_fingerprint": "f" * 64,
        "config_revision": 4,
        "config_sha256": "c" * 64,
        "decommissioned_at": None,
    }
    json.dumps(view.to_json())


def test_before_the_first_visit_nothing_is_known(registry, agent_id):
    view = registry.find("web1", "prod")
    assert (view.status, view.last_visit_age, view.version) == ("unknown", None, None)
    assert registry.find("web1", "dev") is None


@pytest.mark.parametrize(
    ("changed", "health"),
    [
        ({}, "healthy"),
        ({"running": False}, "stopped"),
        ({"last_heartbeat": {"status": "degraded"}}, "degraded"),
        ({"last_heartbeat": {"status": "stopping"}}, "unknown"),
        ({"last_heartbeat": None}, "unknown"),
        ({"last_heartbeat": "junk"}, "unknown"),
        ({"last_heartbeat": {"status": ["healthy"]}}, "unknown"),
    ],
)
def test_health(changed, health):
    assert health_of({**STATUS, **changed}) == health


def test_an_agent_that_stops_keeps_its_last_heartbeat(registry, agent_id):
    registry.record_visit(agent_id, STATUS)
    view = registry.record_visit(agent_id, {"running": False, "last_heartbeat": None})
    assert (view.status, view.version) == ("stopped", None)
    assert view.last_heartbeat is not None


def test_whatever_a_host_answers_is_recorded_or_left_out(registry, agent_id):
    keys = st.sampled_from([*STATUS, "time", "status", "not_after", "fingerprint_sha256"])

    @given(st.dictionaries(keys, json_values | st.dictionaries(keys, json_values, max_size=4), max_size=6))
    def check(status):
        json.dumps(registry.record_visit(agent_id, status).to_json())

    check()


def test_lists_and_lookups(registry, enrolment, agent_id):
    dev = enrolment.begin("web1", "dev", "h", actor="ops").agent_id
    other = enrolment.begin("db1", "prod", "h", actor="ops").agent_id
    assert [view.id for view in registry.list()] == [dev, other, agent_id]
    assert [view.id for view in registry.list("prod")] == [other, agent_id]
    assert registry.get(other).name == "db1"
    assert registry.get("web1", "dev").id == dev
    with pytest.raises(UsageError, match="several agents are called 'web1': in dev, prod"):
        registry.get("web1")
    with pytest.raises(UsageError, match="no agent is called 'db2'") as caught:
        registry.get("db2")
    assert "db1" in caught.value.hint
    with pytest.raises(UsageError, match="in 'dev'"):
        registry.get("db1", "dev")


def test_heartbeats_are_recorded_once(registry, agent_id, store):
    beats = [
        {"seq": n, "time": f"2025-03-04T05:0{n}:00Z", "version": "1", "status": "healthy", "load": [0.1]}
        for n in range(1, 4)
    ]
    assert registry.last_heartbeat_seq(agent_id) == 0
    assert registry.record_heartbeats(agent_id, beats) == 3
    assert registry.record_heartbeats(agent_id, beats) == 0
    assert registry.last_heartbeat_seq(agent_id) == 3
    assert registry.get("web1").to_json()["last_heartbeat"] == "2025-03-04T05:03:00Z"
    with store.reading() as connection:
        assert heartbeats.recent(connection, agent_id)[0].data == beats[2]


def test_malformed_heartbeats_are_dropped(registry, agent_id):
    @given(st.lists(json_values | st.fixed_dictionaries({"seq": json_values, "time": json_values}), max_size=4))
    def check(beats):
        assert registry.record_heartbeats(agent_id, beats) == 0

    check()
    good = {"seq": 1, "time": "2025-03-04T05:00:00Z", "status": "x" * 100, "version": {"a": 1}, "odd": float("inf")}
    assert registry.record_heartbeats(agent_id, [good, {**good, "seq": -1}, {**good, "seq": 2**70}]) == 1


def test_a_host_cannot_fill_the_store_with_heartbeats(registry, agent_id, store):
    giant = {"seq": 1, "time": "2025-03-04T05:00:00Z", "status": "healthy", "load": "x" * 1_000_000}
    deep = {"seq": 2, "time": "2025-03-04T05:00:00Z", "load": []}
    for _ in range(5000):
        deep["load"] = [deep["load"]]
    assert registry.record_heartbeats(agent_id, [giant, deep]) == 2
    with store.reading() as connection:
        assert [beat.data for beat in heartbeats.recent(connection, agent_id, limit=9)] == [{}, {}]
    many = ({"seq": n, "time": "2025-03-04T05:00:00Z"} for n in range(3, 1_000_000))
    assert registry.record_heartbeats(agent_id, many) == MOST_HEARTBEATS


def test_decommissioning(registry, agent_id, enrolment, prove, store, audited):
    pending = enrolment.begin("web1", "prod", "h", actor="ops")
    done = enrolment.complete(prove(pending), agent_id=agent_id, name="web1", environment="prod", actor="ops")
    for _ in range(2):
        assert registry.decommission(agent_id, actor="ops").status == "decommissioned"
    with store.reading() as connection:
        held = certificates.by_fingerprint(connection, done.certificate.fingerprint_sha256)
    assert held.revocation_reason == "cessation_of_operation"
    assert [e.detail["revoked"] for e in audited("agent.decommission")] == [[done.certificate.serial]]
    assert registry.record_visit(agent_id, STATUS).status == "decommissioned"
    assert len(registry.list()) == 1
    assert registry.list(include_decommissioned=False) == []


def test_unknown_agents(registry):
    for call in (
        lambda: registry.record_visit("nobody", STATUS),
        lambda: registry.record_heartbeats("nobody", []),
        lambda: registry.decommission("nobody", actor="ops"),
    ):
        with pytest.raises(EnrolmentError) as caught:
            call()
        assert caught.value.reason == "unknown_agent"
