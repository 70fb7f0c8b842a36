import stat
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from stella_ops.errors import PkiError
from stella_ops.pki.authority import CertificateAuthority, is_dns_name
from stella_ops.pki.keys import AUTHORITY_KEYS, public_key_sha256
from stella_ops.settings_file import CA_KEY_TYPES


def issue(authority, now, *, name="web1.example", key=None, **more):
    public = (key or ec.generate_private_key(ec.SECP256R1())).public_key()
    return authority.issue_agent_certificate(public, agent_id="a-1", name=name, now=now, **more)


def leaf_of(issued):
    return x509.load_pem_x509_certificates(issued.pem.encode())[0]


def test_made_once_and_loaded_after(tmp_path, clock, authority):
    again = CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock)
    assert (authority.created, again.created) == (True, False)
    assert again.pin == authority.pin == authority.root.fingerprint(hashes.SHA256()).hex()
    assert again.root_pem == (tmp_path / "ca" / "root.crt").read_text()


def test_without_passphrase_keys_are_private_and_a_warning_says_so(tmp_path, authority):
    assert stat.S_IMODE((tmp_path / "ca").stat().st_mode) == 0o700
    for name in ("root.key", "issuing.key"):
        assert stat.S_IMODE((tmp_path / "ca" / name).stat().st_mode) == 0o600
        load_pem_private_key((tmp_path / "ca" / name).read_bytes(), None)
    assert "not encrypted" in authority.warnings[0]
    assert not authority.encrypted


def test_with_a_passphrase_keys_are_encrypted(tmp_path, clock):
    made = CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=b"word", clock=clock)
    assert made.encrypted
    assert made.warnings == []
    for name in ("root.key", "issuing.key"):
        assert (tmp_path / "ca" / name).read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=b"word", clock=clock).pin == made.pin
    with pytest.raises(PkiError, match="passphrase is wrong"):
        CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=b"other", clock=clock)
    with pytest.raises(PkiError, match="no passphrase is configured") as caught:
        CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock)
    assert "passphrase_file" in caught.value.hint


def test_a_passphrase_that_came_later_is_warned_of(tmp_path, clock, authority):
    later = CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=b"word", clock=clock)
    assert "made without one" in later.warnings[0]


def test_keys_that_others_can_read_are_warned_of(tmp_path, clock, authority):
    (tmp_path / "ca" / "issuing.key").chmod(0o644)
    later = CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock)
    assert any("chmod 600" in warning for warning in later.warnings)


def test_the_root_key_may_be_elsewhere(tmp_path, clock, now, authority):
    (tmp_path / "ca" / "root.key").rename(tmp_path / "offline")
    issue(CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock), now)


@pytest.mark.parametrize("name", ["root.crt", "issuing.crt", "issuing.key"])
def test_a_missing_or_damaged_file_is_never_made_anew(tmp_path, clock, authority, name):
    path = tmp_path / "ca" / name
    path.write_text("damaged")
    with pytest.raises(PkiError, match="damaged"):
        CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock)
    path.unlink()
    with pytest.raises(PkiError, match="cannot be read") as caught:
        CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock)
    assert "backup" in caught.value.hint
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("root.crt", "not issued by"), ("issuing.crt", "not issued by"), ("issuing.key", "not belong")],
)
def test_files_of_another_authority_are_refused(tmp_path, clock, authority, name, message):
    CertificateAuthority.load_or_create(tmp_path / "other", passphrase=None, clock=clock)
    (tmp_path / "other" / name).rename(tmp_path / "ca" / name)
    with pytest.raises(PkiError, match=message):
        CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock)


@pytest.mark.parametrize("key_type", CA_KEY_TYPES[:3])
def test_openssl_accepts_the_chain(tmp_path, clock, now, openssl, key_type):
    authority = CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock, key_type=key_type)
    issued = issue(authority, now)
    (tmp_path / "chain.pem").write_text(issued.pem)
    said = openssl(
        *("verify", "-x509_strict", "-purpose", "sslclient", "-attime", int(now.timestamp())),
        *("-CAfile", "ca/root.crt", "-untrusted", "chain.pem", "chain.pem"),
    )
    assert said.strip() == "chain.pem: OK"
    as_server = openssl(
        *("verify", "-purpose", "sslserver", "-attime", int(now.timestamp())),
        *("-CAfile", "ca/root.crt", "-untrusted", "chain.pem", "chain.pem"),
        ok=False,
    )
    assert "chain.pem: OK" not in as_server


