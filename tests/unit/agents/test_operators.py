from datetime import timedelta

import pytest
from cryptography import x509

from stella_ops.agents.operators import OperatorService, Role
from stella_ops.errors import EnrolmentError, PkiError, UsageError
from stella_ops.store import operators


@pytest.fixture
def service(store, authority, clock, randomness):
    return OperatorService(store, authority=lambda: authority, clock=clock, random=randomness)


def test_a_key_is_kept_as_a_hash(service, store, tmp_path, audited):
    made = service.add_key("alice", Role.OPERATOR, by="root@here")
    key_id, secret = made.value.split(".")
    assert made.operator.id == key_id
    assert secret not in repr(made)
    with store.reading() as connection:
        (kept,) = operators.every(connection)
    assert secret not in f"{kept!r} {kept.secret_sha256}"
    assert not any(secret.encode() in path.read_bytes() for path in tmp_path.glob("fleet.db*"))
    (entry,) = audited("operator.add")
    assert (entry.actor, entry.subject, entry.detail["role"]) == ("root@here", "alice", "operator")


def test_a_key_lets_in_until_it_is_revoked_or_over(service, clock, audited):
    made = service.add_key("alice", Role.VIEWER, by="x", ttl=timedelta(hours=1))
    assert service.by_key(made.value).name == "alice"
    for wrong in ("", "x", made.value + "x", f"{made.operator.id}.{'A' * 43}", f"{'0' * 16}.{'A' * 43}"):
        assert service.by_key(wrong) is None
    clock.forward(minutes=59)
    assert service.by_key(made.value) is not None
    clock.forward(minutes=1)
    assert service.by_key(made.value) is None
    other = service.add_key("bob", Role.VIEWER, by="x")
    clock.forward(days=4000)
    assert service.by_key(other.value) is not None, "without a life it is good for ever"
    assert service.revoke(other.operator.id, by="y")
    assert not service.revoke(other.operator.id, by="y")
    assert service.by_key(other.value) is None
    assert [entry.subject for entry in audited("operator.revoke")] == ["bob"]
    with pytest.raises(UsageError):
        service.revoke("0" * 16, by="y")


def test_being_used_is_written_down_now_and_then(service, clock):
    made = service.add_key("alice", Role.VIEWER, by="x")
    first = clock()
    service.by_key(made.value)
    clock.forward(minutes=4)
    service.by_key(made.value)
    assert service.list()[0].last_used_at == first
    clock.forward(minutes=2)
    service.by_key(made.value)
    assert service.list()[0].last_used_at == clock()


def test_a_certificate(service, prove, clock, host_key):
    class Pending:
        name, token = "alice", ""

    csr = prove(Pending())["csr"]
    made = service.add_certificate("alice", Role.ADMIN, csr, by="x", ttl=timedelta(days=30))
    leaf = x509.load_pem_x509_certificates(made.chain_pem.encode())[0]
    assert leaf.public_key() == host_key.public_key()
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [f"stella://operator/{made.operator.id}"]
    assert names.get_values_for_type(x509.DNSName) == []
    fingerprint = made.operator.certificate_fingerprint
    assert service.by_certificate(fingerprint).role == "admin"
    assert service.by_certificate("0" * 64) is None
    clock.forward(days=31)
    assert service.by_certificate(fingerprint) is None
    with pytest.raises(PkiError, match="not for 'bob'"):
        service.add_certificate("bob", Role.ADMIN, csr, by="x")


@pytest.mark.parametrize(("name", "ttl"), [("../x", None), ("", None), ("alice", 0), ("alice", -1), ("alice", 99999)])
def test_what_cannot_be(service, name, ttl):
    life = None if ttl is None else timedelta(days=ttl)
    with pytest.raises(EnrolmentError):
        service.add_key(name, Role.VIEWER, by="x", ttl=life)


def test_roles():
    assert Role.ADMIN.includes(Role.VIEWER)
    assert Role.OPERATOR.includes(Role.OPERATOR)
    assert not Role.VIEWER.includes(Role.OPERATOR)
    assert not Role.OPERATOR.includes(Role.ADMIN)
