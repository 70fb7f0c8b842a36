from datetime import datetime, timedelta

import pytest

from stella_ops.agents.superseding import revoke_lost, settle
from stella_ops.agents.undoing import Undone, UndoService
from stella_ops.errors import EnrolmentError
from stella_ops.store import agents, audit, certificates, counters, tokens


@pytest.fixture
def undoing(store, clock):
    return UndoService(store, clock=clock)


@pytest.fixture
def enrol(enrolment, prove, clock):
    """Enrol an agent as a push does; (pending, enrolment)."""

    def run(name="web1"):
        clock.forward(seconds=1)
        pending = enrolment.begin(name, "prod", f"{name}.example", actor="ops")
        who = {"agent_id": pending.agent_id, "name": name, "environment": "prod"}
        return pending, enrolment.complete(prove(pending), actor="ops", **who)

    return run


def undo(undoing, before, **more):
    return undoing.undo("web1", "prod", before, actor="ops", reason="the disk is full", **more)


def find(store, name="web1"):
    with store.reading() as connection:
        return agents.find(connection, name, "prod")


def is_revoked(store, enrolment):
    with store.reading() as connection:
        return certificates.get(connection, enrolment.certificate.serial).revoked_at is not None


def entries(store):
    with store.reading() as connection:
        return [(entry.act, entry.detail) for entry in audit.entries(connection)]


def test_an_agent_that_was_made_is_decommissioned(undoing, store, enrol, clock):
    before = undoing.take("web1", "prod")
    assert before == {"at": clock().isoformat(), "agent": None, "certificates": []}
    _, made = enrol()
    undone = undo(undoing, before)
    assert undone.certificates == (made.certificate.serial,) and undone.decommissioned
    assert is_revoked(store, made)
    agent = find(store)
    assert agent.status == "decommissioned" and agent.certificate_fingerprint is None
    acts = dict(entries(store))
    assert acts["bootstrap.undo"]["reason"] == acts["agent.decommission"]["reason"] == "the disk is full"
    assert acts["bootstrap.undo"]["revoked"] == [made.certificate.serial]


def test_done_again_it_changes_nothing(undoing, store, enrol):
    before = undoing.take("web1", "prod")
    enrol()
    undo(undoing, before)
    told = len(entries(store))
    assert not undo(undoing, before) and undo(undoing, before) == Undone()
    assert len(entries(store)) == told


def test_an_agent_that_was_known_is_as_it_was(undoing, store, enrol):
    _, first = enrol()
    known, before = find(store), undoing.take("web1", "prod")
    _, second = enrol()
    assert find(store) != known
    undone = undo(undoing, before)
    assert find(store) == known
    assert undone.certificates == (second.certificate.serial,) and not undone.decommissioned
    assert is_revoked(store, second) and not is_revoked(store, first)


def test_one_that_was_decommissioned_is_so_again(undoing, store, enrol, enrolment, registry):
    pending, _ = enrol()
    registry.decommission(pending.agent_id, actor="ops")
    known, before = find(store), undoing.take("web1", "prod")
    enrol()
    assert find(store).decommissioned_at is None
    assert undo(undoing, before).decommissioned
    assert find(store) == known


def test_one_that_was_expected_is_expected_still(undoing, store, enrolment, enrol):
    with store.transaction() as connection:
        known = enrolment.expect(connection, "web1", "prod", "web1.example")
    before = undoing.take("web1", "prod")
    enrol()
    assert not undo(undoing, before).decommissioned
    assert find(store) == known


def test_a_token_that_was_not_used_is_revoked_and_others_are_not(undoing, store, enrolment, enrol, clock):
    service = enrolment._tokens
    earlier = service.mint("web1", "prod", created_by="ops")
    clock.forward(seconds=1)
    before = undoing.take("web1", "prod")
    pending = enrolment.begin("web1", "prod", "web1.example", actor="ops")
    others = [service.mint("web1", "prod", created_by="somebody else"), service.mint("web2", "prod", created_by="ops")]
    undone = undo(undoing, before)
    assert undone.tokens == (pending.token.partition(".")[0],)
    with store.reading() as connection:
        assert all(tokens.get(connection, token.id).revoked_at is None for token in [earlier, *others])
    with pytest.raises(EnrolmentError, match="revoked"):
        service.exchange(pending.token, "0" * 64, name="web1", environment="prod")


def test_an_identity_may_be_kept(undoing, store, enrol):
    enrol()
    before = undoing.take("web1", "prod")
    _, second = enrol()
    known = find(store)
    undone = undo(undoing, before, held=second.certificate.fingerprint_sha256)
    assert undone.certificates == () and not undone.decommissioned and not is_revoked(store, second)
    assert find(store) == known
    assert undoing.holder(second.certificate.fingerprint_sha256) == "web1"


@pytest.mark.parametrize("of", ["another agent", "another fleet"])
def test_what_else_the_host_holds_keeps_nothing(undoing, store, enrol, of):
    before = undoing.take("web1", "prod")
    _, made = enrol()
    fingerprint = enrol("web2")[1].certificate.fingerprint_sha256 if of == "another agent" else "0" * 64
    assert undoing.holder(fingerprint) == ("web2" if of == "another agent" else None)
    assert undo(undoing, before, held=fingerprint).decommissioned
    assert is_revoked(store, made) and find(store, "web1").status == "decommissioned"


def test_superseded_since_is_seen(undoing, store, clock, enrol):
    _, first = enrol()
    had = first.certificate.fingerprint_sha256
    before = undoing.take("web1", "prod")
    pending, second = enrol()
    assert undoing.is_superseded(before, had) is False
    settle(store, pending.agent_id, second.certificate.fingerprint_sha256, now=clock(), actor="ops")
    assert undoing.is_superseded(before, had) is True
    # What was revoked before is no news, and of what is unknown nothing is known.
    assert undoing.is_superseded(undoing.take("web1", "prod"), had) is False
    assert undoing.is_superseded(before, "0" * 64) is False


def test_certificates_that_never_arrived_are_revoked_and_those_on_the_host_are_not(store, clock, enrol):
    pending, held = enrol()
    lost, new = enrol()[1], enrol()[1]
    kept = {made.certificate.fingerprint_sha256 for made in (held, new)}
    assert revoke_lost(store, pending.agent_id, kept, now=clock(), actor="ops") == 1
    assert [is_revoked(store, made) for made in (held, lost, new)] == [False, True, False]
    assert revoke_lost(store, pending.agent_id, kept, now=clock(), actor="ops") == 0


def test_it_counts_as_a_failed_bootstrap(undoing, store, enrol):
    before = undoing.take("web1", "prod")
    enrol()
    undo(undoing, before)
    with store.reading() as connection:
        found = {(c.name, c.labels.get("reason")): c.value for c in counters.every(connection)}
    assert found["stella_agent_bootstrap_failed_total", "undone"] == 1


def test_an_agent_that_nobody_knows_is_nothing_to_undo(undoing):
    before = undoing.take("web1", "prod")
    assert undo(undoing, before) == Undone()


def test_what_was_taken_is_plain_and_lasts(undoing, enrol, clock):
    enrol()
    before = undoing.take("web1", "prod")
    clock.forward(days=1)
    assert before["agent"]["enrolled_at"].endswith("+00:00")
    assert clock() - datetime.fromisoformat(before["at"]) == timedelta(days=1)
