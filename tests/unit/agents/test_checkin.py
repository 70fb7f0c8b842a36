from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from stella_ops.agents import checkin as module
from stella_ops.agents.checkin import CheckinService
from stella_ops.agents.configuration import ConfigurationService
from stella_ops.errors import EnrolmentError, UsageError
from stella_ops.store import agent_logs, agent_tasks, agents

STATUS = {"running": True, "last_heartbeat": {"seq": 1, "time": "2025-03-04T05:06:07Z", "status": "healthy"}}


@pytest.fixture
def service(store, registry, enrolment, clock, randomness):
    configurations = ConfigurationService(store, clock=clock)
    return CheckinService(store, registry, enrolment, configurations, clock=clock, random=randomness)


@pytest.fixture
def enrol(enrolment, prove):
    def run(name="web1", key=None):
        pending = enrolment.begin(name, "prod", name, actor="test")
        proof = prove(pending, key=key) if key else prove(pending)
        return enrolment.complete(
            proof, agent_id=pending.agent_id, name=name, environment="prod", actor="test"
        ).certificate

    return run


@pytest.fixture
def known(service, enrol):
    return service.recognise(enrol().fingerprint_sha256)


def test_who_is_recognised(service, enrol, clock, registry):
    certificate = enrol()
    found = service.recognise(certificate.fingerprint_sha256)
    assert (found.agent_id, found.name, found.environment) == (certificate.agent_id, "web1", "prod")
    assert service.recognise("0" * 64) is None
    other = enrol("web2", ec.generate_private_key(ec.SECP256R1()))
    registry.decommission(other.agent_id, actor="test")
    assert service.recognise(other.fingerprint_sha256) is None
    clock.forward(days=366)
    assert service.recognise(certificate.fingerprint_sha256) is None, "it is over"


def test_registering_settles_and_is_audited_once(service, known, enrol, audited, registry):
    newer = service.recognise(enrol().fingerprint_sha256)
    for _ in range(3):
        desired = service.register(newer, STATUS, version="1.2.3", python="3.9.2")
    assert desired.revision == 1
    assert service.recognise(known.fingerprint_sha256) is None, "the older certificate is revoked"
    assert registry.get("web1").version == "1.2.3"
    assert registry.get("web1").status == "healthy"
    assert len(audited("agent.register")) == 1
    service.register(newer, STATUS, version="1.2.4", python="3.9.2")
    assert len(audited("agent.register")) == 2


def test_heartbeats_are_visits(service, known, registry, clock):
    clock.forward(hours=1)
    beat = {"seq": 5, "time": "2025-03-04T06:00:00Z", "status": "degraded", "version": "2.0"}
    assert service.heartbeat(known, [beat, "none", {"seq": -1}]) == (5, 0)
    view = registry.get("web1")
    assert (view.status, view.version, view.last_visit) == ("degraded", "2.0", clock())
    old = {**beat, "seq": 4, "time": "2025-03-04T05:00:00Z", "status": "healthy"}
    assert service.heartbeat(known, [old])[0] == 5
    assert registry.get("web1").status == "degraded", "an old one says nothing of now"


def test_what_became_of_a_configuration(service, known, registry, audited):
    desired = service.desired(known)
    options = {"revision": desired.revision, "sha256": desired.sha256}
    service.configured(known, **options, applied=False, problems=["a\nb" + "x" * 1000, None] * 100)
    assert registry.get("web1").config_sha256 is None
    (entry,) = audited("config.push")
    assert entry.outcome == "refused"
    assert len(entry.detail["problems"]) == 50
    assert entry.detail["problems"][0].startswith("a?bx")
    assert len(entry.detail["problems"][0]) == 300
    for _ in range(2):
        service.configured(known, **options, applied=True, problems=[])
    assert registry.get("web1").config_sha256 == desired.sha256
    assert len(audited("config.push")) == 2
    with pytest.raises(UsageError):
        service.configured(known, revision=9, sha256=desired.sha256, applied=True, problems=[])
    with pytest.raises(UsageError):
        service.configured(known, revision=desired.revision, sha256="0" * 64, applied=True, problems=[])


def test_a_task_is_given_out_until_it_is_answered(service, known, clock, store):
    task = service.request(known.agent_id, "status", {"a": 1}, by="ops")
    assert [found.id for found in service.fetch(known)] == [task.id]
    assert service.fetch(known) == []
    clock.forward(minutes=6)
    assert [found.id for found in service.fetch(known)] == [task.id], "who fetched it may be gone"
    assert service.finish(known, [(task.id, {"ok": True}), ("x", {"ok": True})]) == 1
    clock.forward(minutes=6)
    assert service.fetch(known) == []
    with store.reading() as connection:
        (kept,) = agent_tasks.recent(connection, known.agent_id, 10)
    assert (kept.response, kept.finished_at, kept.created_by) == ({"ok": True}, clock() - timedelta(minutes=6), "ops")


