import base64
import hashlib
import subprocess
import threading
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from stella_ops.errors import PkiError
from stella_ops.pki.authority import CertificateAuthority, is_server_name
from stella_ops.pki.server import INTERNAL_NAME, ServerIdentity


@pytest.fixture
def make(tmp_path, authority, clock):
    def run(*names, now=clock, ca=authority):
        return ServerIdentity.load_or_create(tmp_path / "server", ca, names or ("stella.example", "192.0.2.1"), now)

    return run


def leaf(identity):
    return x509.load_pem_x509_certificates(identity.cert_file.read_bytes())[0]


def names(identity):
    return {
        str(name.value) for name in leaf(identity).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    }


def test_openssl_takes_it_for_a_server_and_for_nothing_else(make, authority, openssl, tmp_path):
    identity = make()
    (tmp_path / "root.pem").write_text(authority.root_pem)
    chain = ["-CAfile", "root.pem", "-untrusted", identity.cert_file, "-attime", "1741064767"]
    for host in (
        ("-verify_hostname", "stella.example"),
        ("-verify_ip", "192.0.2.1"),
        ("-verify_hostname", INTERNAL_NAME),
    ):
        assert "OK" in openssl("verify", "-purpose", "sslserver", *host, *chain, identity.cert_file)
    assert "OK" not in openssl("verify", "-purpose", "sslclient", *chain, identity.cert_file, ok=False)
    assert "OK" not in openssl("verify", "-verify_hostname", "other.example", *chain, identity.cert_file, ok=False)
    usage = leaf(identity).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_the_key_is_its_owners_and_stays(make, clock, openssl):
    first = make()
    assert first.renewed
    assert first.key_file.stat().st_mode & 0o777 == 0o600
    again = make()
    assert not again.renewed
    assert again == ServerIdentity(**{**{k: getattr(first, k) for k in first.__slots__}, "renewed": False})
    later = make(now=lambda: clock() + timedelta(days=61))
    assert later.renewed
    assert later.public_key_pin == first.public_key_pin
    assert later.certificate_sha256 != first.certificate_sha256
    spki = subprocess.run(
        ["openssl", "pkey", "-in", first.key_file, "-pubout", "-outform", "DER"], capture_output=True, check=True
    ).stdout
    assert first.public_key_pin == base64.b64encode(hashlib.sha256(spki).digest()).decode()
    assert first.public_key_sha256 == hashlib.sha256(spki).hexdigest()
    assert first.certificate_sha256 == leaf(later).fingerprint(hashes.SHA256()).hex() or later.renewed


def test_it_is_renewed_when_a_third_of_its_life_is_left(make, clock):
    make()
    assert not make(now=lambda: clock() + timedelta(days=59)).renewed
    assert make(now=lambda: clock() + timedelta(days=61)).renewed


def test_two_who_call_it_differently_do_not_take_turns(make, clock):
    make("a.example")
    assert names(make("b.example")) == {"a.example", "b.example", INTERNAL_NAME}
    assert not make("a.example").renewed
    assert not make("B.example").renewed
    later = make("b.example", now=lambda: clock() + timedelta(days=61))
    assert names(later) == {"b.example", INTERNAL_NAME}, "a name that nobody wants any more goes in time"


def test_another_authority_another_certificate(make, tmp_path, clock):
    first = make()
    other = CertificateAuthority.load_or_create(tmp_path / "other", passphrase=None, clock=clock)
    second = make(ca=other)
    assert second.renewed
    assert second.public_key_pin == first.public_key_pin


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_damaged_certificate_is_made_again(make, content):
    first = make()
    first.cert_file.write_bytes(content)
    assert make().renewed


def test_a_damaged_key_is_told(make):
    first = make()
    first.key_file.write_bytes(b"nonsense")
    with pytest.raises(PkiError, match="damaged") as caught:
        make()
    assert str(first.key_file) in str(caught.value)


def test_a_certificate_for_another_key_is_made_again(make, authority, clock):
    first = make()
    other = ec.generate_private_key(ec.SECP256R1())
    issued = authority.issue_server_certificate(other.public_key(), names=["stella.example"], now=clock())
    first.cert_file.write_text(issued.pem)
    assert make().renewed


def test_several_at_once_have_one_identity(make):
    found = []
    threads = [threading.Thread(target=lambda: found.append(make().certificate_sha256)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("name", ["a b", "", "*", "x_y", "-a", "1.2.3", "http://x"])
def test_names_that_are_none(make, name):
    assert not is_server_name(name)
    with pytest.raises(PkiError, match="neither a DNS name nor an IP address"):
        make(name)


@pytest.mark.parametrize("name", ["a", "a.example", "192.0.2.1", "2001:db8::1"])
def test_names(name):
    assert is_server_name(name)


def test_a_server_needs_a_name(authority, clock):
    with pytest.raises(PkiError, match="needs a name"):
        authority.issue_server_certificate(ec.generate_private_key(ec.SECP256R1()).public_key(), names=[], now=clock())


def test_a_long_name_leaves_the_common_name_alone(make):
    long = ".".join(["a" * 60] * 3)
    identity = make(long)
    assert long in names(identity)
    common = leaf(identity).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    assert len(common) <= 64
