from dataclasses import replace
from datetime import timedelta

import pytest

from stella_ops.errors import StoreError
from stella_ops.store import certificates


@pytest.fixture
def certificate(agent, now):
    return certificates.Certificate(
        serial="0f",
        agent_id=agent.id,
        subject=agent.name,
        fingerprint_sha256="f" * 64,
        public_key_sha256="a" * 64,
        not_before=now,
        not_after=now + timedelta(days=1),
        issued_at=now,
        chain_pem="PEM",
    )


def test_recorded_and_found(store, certificate, now):
    newer = replace(certificate, serial="10", fingerprint_sha256="e" * 64, issued_at=now + timedelta(hours=1))
    with store.transaction() as connection:
        certificates.add(connection, certificate)
        certificates.add(connection, newer)
        assert certificates.by_fingerprint(connection, "f" * 64) == certificate
        assert certificates.by_fingerprint(connection, "0" * 64) is None
        assert certificates.of_agent(connection, certificate.agent_id) == [newer, certificate]
        assert certificates.issued_for(connection, "0" * 16, "a" * 64) is None


def test_revocation_is_once(store, certificate, now):
    with store.transaction() as connection:
        certificates.add(connection, certificate)
        assert certificates.revoke(connection, "0f", now, "key_compromise")
        assert not certificates.revoke(connection, "0f", now, "other")
        found = certificates.by_fingerprint(connection, "f" * 64)
    assert (found.revoked_at, found.revocation_reason) == (now, "key_compromise")


def test_a_certificate_belongs_to_an_agent(store, certificate):
    with pytest.raises(StoreError), store.transaction() as connection:
        certificates.add(connection, replace(certificate, agent_id="nobody"))