def test_a_task_is_for_one_agent_and_for_a_day(service, known, enrol, clock):
    other = service.recognise(enrol("web2", ec.generate_private_key(ec.SECP256R1())).fingerprint_sha256)
    task = service.request(known.agent_id, "version", {}, by="ops")
    assert service.fetch(other) == []
    assert service.finish(other, [(task.id, {"ok": True})]) == 0
    clock.forward(days=1, seconds=1)
    assert service.fetch(known) == []
    assert service.heartbeat(known, []) == (0, 0)


@pytest.mark.parametrize("method", ["csr", "apply-config", "install-identity", "", "Status"])
def test_what_changes_a_host_does_not_travel_by_pull(service, known, method):
    with pytest.raises(UsageError):
        service.request(known.agent_id, method, {}, by="ops")


def test_tasks_are_bounded(service, known, monkeypatch, registry):
    monkeypatch.setattr(module, "MOST_WAITING_TASKS", 3)
    for _ in range(3):
        service.request(known.agent_id, "status", {}, by="ops")
    with pytest.raises(EnrolmentError) as caught:
        service.request(known.agent_id, "status", {}, by="ops")
    assert caught.value.reason == "too_many_tasks"
    with pytest.raises(EnrolmentError) as caught:
        service.request("nobody", "status", {}, by="ops")
    assert caught.value.reason == "unknown_agent"
    registry.decommission(known.agent_id, actor="test")
    with pytest.raises(EnrolmentError) as caught:
        service.request(known.agent_id, "status", {}, by="ops")
    assert caught.value.reason == "decommissioned"


def test_an_answer_that_is_too_long_is_left_out(service, known, store):
    task = service.request(known.agent_id, "logs", {}, by="ops")
    service.finish(known, [(task.id, {"ok": True, "result": "x" * 2_000_000})])
    with store.reading() as connection:
        (kept,) = agent_tasks.recent(connection, known.agent_id, 1)
    assert kept.response["error"]["code"] == "too-long"


def entry(seq, **more):
    return {"seq": seq, "time": "2025-03-04T05:06:07Z", "level": "info", "event": "x", **more}


def test_log_entries(service, known, store):
    given = [entry(1, pid=7), entry(2, level="loud"), entry(3, event="a\x00b\n"), entry(4, data="x" * 20_000)]
    broken = [None, {}, entry("5"), entry(True), entry(2**60), entry(6, time="x"), entry(7, event=""), entry(8, time=8)]
    assert service.log(known, given + broken) == (4, 4)
    assert service.log(known, given) == (0, 4)
    assert service.log(known, []) == (0, 0)
    with store.reading() as connection:
        kept = {one.seq: one for one in agent_logs.recent(connection, known.agent_id, 10)}
    assert kept[1].data == {"pid": 7}
    assert kept[2].level == "info"
    assert kept[3].event == "a?b?"
    assert "left_out" in kept[4].data


def test_logs_are_bounded(service, known, store, monkeypatch):
    monkeypatch.setattr(module, "_KEPT_LOG_ENTRIES", 5)
    for begin in range(0, 20, 4):
        service.log(known, [entry(seq) for seq in range(begin, begin + 4)])
    with store.reading() as connection:
        kept = [one.seq for one in agent_logs.recent(connection, known.agent_id, 100)]
    assert kept == [19, 18, 17, 16, 15]


def test_a_renewal_whose_answer_was_lost(service, known, prove, clock):
    class Pending:
        name, token = "web1", ""

    first = service.renew(known, prove(Pending()))
    again = service.renew(known, prove(Pending()))
    assert again.repeated
    assert again.chain_pem == first.chain_pem
    clock.forward(hours=2)
    assert not service.renew(known, prove(Pending())).repeated


def test_renewals_are_bounded(service, known, prove, monkeypatch, audited):
    class Pending:
        name, token = "web1", ""

    monkeypatch.setattr("stella_ops.agents.enrolment._MOST_UNUSED", 2)
    for _ in range(2):
        service.renew(known, prove(Pending(), key=ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(EnrolmentError) as caught:
        service.renew(known, prove(Pending(), key=ec.generate_private_key(ec.SECP256R1())))
    assert caught.value.reason == "too_many_certificates"
    assert audited()[-1] == ("agent.enrol", "refused")


def test_renewal_goes_by_the_certificate_that_is_shown(service, known, prove, store):
    class Pending:
        name, token = "web1", ""

    key = ec.generate_private_key(ec.SECP256R1())
    made = service.renew(known, prove(Pending(), key=key))
    assert service.recognise(known.fingerprint_sha256) is not None, "until the agent calls with the new one"
    newer = service.recognise(made.certificate.fingerprint_sha256)
    service.register(newer, STATUS, version="1", python="3")
    assert service.recognise(known.fingerprint_sha256) is None
    with store.reading() as connection:
        assert agents.get(connection, known.agent_id).enrolled_at is not None
