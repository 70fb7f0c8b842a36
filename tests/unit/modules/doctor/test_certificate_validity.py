import os
import ssl

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from stella_ops.remote.lib import x509


@pytest.fixture
def look(host, check):
    """The check's verdict on day 100 of the certificates."""
    return lambda day=100: check("certificate_validity", prefix=host.prefix, now=host.at(day))


def test_sound(host, look):
    leaf = host.enrol()
    host.configure()
    result = look()
    assert result["status"] == "healthy", result
    assert result["message"] == "Certificate of web-01 is issued by Fleet issuing"
    assert result["data"]["not_checked"] == []
    assert result["data"]["serial"] == f"{leaf.serial_number:x}"
    assert result["data"]["agent_name"] == "web-01"


def test_sound_with_rsa(host, look, rsa_key):
    host.enrol(key=rsa_key)
    assert look()["status"] == "healthy"


def test_no_certificate(look, runbooks):
    result = look()
    assert (result["status"], result["message"]) == ("critical", "No certificate found")
    assert result["runbook_url"] == runbooks + "agent-no-certificate"


def test_unreadable_certificate(host, look, runbooks):
    host.enrol()
    host.write(host.layout.certificate, b"nothing")
    result = look()
    assert result["message"] == "Certificate cannot be read: it holds no certificate"
    assert result["runbook_url"] == runbooks + "agent-cert-invalid"


def test_an_expired_certificate_is_the_other_checks_business(host, look):
    host.enrol(days=(0, 365))
    assert look(day=400)["status"] == "healthy"


def test_not_valid_yet(host, look, runbooks):
    host.enrol(days=(10, 365))
    result = look(day=5)
    assert result["status"] == "critical"
    assert result["message"] == "Certificate is not valid before 2020-01-11 00:00:00Z"
    assert result["runbook_url"] == runbooks + "agent-cert-invalid"


def test_a_servers_certificate(host, look):
    host.enrol(usage=ExtendedKeyUsageOID.SERVER_AUTH)
    result = look()
    assert result["status"] == "critical"
    assert "not meant for clients" in result["message"]


def test_any_usage_and_none_will_do(host, look):
    for usage in (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, None):
        host.enrol(usage=usage)
        assert "not meant for clients" not in str(look()["data"])


def test_another_agents_certificate(host, look):
    host.configure()
    host.enrol(name="web-02")
    result = look()
    assert result["status"] == "critical"
    assert result["message"] == "Certificate belongs to web-02, the configuration to web-01"


@pytest.mark.parametrize("how", [{"name": "a1b2c3"}, {"names": ("web-01",)}, {"names": ("spiffe://f/agent/a1b2c3",)}])
def test_the_agent_may_be_named_in_other_ways(host, look, how):
    host.configure()
    host.enrol(**{"name": "x", **how})
    assert look()["status"] == "healthy"


def test_key_of_another_certificate(host, look, runbooks):
    host.enrol()
    other = ec.generate_private_key(ec.SECP256R1())
    host.write(host.layout.key, _pem(other), 0o600)
    result = look()
    assert result["status"] == "critical"
    assert result["message"] == "Private key does not match the certificate"
    assert result["runbook_url"] == runbooks + "agent-cert-key-mismatch"


def test_no_key(host, look):
    host.enrol()
    os.unlink(host.layout.key)
    result = look()
    assert (result["status"], result["message"]) == ("critical", "No private key found")


def test_key_with_passphrase_asks_nobody(host, look):
    host.enrol()
    host.write(host.layout.key, _pem(host.key, serialization.BestAvailableEncryption(b"secret")), 0o600)
    result = look()
    assert result["status"] == "critical"
    assert "the key is protected by a passphrase" in result["message"]


def test_garbage_for_a_key(host, look):
    host.enrol()
    host.write(host.layout.key, b"garbage", 0o600)
    assert look()["message"].startswith("Certificate and private key cannot be loaded: ")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_key_open_to_others(host, look, mode, runbooks):
    host.enrol()
    os.chmod(host.layout.key, mode)
    result = look()
    assert result["status"] == "critical"
    assert result["message"] == f"Private key is open to other users (mode 0{mode:o}, must be 0600)"
    assert result["runbook_url"] == runbooks + "agent-key-permissions"


