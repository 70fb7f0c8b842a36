"""A change of keys: the new key beside the old, both switched together, the old one kept until it is forgotten."""

import os
import shutil
import ssl
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

pytestmark = pytest.mark.parametrize("host_python", ["3.6", "3.13", "system"], indirect=True)


@pytest.fixture
def enrolled(agent, authority):
    agent.csr()
    install(agent, authority, agent.layout.public_key)
    return agent


def install(agent, authority, public_key):
    _, chain = authority.issue(serialization.load_pem_public_key(Path(public_key).read_bytes()))
    return agent.ask("install-identity", chain=chain, ca=authority.ca)


def is_a_pair(agent):
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(agent.layout.certificate, agent.layout.key)
    return True


def coming(agent, name="agent.pub"):
    return Path(agent.layout.coming) / name


@pytest.fixture(params=["openssl", "ssh-keygen"])
def tool(request):
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param} on this machine")
    return request.param


def test_key_and_certificate_switch_together(enrolled, authority, tool):
    layout = enrolled.layout
    key, certificate = Path(layout.key).read_bytes(), Path(layout.certificate).read_bytes()

    proof = enrolled.csr(fresh=True, prefer=tool)
    assert proof["kind"] == {"openssl": "pkcs10", "ssh-keygen": "sshsig"}[tool]
    assert (Path(layout.key).read_bytes(), Path(layout.certificate).read_bytes()) == (key, certificate)
    assert stat.S_IMODE(os.stat(coming(enrolled, "agent.key")).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(layout.coming).st_mode) == 0o700
    assert enrolled.ask("status")["spare_keys"] is True

    assert install(enrolled, authority, coming(enrolled))["changed"] is True
    assert Path(layout.key).read_bytes() != key and is_a_pair(enrolled)
    assert Path(layout.previous_key).read_bytes() == key
    assert not os.path.exists(layout.coming)
    assert stat.S_IMODE(os.stat(layout.previous_key).st_mode) == 0o600

    assert enrolled.ask("forget-keys") == {"changed": True}
    assert enrolled.ask("forget-keys") == {"changed": False}
    assert enrolled.ask("status")["spare_keys"] is False
    assert not os.path.exists(layout.previous_key) and is_a_pair(enrolled)


def test_without_a_key_there_is_nothing_to_change(agent, authority):
    agent.csr(fresh=True)
    assert os.path.exists(agent.layout.key) and not os.path.exists(agent.layout.coming)
    install(agent, authority, agent.layout.public_key)
    assert is_a_pair(agent)


def test_asked_again_the_coming_key_is_the_same(enrolled):
    enrolled.csr(fresh=True)
    key = coming(enrolled, "agent.key").read_bytes()
    enrolled.csr(fresh=True)
    assert coming(enrolled, "agent.key").read_bytes() == key


def test_a_chain_for_the_key_in_use_leaves_the_coming_key_waiting(enrolled, authority):
    key = Path(enrolled.layout.key).read_bytes()
    enrolled.csr(fresh=True)
    assert install(enrolled, authority, enrolled.layout.public_key)["changed"] is True
    assert Path(enrolled.layout.key).read_bytes() == key and is_a_pair(enrolled)
    assert coming(enrolled, "agent.key").exists()


# The parts in the order in which they are moved: killed after so many of them.
@pytest.mark.parametrize("moved", range(4))
@pytest.mark.parametrize("completed_by", ["run", "forget-keys", "csr"])
def test_killed_in_the_middle_it_is_completed(enrolled, authority, moved, completed_by):
    layout = enrolled.layout
    old = Path(layout.key).read_bytes()
    enrolled.csr(fresh=True)
    _, chain = authority.issue(serialization.load_pem_public_key(coming(enrolled).read_bytes()))
    new = coming(enrolled, "agent.key").read_bytes()
    coming(enrolled, "ca.crt").write_text(authority.ca)
    coming(enrolled, "agent.crt").write_text(chain)
    os.link(layout.key, layout.previous_key)
    parts = [("agent.pub", layout.public_key), ("agent.key", layout.key), ("ca.crt", layout.ca)]
    for name, place in parts[:moved]:
        os.rename(coming(enrolled, name), place)

    if completed_by == "run":
        enrolled.run()
        assert Path(layout.previous_key).read_bytes() == old
    elif completed_by == "csr":
        enrolled.csr(fresh=True)
    else:
        enrolled.ask("forget-keys")

    assert Path(layout.key).read_bytes() == new and is_a_pair(enrolled)
    assert Path(layout.certificate).read_text() == chain


def test_a_chain_that_never_came_leaves_the_old_pair(enrolled):
    key = Path(enrolled.layout.key).read_bytes()
    enrolled.csr(fresh=True)
    enrolled.run()
    assert Path(enrolled.layout.key).read_bytes() == key and is_a_pair(enrolled)
    enrolled.ask("forget-keys")
    assert not os.path.exists(enrolled.layout.coming)


def test_fresh_must_be_true_or_false(enrolled):
    given = {"agent_id": "a-1", "name": "web-01", "environment": "test", "token": enrolled.token}
    response = enrolled.rpc("csr", fresh="yes", **given)
    assert response["error"]["code"] == "invalid-params" and "fresh" in response["error"]["message"]
