import base64
import hashlib
import struct
import subprocess
import textwrap

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.errors import PkiError
from stella_ops.pki.requests import verify_sshsig
from stella_ops.pki.sshsig import read_public_key, read_signature

SPACE = "stella-enrol@stella-ops"
TEXT = "the challenge\n"
KEY = ec.derive_private_key(987654321, ec.SECP256R1())
LINE = KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def wire(*fields):
    return b"".join(struct.pack(">I", len(field)) + field for field in fields)


def mpint(number):
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def armored(blob):
    body = "\n".join(textwrap.wrap(base64.b64encode(blob).decode(), 70))
    return f"-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n"


def made_blob(*, magic=b"SSHSIG", version=1, space=SPACE, reserved=b"", digest=b"sha512", tail=b"", r=None):
    """A signature written by this test from the protocol's text, with things to get wrong."""
    key_blob = base64.b64decode(LINE.split()[1])
    message = hashlib.new(digest.decode() if digest in (b"sha256", b"sha512") else "sha1", TEXT.encode()).digest()
    der = KEY.sign(b"SSHSIG" + wire(space.encode(), reserved, digest, message), ec.ECDSA(hashes.SHA256()))
    number, s = decode_dss_signature(der)
    raw = wire(b"ecdsa-sha2-nistp256", wire(r if r is not None else mpint(number), mpint(s)))
    return magic + struct.pack(">I", version) + wire(key_blob, space.encode(), reserved, digest, raw) + tail


BLOB = made_blob()


@pytest.mark.parametrize(
    "kind",
    [
        ("-t", "ecdsa", "-b", "256"),
        ("-t", "ecdsa", "-b", "384"),
        ("-t", "ecdsa", "-b", "521"),
        ("-t", "ed25519"),
        ("-t", "rsa", "-b", "2048"),
        ("-t", "ecdsa", "-b", "256", "-m", "PKCS8"),
    ],
    ids=" ".join,
)
def test_signatures_of_ssh_keygen(ssh_keygen, kind):
    line, sign = ssh_keygen(*kind)
    other_line, _ = ssh_keygen(*kind, name="other")
    signature = sign(TEXT, SPACE)
    verify_sshsig(line, signature, TEXT, SPACE)
    for wrong in [
        (line, signature, TEXT + "x", SPACE),
        (line, signature, TEXT, "git"),
        (other_line, signature, TEXT, SPACE),
        (line, sign(TEXT, "git"), TEXT, SPACE),
    ]:
        with pytest.raises(PkiError):
            verify_sshsig(*wrong)


@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_both_hashes_of_ssh_keygen(tmp_path, ssh_keygen, digest):
    line, _ = ssh_keygen("-t", "ecdsa", "-b", "256")
    command = [
        "ssh-keygen",
        "-q",
        "-Y",
        "sign",
        "-n",
        SPACE,
        "-O",
        f"hashalg={digest}",
        "-f",
        tmp_path / "id",
    ]
    done = subprocess.run(command, input=TEXT.encode(), capture_output=True, check=True)
    verify_sshsig(line, done.stdout.decode(), TEXT, SPACE)


def test_a_signature_written_by_the_protocol_is_good():
    verify_sshsig(LINE, armored(BLOB), TEXT, SPACE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"magic": b"SSHSIX"}, "no SSH signature"),
        ({"version": 2}, "version 2"),
        ({"reserved": b"x"}, "reserved"),
        ({"digest": b"sha1"}, "hash algorithm"),
        ({"space": "git"}, "another purpose"),
        ({"tail": b"\0"}, "after its end"),
        ({"r": b""}, "malformed number"),
        ({"r": b"\x80"}, "malformed number"),
        ({"r": b"\0\x01"}, "malformed number"),
        ({"r": b"\0"}, "malformed number"),
        ({"r": b"\x01"}, "wrong"),
        ({"r": b"\x01" * 2000}, "wrong"),
    ],
    ids=str,
)
def test_signatures_with_one_thing_wrong(change, message):
    with pytest.raises(PkiError, match=message):
        verify_sshsig(LINE, armored(made_blob(**change)), TEXT, SPACE)


