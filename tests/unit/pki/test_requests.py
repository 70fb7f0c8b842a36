import base64
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.errors import PkiError
from stella_ops.pki.keys import public_key_sha256
from stella_ops.pki.requests import challenge_text, verify_pkcs10, verify_sshsig
from stella_ops.remote.agent.keys import challenge

NAMESPACE = "stella-enrol@stella-ops"


def request_pem(*names, key=None, signer_hash=None):
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, signer_hash or hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


def some_request():
    return request_pem("web1", key=ec.derive_private_key(12345, ec.SECP256R1()))


REQUEST = some_request()


@pytest.mark.parametrize(
    "kind",
    [
        ("EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
        ("EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
        ("RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
        ("ED25519",),
    ],
    ids=["p256", "p384", "rsa2048", "ed25519"],
)
def test_requests_of_openssl(openssl, tmp_path, kind):
    openssl("genpkey", "-algorithm", *kind, "-out", "key.pem")
    openssl("req", "-new", "-key", "key.pem", "-subj", "/CN=web1", "-out", "csr.pem")
    openssl("pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "key.der")
    key = verify_pkcs10((tmp_path / "csr.pem").read_text(), "web1")
    assert openssl("dgst", "-sha256", "-r", "key.der").split()[0] == public_key_sha256(key)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (("EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"), "secp256k1 is not accepted"),
        (("RSA", "-pkeyopt", "rsa_keygen_bits:1024"), "1024 bits is not accepted"),
        (("ED448",), "kind is not accepted"),
    ],
    ids=["secp256k1", "rsa1024", "ed448"],
)
def test_weak_or_odd_keys_are_refused(openssl, tmp_path, kind, message):
    openssl("genpkey", "-algorithm", *kind, "-out", "key.pem")
    openssl("req", "-new", "-key", "key.pem", "-subj", "/CN=web1", "-out", "csr.pem")
    with pytest.raises(PkiError, match=message):
        verify_pkcs10((tmp_path / "csr.pem").read_text(), "web1")


def test_a_request_signed_with_sha1_is_refused(openssl, tmp_path):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key.pem")
    openssl("req", "-new", "-sha1", "-key", "key.pem", "-subj", "/CN=web1", "-out", "csr.pem")
    with pytest.raises(PkiError, match="signature is wrong"):
        verify_pkcs10((tmp_path / "csr.pem").read_text(), "web1")


@pytest.mark.parametrize(
    ("names", "said"), [(["web2"], "'web2'"), ([], "no name"), (["web1", "web2"], "'web1', 'web2'")]
)
def test_a_request_for_another_name_is_refused(names, said):
    with pytest.raises(PkiError, match=f"is for {said}, not for 'web1'"):
        verify_pkcs10(request_pem(*names), "web1")


def test_a_request_with_another_key_put_in_is_refused():
    one, two = (ec.derive_private_key(n, ec.SECP256R1()) for n in (1111111, 2222222))
    der = x509.load_pem_x509_csr(request_pem("web1", key=one).encode()).public_bytes(Encoding.DER)

    def point(key):
        return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    forged = der.replace(point(one), point(two))
    assert forged != der
    pem = ssl.DER_cert_to_PEM_cert(forged).replace("CERTIFICATE-", "CERTIFICATE REQUEST-")
    with pytest.raises(PkiError, match="does not prove"):
        verify_pkcs10(pem, "web1")


@pytest.mark.parametrize("pem", ["", "junk", "x" * 40_000, "ü", REQUEST[:200], None, b"bytes"])
def test_what_is_no_request_is_refused(pem):
    with pytest.raises(PkiError):
        verify_pkcs10(pem, "web1")


@given(st.integers(0, len(REQUEST) - 1), st.characters())
def test_a_changed_request_is_good_or_a_pki_error(at, character):
    changed = REQUEST[:at] + character + REQUEST[at + 1 :]
    try:
        key = verify_pkcs10(changed, "web1")
    except PkiError:
        return
    # Nothing that was signed may have changed: white space and the armour's edges at most.
    assert public_key_sha256(key) == public_key_sha256(verify_pkcs10(REQUEST, "web1"))


@given(st.binary(max_size=300))
def test_any_bytes_in_a_requests_armour(body):
    pem = "-----BEGIN CERTIFICATE REQUEST-----\n%s\n-----END CERTIFICATE REQUEST-----\n"
    with pytest.raises(PkiError):
        verify_pkcs10(pem % base64.b64encode(body).decode(), "web1")


def test_the_challenge_is_the_agents():
    ours = challenge_text(agent_id="a-1", name="web1", environment="prod", token_id="0" * 16)
    assert ours == challenge("a-1", "web1", "prod", "0" * 16 + ".secret")
    assert ours == "stella-enrol/v1\nagent_id=a-1\nname=web1\nenvironment=prod\ntoken_id=0000000000000000\n"


def test_a_proof_by_ssh_keygen(ssh_keygen, openssl, tmp_path):
    line, sign = ssh_keygen("-t", "ecdsa", "-b", "256", "-m", "PKCS8")
    text = challenge_text(agent_id="a-1", name="web1", environment="prod", token_id="0" * 16)
    key = verify_sshsig(line, sign(text, NAMESPACE), text, NAMESPACE)
    openssl("pkey", "-in", "id", "-pubout", "-outform", "DER", "-out", "key.der")
    assert openssl("dgst", "-sha256", "-r", "key.der").split()[0] == public_key_sha256(key)


@pytest.mark.parametrize("line", [None, 3, ["x"]])
def test_a_proof_that_is_no_text(line):
    with pytest.raises(PkiError):
        verify_sshsig(line, "x", "x", "x")
    with pytest.raises(PkiError):
        verify_sshsig("x", line, "x", "x")