def test_issued_by_a_stranger_with_the_same_names(host, look, strange_authority, runbooks):
    # Names are equal throughout; only signatures and key ids tell.
    host.enrol(by=strange_authority)
    result = look()
    assert result["status"] == "critical"
    assert result["message"].startswith("Certificate is not accepted by the CA certificate: ")
    assert result["runbook_url"] == runbooks + "agent-cert-untrusted"


def test_issuing_certificate_left_out(host, look):
    leaf = host.enrol()
    host.write(host.layout.certificate, leaf.public_bytes(serialization.Encoding.PEM))
    assert look()["message"].startswith("Certificate is not accepted by the CA certificate: ")


def test_issuing_certificate_expired(host, look):
    host.enrol(days=(0, 30000))
    result = look(day=18251)
    assert result["message"] == "Issuing certificate Fleet issuing expired on 2069-12-19 00:00:00Z"


def test_a_tampered_signature(host, look):
    leaf = host.enrol()
    der = bytearray(leaf.public_bytes(serialization.Encoding.DER))
    der[der.index(b"web-01") + 5] = ord("7")  # another name, under the old signature
    forged = ssl.DER_cert_to_PEM_cert(bytes(der)).encode()
    issuing = host.authority.issuing.public_bytes(serialization.Encoding.PEM)
    host.write(host.layout.certificate, forged + issuing)
    assert x509.certificates((forged + issuing).decode())[0].subject_cn == "web-07"
    assert look()["message"].startswith("Certificate is not accepted by the CA certificate: ")


def test_no_ca(host, look):
    host.enrol()
    os.unlink(host.layout.ca)
    assert look()["message"] == "No CA certificate found"


def test_several_problems_are_all_told(host, look):
    host.configure(agent_name="db-01", agent_id="other")
    host.enrol()
    os.chmod(host.layout.key, 0o644)
    result = look()
    assert result["message"].endswith(" (and 1 more)")
    assert len(result["data"]["problems"]) == 2


class TestWithoutTheRightToReadTheKey:
    def test_says_what_was_not_checked(self, open_host, check_as_nobody):
        open_host.enrol()
        result = check_as_nobody("certificate_validity", prefix=open_host.prefix, now=open_host.at(9))
        assert result["status"] == "healthy", result
        assert result["data"]["not_checked"] == ["key matches certificate", "signatures"]
        assert "not checked: key matches certificate, signatures" in result["message"]

    def test_key_ids_still_tell_a_stranger(self, open_host, check_as_nobody, strange_authority):
        open_host.enrol(by=strange_authority)
        result = check_as_nobody("certificate_validity", prefix=open_host.prefix, now=open_host.at(9))
        assert result["message"] == "Certificate was not issued by this host's CA certificate"

    def test_the_mode_of_the_key_is_seen(self, open_host, check_as_nobody):
        open_host.enrol()
        os.chmod(open_host.layout.key, 0o620)
        result = check_as_nobody("certificate_validity", prefix=open_host.prefix, now=open_host.at(9))
        assert "mode 0620" in result["message"]


def test_every_python(host, any_python, check_under, strange_authority):
    calls = [("certificate_validity", {"prefix": host.prefix, "now": host.at(9)})]
    host.configure()
    host.enrol()
    (sound,) = check_under(any_python, calls)
    assert sound["status"] == "healthy", sound
    host.enrol(by=strange_authority)
    (strange,) = check_under(any_python, calls)
    assert strange["message"].startswith("Certificate is not accepted by the CA certificate: ")
    host.enrol()
    host.write(host.layout.key, _pem(rsa.generate_private_key(65537, 2048)), 0o600)
    (mismatch,) = check_under(any_python, calls)
    assert mismatch["runbook_url"].endswith("/agent-cert-key-mismatch"), mismatch


def _pem(key, encryption=None):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    )