def test_another_keys_algorithm_is_refused(ssh_keygen):
    line, _ = ssh_keygen("-t", "ed25519")
    blob = base64.b64decode(line.split()[1])
    ours = base64.b64decode(LINE.split()[1])
    with pytest.raises(PkiError, match="does not belong"):
        verify_sshsig(line, armored(BLOB.replace(wire(ours), wire(blob))), TEXT, SPACE)


@pytest.mark.parametrize("kind", [("-t", "rsa", "-b", "1024")], ids=" ".join)
def test_weak_keys_are_refused(ssh_keygen, kind):
    line, sign = ssh_keygen(*kind)
    with pytest.raises(PkiError, match="1024 bits"):
        verify_sshsig(line, sign(TEXT, SPACE), TEXT, SPACE)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp256 !!!!",
        "ssh-ed25519 " + LINE.split()[1],
        LINE + "\n" + LINE,
        'command="x" ' + LINE,
        LINE[:60],
        "x " * 20_000,
        "ssh-dss " + base64.b64encode(wire(b"ssh-dss", b"\1", b"\1", b"\1", b"\1")).decode(),
        "ecdsa-sha2-nistp256 "
        + base64.b64encode(wire(b"ecdsa-sha2-nistp256", b"nistp256", b"\4" + b"\1" * 64)).decode(),
        "ssh-rsa " + base64.b64encode(wire(b"ssh-rsa", b"\1", b"\0" + b"\xff" * 256)).decode(),
        "ssh-rsa " + base64.b64encode(wire(b"ssh-rsa", b"\x01\x00\x01", b"\0" + b"\xff" * 2049)).decode(),
    ],
)
def test_lines_that_are_no_acceptable_key(line):
    with pytest.raises(PkiError):
        read_public_key(line)


@given(st.integers(0, len(BLOB) - 1), st.integers(0, 255))
def test_a_changed_byte_is_never_accepted(at, value):
    changed = BLOB[:at] + bytes([value]) + BLOB[at + 1 :]
    if changed == BLOB:
        verify_sshsig(LINE, armored(changed), TEXT, SPACE)
    else:
        with pytest.raises(PkiError):
            verify_sshsig(LINE, armored(changed), TEXT, SPACE)


@given(st.integers(0, len(BLOB) - 1))
def test_a_cut_signature_is_refused(size):
    with pytest.raises(PkiError):
        verify_sshsig(LINE, armored(BLOB[:size]), TEXT, SPACE)


@given(st.text(max_size=400), st.text(max_size=400))
def test_any_text_is_refused(line, signature):
    with pytest.raises(PkiError):
        verify_sshsig(line, LINE, TEXT, SPACE)
    with pytest.raises(PkiError):
        verify_sshsig(LINE, signature, TEXT, SPACE)


@given(st.binary(max_size=200))
def test_any_blob_is_refused(blob):
    with pytest.raises(PkiError):
        read_signature(armored(b"SSHSIG\0\0\0\1" + blob[:100]))
    with pytest.raises(PkiError):
        read_public_key("ecdsa-sha2-nistp256 " + base64.b64encode(wire(b"ecdsa-sha2-nistp256") + blob).decode())
    with pytest.raises(PkiError):
        read_public_key("ssh-rsa " + base64.b64encode(wire(b"ssh-rsa") + blob).decode())
    with pytest.raises(PkiError):
        read_public_key("ssh-ed25519 " + base64.b64encode(wire(b"ssh-ed25519") + blob).decode())


@given(st.lists(st.binary(max_size=40), min_size=3, max_size=6))
def test_well_formed_nonsense_is_refused(fields):
    key_blob = base64.b64decode(LINE.split()[1])
    blob = b"SSHSIG\0\0\0\1" + wire(key_blob, SPACE.encode(), b"", b"sha512", wire(*fields))
    with pytest.raises(PkiError):
        verify_sshsig(LINE, armored(blob), TEXT, SPACE)
