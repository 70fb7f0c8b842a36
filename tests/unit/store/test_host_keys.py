from datetime import timedelta

import pytest

from stella_ops.store import host_keys
from stella_ops.store.host_keys import SeenKey


@pytest.fixture
def see(store, now):
    def show(*hosts, at=now, **changes):
        given = {"port": 22, "algorithm": "ssh-ed25519", "bits": 256, "state": "new", "public_key": "ssh-ed25519 AAAA"}
        keys = [
            SeenKey(**{"host": host, "name": host, "fingerprint": f"SHA256:{host}", **given, **changes})
            for host in hosts
        ]
        with store.transaction() as connection:
            host_keys.record_seen(connection, keys, at)
        return find()

    def find(**wanted):
        with store.reading() as connection:
            return host_keys.find(connection, **wanted)

    show.find = find
    return show


def test_a_key_that_is_seen_waits_and_is_seen_again(see, now):
    [key] = see("web", certificate={"authority": "SHA256:x"}, note="a note")
    assert (key.status, key.state, key.note, key.certificate) == ("pending", "new", "a note", {"authority": "SHA256:x"})
    assert (key.first_seen_at, key.last_seen_at, key.replaces) == (now, now, False)
    later = now + timedelta(hours=1)
    [again] = see("web", at=later, state="known")
    assert (again.id, again.first_seen_at, again.last_seen_at) == (key.id, now, later)
    assert (again.state, again.note, again.certificate) == ("known", None, None)
    assert (key.place, see("db", port=2222)[0].place) == ("web", "[db]:2222")


def test_the_course_of_a_key(store, see, now):
    [key] = see("web")
    at = {"at": now + timedelta(days=1), "by": "ops"}
    with store.transaction() as connection:
        assert not host_keys.pin(connection, key, to="store", **at)
        assert host_keys.approve(connection, key, because="word", **at)
        assert not host_keys.approve(connection, key, because="other", **at)
        assert host_keys.pin(connection, key, to="store", **at)
        [pinned] = host_keys.find(connection)
        assert (pinned.pinned_to, pinned.pinned_by, pinned.approved_because) == (["store"], "ops", "word")
        later = {"at": now + timedelta(days=2), "by": "other"}
        assert host_keys.pin(connection, pinned, to="inventory", **later)
        [both] = host_keys.find(connection)
        assert (both.pinned_to, both.pinned_at, both.pinned_by) == (["inventory", "store"], at["at"], "ops")
        assert host_keys.end(connection, key, "revoked", **later)
        assert not host_keys.end(connection, key, "revoked", **later)
    # A revoked key does not come back by being seen; one that was given up does.
    assert see("web")[0].status == "revoked"
    with store.transaction() as connection:
        assert host_keys.end(connection, key, "unpinned", **at)
    [back] = see("web")
    assert (back.status, back.pinned_to, back.approved_at) == ("pending", None, None)


def test_finding_by_host_and_status(store, see, now):
    see(*(f"h{n:04d}" for n in range(1200)))
    everyone = {f"h{n:04d}" for n in range(1200)}
    assert len(see.find(hosts=everyone)) == 1200
    assert [key.host for key in see.find(hosts={"h0007", "nobody"})] == ["h0007"]
    assert see.find(hosts=set()) == []
    assert see.find(statuses=("pinned",)) == []


def test_what_a_key_takes_the_place_of(store, see, now):
    def known(**changes):
        [key] = [one for one in see("web", **changes) if one.fingerprint == changes["fingerprint"]]
        return key

    later = now + timedelta(days=1)
    old = known(fingerprint="SHA256:old")
    rsa = known(fingerprint="SHA256:rsa", algorithm="ssh-rsa")
    with store.transaction() as connection:
        for key in (old, rsa):
            host_keys.approve(connection, key, at=now, by="ops", because="word")
    new = known(fingerprint="SHA256:new", at=later)
    ecdsa = known(fingerprint="SHA256:ecdsa", algorithm="ecdsa-sha2-nistp256", at=later)
    elsewhere = known(fingerprint="SHA256:else", name="other", at=later)
    with store.reading() as connection:
        assert [key.fingerprint for key in host_keys.replaced_by(connection, new)] == ["SHA256:old"]
        # None of its kind: those that were not shown any more.
        gone = host_keys.replaced_by(connection, ecdsa)
        assert {key.fingerprint for key in gone} == {"SHA256:old", "SHA256:rsa"}
        assert host_keys.replaced_by(connection, elsewhere) == []
