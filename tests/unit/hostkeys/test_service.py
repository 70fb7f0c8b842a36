from datetime import timedelta

import pytest

from stella_ops.errors import InventoryError
from stella_ops.hostkeys.service import Choice, HostKeyService
from stella_ops.store import audit, host_keys
from stella_ops.store.host_keys import SeenKey


@pytest.fixture
def now():
    from datetime import UTC, datetime

    return [datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)]


@pytest.fixture
def service(store, tmp_path, now):
    return HostKeyService(
        store, tmp_path / "pinned_hosts", tmp_path / "known_hosts", clock=lambda: now[0], actor="ops@ctl"
    )


@pytest.fixture
def seen(store, now, public):
    """Shows a host with a new Ed25519 key, or the one given."""

    def show(host="web", key=None, **changes):
        line, fingerprint = key or public()
        given = {"host": host, "name": host, "port": 22, "algorithm": "ssh-ed25519", "bits": 256, "state": "new"}
        one = SeenKey(**{**given, "fingerprint": fingerprint, "public_key": line, **changes})
        with store.transaction() as connection:
            host_keys.record_seen(connection, [one], now[0])
        return line, fingerprint

    return show


def waiting(service):
    return service.find(statuses=("pending",))


def approve(service, **more):
    return service.approve([Choice(key, "a word", **more) for key in waiting(service)])


def acts(store):
    with store.reading() as connection:
        return [(entry.act, entry.subject) for entry in audit.entries(connection)]


def test_the_file_of_pins_is_made_from_the_store(service, store, seen, tmp_path):
    (line, _), _ = seen("web"), seen("db", port=2222)
    file = tmp_path / "pinned_hosts"
    keys = approve(service)
    assert not file.exists()
    service.pin(keys, "store")
    text = file.read_text().splitlines()
    assert text[-1] == f"web {line} pinned 2025-03-04T05:06:07Z by ops@ctl"
    assert text[-2].startswith("[db]:2222 ssh-ed25519 ")
    file.write_text("spoiled")
    assert service.write_out() == 2
    assert file.read_text().splitlines() == text
    service.unpin(keys)
    assert not file.exists()
    assert [act for act, _ in acts(store)] == [
        *["host-key.approve"] * 2,
        *["host-key.pin"] * 2,
        *["host-key.unpin"] * 2,
    ]


def test_approving_twice_is_once(service, store, seen):
    seen()
    choices = [Choice(key, "a word") for key in waiting(service)]
    assert len(service.approve(choices)) == 1
    assert service.approve(choices) == []
    assert acts(store) == [("host-key.approve", "web")]


def test_a_key_that_replaces_takes_the_old_one_along_when_it_is_pinned(service, seen, now, tmp_path):
    old = seen()
    service.pin(approve(service), "store")
    now[0] += timedelta(days=1)
    new = seen(state="changed")
    keys = approve(service, replaces=True)
    assert old[0] in (tmp_path / "pinned_hosts").read_text()
    done = service.pin(keys, "store")
    assert [key.fingerprint for key in done.replaced] == [old[1]]
    text = (tmp_path / "pinned_hosts").read_text()
    assert new[0] in text
    assert old[0] not in text
    # The old one, seen again, waits like any other.
    seen(key=old, state="changed")
    assert [key.fingerprint for key in waiting(service)] == [old[1]]


def test_without_replace_both_stay(service, seen, now, tmp_path):
    old = seen()
    service.pin(approve(service), "store")
    now[0] += timedelta(days=1)
    new = seen()
    service.pin(approve(service), "store")
    text = (tmp_path / "pinned_hosts").read_text()
    assert old[0] in text
    assert new[0] in text


def test_a_revoked_key_stays_revoked_when_it_is_seen_again(service, seen, tmp_path):
    key = seen()
    service.pin(approve(service), "store")
    service.revoke(service.find())
    assert f"@revoked * {key[0]} revoked" in (tmp_path / "pinned_hosts").read_text()
    seen(key=key)
    assert [one.status for one in service.find()] == ["revoked"]


def test_a_host_vars_file_that_cannot_be_edited_stops_the_pin(service, seen, tmp_path):
    seen()
    place = tmp_path / "host_vars"
    place.mkdir()
    (place / "web.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n00\n")
    with pytest.raises(InventoryError, match="encrypted"):
        service.pin(approve(service), "inventory", folder=tmp_path)
    assert [one.status for one in service.find()] == ["approved"]


def test_a_person_who_wrote_keys_into_the_inventory_keeps_them(service, seen, tmp_path):
    key = seen()
    place = tmp_path / "host_vars"
    place.mkdir()
    (place / "web.yml").write_text("stella_host_keys:\n  - ssh-rsa AAAAmine\n")
    service.pin(approve(service), "inventory", folder=tmp_path)
    text = (place / "web.yml").read_text()
    assert "  - ssh-rsa AAAAmine\n" in text
    assert f"  - {key[0]}\n" in text
    service.unpin(service.find(), folder=tmp_path)
    assert (place / "web.yml").read_text().count("AAAA") == 1


def test_many_pins_at_once_leave_a_whole_file(service, seen, tmp_path):
    import threading

    for number in range(8):
        seen(f"web{number}")
    keys = approve(service)
    threads = [threading.Thread(target=service.pin, args=([key], "store")) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("pinned" in line for line in (tmp_path / "pinned_hosts").read_text().splitlines()[2:]) == 8
