"""The reader of certificates against the library ``cryptography``, and against garbage."""

import datetime
import ssl

import pytest
from cryptography import x509 as reference
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from stella_ops.remote.lib import x509

KEY = ec.generate_private_key(ec.SECP256R1())


def make(name="web-01", start=2020, end=2030, usages=(), names=(), serial=None):
    subject = reference.Name(
        [
            reference.NameAttribute(NameOID.ORGANIZATION_NAME, "Fleet"),
            reference.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    builder = (
        reference.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(reference.Name([reference.NameAttribute(NameOID.COMMON_NAME, "Issuing")]))
        .public_key(KEY.public_key())
        .serial_number(serial or reference.random_serial_number())
        .not_valid_before(datetime.datetime(start, 1, 2, 3, 4, 5))
        .not_valid_after(datetime.datetime(end, 12, 30, 23, 59, 58))
        .add_extension(reference.SubjectKeyIdentifier.from_public_key(KEY.public_key()), critical=False)
        .add_extension(reference.AuthorityKeyIdentifier.from_issuer_public_key(KEY.public_key()), critical=False)
    )
    if usages:
        builder = builder.add_extension(reference.ExtendedKeyUsage(usages), critical=True)
    if names:
        builder = builder.add_extension(reference.SubjectAlternativeName(names), critical=False)
    return builder.sign(KEY, hashes.SHA256())


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@settings(max_examples=40, deadline=None)
@given(
    # X.520 ends a common name at 64, which cryptography counts in bytes.
    name=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60).filter(
        lambda name: len(name.encode()) <= 64
    ),
    start=st.integers(1950, 2060),
    life=st.integers(0, 200),
    usages=st.lists(st.sampled_from([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), unique=True),
    serial=st.integers(1, 2**159 - 1),
)
def test_reads_what_cryptography_writes(name, start, life, usages, serial):
    written = make(name, start, start + life, usages, serial=serial)
    read = x509.parse(der(written))
    assert read.subject_cn == name
    assert read.issuer_cn == "Issuing"
    assert read.not_before == written.not_valid_before_utc.timestamp()
    assert read.not_after == written.not_valid_after_utc.timestamp()
    assert read.serial == f"{serial:x}"
    assert read.usages == ([usage.dotted_string for usage in usages] or None)
    assert read.fingerprint == written.fingerprint(hashes.SHA256()).hex()
    assert read.key_id == read.authority_key_id
    assert read.key_id == reference.SubjectKeyIdentifier.from_public_key(KEY.public_key()).digest


def test_alternative_names():
    names = [reference.DNSName("web-01.example"), reference.UniformResourceIdentifier("spiffe://f/a")]
    assert x509.parse(der(make(names=names))).names == ["web-01.example", "spiffe://f/a"]


def test_every_certificate_of_a_chain_in_order():
    chain = "Subject: one\n" + pem(make("one")) + "\nSubject: two\n" + pem(make("two"))
    assert [certificate.subject_cn for certificate in x509.certificates(chain)] == ["one", "two"]


@pytest.mark.parametrize("text", ["", "nothing", pem(make())[:-40], pem(make()).replace("M", "!", 1), "-----BEGIN"])
def test_pem_that_is_none(text):
    with pytest.raises(x509.CertificateError):
        x509.certificates(text)


def test_issuer_by_name_and_key():
    issuer, child = x509.parse(der(make("Issuing"))), x509.parse(der(make("web-01")))
    assert not issuer.may_have_issued(child)  # the names differ by the organisation
    issuer.subject = child.issuer
    assert issuer.may_have_issued(child)
    issuer.key_id = b"another"
    assert not issuer.may_have_issued(child)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_garbage_is_refused_by_one_error(data):
    with pytest.raises(x509.CertificateError):
        x509.parse(data)


GOOD = der(make(usages=[ExtendedKeyUsageOID.CLIENT_AUTH], names=[reference.DNSName("web-01")]))


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_never_raises_another_error(changes):
    damaged = bytearray(GOOD)
    for at, byte in changes:
        damaged[at] = byte
    try:
        x509.parse(bytes(damaged))
    except x509.CertificateError:
        pass


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # real authorities have made odd ones
def test_reads_the_authorities_that_this_machine_trusts():
    authorities = ssl.create_default_context().get_ca_certs(binary_form=True)
    for one in authorities:
        read = x509.parse(one)
        assert read.not_after == reference.load_der_x509_certificate(one).not_valid_after_utc.timestamp()
