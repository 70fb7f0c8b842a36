"""The fleet's services behind one door."""

import json

import pytest

from stella_ops.agents.fleet import Fleet
from stella_ops.cli.entry import run_cli
from stella_ops.errors import PkiError
from stella_ops.redaction import MASK, Redactor
from stella_ops.settings import load_project
from stella_ops.store import audit
from stella_ops.store.database import Store

SECRET = "a passphrase of some length"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("STELLA_HOME", raising=False)
    (tmp_path / "stella.toml").write_text("[ca]\npassphrase_env = 'CANARY_PASSPHRASE'\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def test_the_passphrase_encrypts_both_keys_and_is_masked(folder):
    redactor = Redactor()
    fleet = Fleet(load_project(folder), redactor=redactor, environ={"CANARY_PASSPHRASE": SECRET})
    assert await fleet.call(lambda: fleet.authority.encrypted)
    await fleet.close()
    for name in ("root.key", "issuing.key"):
        key = folder / ".stella" / "ca" / name
        assert b"ENCRYPTED" in key.read_bytes()
        assert key.stat().st_mode & 0o777 == 0o600
    assert redactor.scrub(f"<{SECRET}>") == f"<{MASK}>"
    wrong = Fleet(load_project(folder), redactor=redactor, environ={"CANARY_PASSPHRASE": "another"})
    with pytest.raises(PkiError, match="passphrase is wrong"):
        _ = wrong.authority


def test_an_authority_made_by_a_look_at_it_is_in_the_audit_trail(folder, monkeypatch, capsys):
    monkeypatch.setenv("CANARY_PASSPHRASE", SECRET)
    assert run_cli(["ca", "show", "--format", "json"]) == 0
    pin = json.loads(capsys.readouterr().out)["pin"]
    store = Store.open(load_project(folder).store_url)
    with store.reading() as connection:
        assert [entry.detail for entry in audit.entries(connection, act="ca.create")] == [{"pin": pin}]
    store.close()


def test_no_state_file_can_be_read_by_others(folder, monkeypatch):
    """Whatever the umask: the store with its journals, the keys, the locks."""
    import os
    import stat

    monkeypatch.setenv("CANARY_PASSPHRASE", SECRET)
    before = os.umask(0)
    try:
        assert run_cli(["ca", "show"]) == 0
    finally:
        os.umask(before)
    state = folder / ".stella"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "ca").stat().st_mode) == 0o700
    public = {".gitignore", "root.crt", "issuing.crt"}
    loose = [p for p in state.rglob("*") if p.is_file() and p.stat().st_mode & 0o077 and p.name not in public]
    assert loose == []


async def test_a_refused_host_key_is_in_the_audit_trail_once(folder):
    from stella_ops.transport.host_keys import RefusedKey

    told = []
    fleet = Fleet(load_project(folder), redactor=Redactor(), environ={}, warn=told.append)
    key = RefusedKey("web", "[web]:2222", "changed", "ssh-ed25519", "SHA256:new", ("SHA256:old",))
    for _ in range(3):
        await fleet.host_key_refused(key)
    with fleet.store.reading() as connection:
        [entry] = audit.entries(connection, act="host-key.refuse")
    assert (entry.subject, entry.outcome) == ("web", "refused")
    assert entry.detail == {
        "place": "[web]:2222",
        "reason": "changed",
        "algorithm": "ssh-ed25519",
        "fingerprint": "SHA256:new",
        "on_record": ["SHA256:old"],
    }
    assert told == []
    await fleet.close()


async def test_a_store_that_fails_does_not_take_a_refusal_s_place(folder):
    from stella_ops.transport.host_keys import RefusedKey

    (folder / "stella.toml").write_text(f"[store]\nurl = 'sqlite:///{folder}'\n")
    told = []
    fleet = Fleet(load_project(folder), redactor=Redactor(), environ={}, warn=told.append)
    await fleet.host_key_refused(RefusedKey("web", "web", "revoked", None, None, ()))
    assert len(told) == 1
    assert "not in the audit trail" in told[0]
    await fleet.close()


async def test_a_store_on_a_server_is_asked_for_pins_and_one_here_is_not(folder):
    fleet = Fleet(load_project(folder), redactor=Redactor(), environ={})
    assert await fleet.pinned_hosts() == folder / ".stella" / "pinned_hosts"
    assert not (folder / ".stella").exists()
    (folder / "stella.toml").write_text("[store]\nurl = 'postgresql+psycopg://nobody@127.0.0.1:1/none'\n")
    told = []
    fleet = Fleet(load_project(folder), redactor=Redactor(), environ={}, warn=told.append)
    assert await fleet.pinned_hosts() == folder / ".stella" / "pinned_hosts"
    assert len(told) == 1
    assert "those of last time" in told[0]
    await fleet.close()