def test_the_key_types_of_settings_are_those_that_can_be_made():
    assert tuple(AUTHORITY_KEYS) == CA_KEY_TYPES


def test_an_unknown_key_type(tmp_path, clock):
    with pytest.raises(PkiError, match="unknown key type"):
        CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock, key_type="dsa")


def test_what_is_in_an_agents_certificate(authority, now):
    key = ec.generate_private_key(ec.SECP256R1())
    issued = issue(authority, now, key=key, serial=0xABC)
    leaf = leaf_of(issued)
    extension = leaf.extensions.get_extension_for_oid
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "web1.example"
    assert leaf.public_key() == key.public_key()
    assert leaf.serial_number == 0xABC
    assert issued.serial == "abc"
    names = extension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["stella://agent/a-1"]
    assert names.get_values_for_type(x509.DNSName) == ["web1.example"]
    assert list(extension(ExtensionOID.EXTENDED_KEY_USAGE).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert extension(ExtensionOID.BASIC_CONSTRAINTS).critical
    assert not extension(ExtensionOID.BASIC_CONSTRAINTS).value.ca
    assert extension(ExtensionOID.KEY_USAGE).value.digital_signature
    assert not extension(ExtensionOID.KEY_USAGE).value.key_cert_sign
    assert issued.fingerprint_sha256 == leaf.fingerprint(hashes.SHA256()).hex()
    assert issued.public_key_sha256 == public_key_sha256(key.public_key())
    assert (issued.not_before, issued.not_after) == (now - timedelta(minutes=5), now + timedelta(days=365))
    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (issued.not_before, issued.not_after)


@pytest.mark.parametrize(
    "key",
    [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)],
    ids=["ed25519", "rsa"],
)
def test_other_kinds_of_agent_keys(authority, now, key):
    assert leaf_of(issue(authority, now, key=key)).public_key() == key.public_key()


def test_names_that_are_no_dns_names_are_common_names_only(authority, now):
    names = leaf_of(issue(authority, now, name="web_1")).extensions.get_extension_for_oid(
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME
    )
    assert names.value.get_values_for_type(x509.DNSName) == []


def test_validity_is_cut_to_the_issuing_certificates(authority, now):
    late = authority.issuing.not_valid_after_utc - timedelta(days=10)
    assert issue(authority, late).not_after == authority.issuing.not_valid_after_utc
    with pytest.raises(PkiError, match="has ended"):
        issue(authority, authority.issuing.not_valid_after_utc + timedelta(days=1))


def test_an_issuing_certificate_near_its_end_is_warned_of(tmp_path, now, authority):
    later = CertificateAuthority.load_or_create(
        tmp_path / "ca", passphrase=None, clock=lambda: now + timedelta(days=5 * 365 - 100)
    )
    assert "the issuing certificate ends in 100 days" in later.warnings


@pytest.mark.parametrize("name", ["x" * 65, ""])
def test_names_that_cannot_be_in_a_certificate(authority, now, name):
    with pytest.raises(PkiError, match="no certificate"):
        issue(authority, now, name=name)


def test_whose_chain_it_is(tmp_path, authority, clock, now):
    issued = issue(authority, now)
    other = CertificateAuthority.load_or_create(tmp_path / "other", passphrase=None, clock=clock)
    assert authority.signed(issued.pem)
    assert not other.signed(issued.pem)
    assert not authority.signed("no PEM")
    assert not authority.signed(authority.root_pem)


def test_what_ca_show_tells(authority):
    told = authority.describe()
    assert told["pin"] == authority.pin
    assert told["root"]["not_after"] == "2035-03-02T05:06:07Z"
    assert told["issuing"]["subject"].startswith("CN=Stella Issuing CA")
    assert "PRIVATE" not in repr(authority) + repr(told)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("web1", True),
        ("a.b-c.example", True),
        ("10.0.0.1", False),
        ("web_1", False),
        ("-a", False),
        ("a..b", False),
    ],
)
def test_dns_names(name, is_one):
    assert is_dns_name(name) is is_one
