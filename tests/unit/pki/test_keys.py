import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stella_ops.errors import PkiError
from stella_ops.pki.keys import acceptable, public_key_sha256


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda c: c.name)
def test_good_curves(curve):
    key = ec.generate_private_key(curve).public_key()
    assert acceptable(key) is key


def test_other_good_keys():
    for key in (ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)):
        assert acceptable(key.public_key())


def test_bad_keys():
    for key in (
        ec.generate_private_key(ec.SECP224R1()).public_key(),
        rsa.generate_private_key(65537, 1024).public_key(),
        rsa.RSAPublicNumbers(65537, 2**8200 + 1).public_key(),
        dsa.generate_private_key(2048).public_key(),
        "no key",
    ):
        with pytest.raises(PkiError, match="accepted"):
            acceptable(key)


def test_the_digest_is_of_the_spki():
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert public_key_sha256(key) == hashlib.sha256(spki).hexdigest()
