"""The release key: OpenSSL and OpenSSH themselves check what it signed."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stella_ops.errors import ReleaseError
from stella_ops.pki import sshsig
from stella_ops.releases.signing import KEY_NAME, NAMESPACE, ReleaseKey

PACKAGE = b"#!/usr/bin/env python3\n" + bytes(range(256)) * 64


def openssl_accepts(folder: Path, key: ReleaseKey, der: bytes, data: bytes) -> bool:
    (folder / "release.pem").write_text(key.public_pem)
    (folder / "file").write_bytes(data)
    (folder / "file.sig").write_bytes(der)
    line = ["openssl", "dgst", "-sha256", "-verify", "release.pem", "-signature", "file.sig", "file"]
    return subprocess.run(line, cwd=folder, capture_output=True, check=False).returncode == 0


def openssh_accepts(folder: Path, key: ReleaseKey, armored: str, data: bytes, namespace: str = NAMESPACE) -> bool:
    (folder / "signers").write_text(f"release {key.public_ssh}\n")
    (folder / "file.sshsig").write_text(armored)
    line = ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "release", "-n", namespace, "-s", "file.sshsig"]
    return subprocess.run(line, cwd=folder, input=data, capture_output=True, check=False).returncode == 0


@pytest.fixture
def key(tmp_path: Path) -> ReleaseKey:
    return ReleaseKey.load_or_create(tmp_path / "keys", None)


@pytest.mark.parametrize("data", [b"", PACKAGE], ids=["empty", "package"])
def test_openssl_and_openssh_accept_what_was_signed(tmp_path: Path, key: ReleaseKey, data: bytes) -> None:
    signature = key.sign(data)
    assert openssl_accepts(tmp_path, key, signature.der, data)
    assert openssh_accepts(tmp_path, key, signature.sshsig, data)


def test_numbers_of_every_length_are_written_as_openssh_wants_them(tmp_path: Path, key: ReleaseKey) -> None:
    """r and s have a leading zero byte half of the time, and are a byte shorter now and then."""
    for number in range(40):
        data = b"%d" % number
        assert openssh_accepts(tmp_path, key, key.sign(data).sshsig, data), data


@pytest.mark.parametrize("at", [0, len(PACKAGE) // 2, len(PACKAGE) - 1])
def test_one_flipped_byte_is_refused(tmp_path: Path, key: ReleaseKey, at: int) -> None:
    signature = key.sign(PACKAGE)
    damaged = bytearray(PACKAGE)
    damaged[at] ^= 1
    assert not openssl_accepts(tmp_path, key, signature.der, bytes(damaged))
    assert not openssh_accepts(tmp_path, key, signature.sshsig, bytes(damaged))


def test_another_key_and_another_purpose_are_refused(tmp_path: Path, key: ReleaseKey) -> None:
    other = ReleaseKey.load_or_create(tmp_path / "others", None)
    signature = key.sign(PACKAGE)
    assert not openssl_accepts(tmp_path, other, signature.der, PACKAGE)
    assert not openssh_accepts(tmp_path, other, signature.sshsig, PACKAGE)
    assert not openssh_accepts(tmp_path, key, signature.sshsig, PACKAGE, namespace="file")


def test_our_own_reader_takes_it_as_well(key: ReleaseKey) -> None:
    public, blob = sshsig.read_public_key(key.public_ssh)
    sshsig.check_signature(sshsig.read_signature(key.sign(PACKAGE).sshsig), public, blob, PACKAGE, NAMESPACE)


def test_the_key_stays_the_same_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        first = ReleaseKey.load_or_create(tmp_path / "new" / "keys", None)
    finally:
        os.umask(previous)
    assert ReleaseKey.load_or_create(tmp_path / "new" / "keys", None).public_pem == first.public_pem
    assert [path.name for path in (tmp_path / "new" / "keys").iterdir()] == [KEY_NAME]
    assert (tmp_path / "new" / "keys" / KEY_NAME).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new" / "keys").stat().st_mode & 0o777 == 0o700
    assert not first.encrypted and "PRIVATE" not in repr(first)


def test_a_key_that_others_may_read_is_closed(tmp_path: Path, key: ReleaseKey) -> None:
    key.path.chmod(0o644)
    ReleaseKey.load_or_create(key.path.parent, None)
    assert key.path.stat().st_mode & 0o777 == 0o600


def test_with_a_passphrase_the_key_is_encrypted(tmp_path: Path) -> None:
    made = ReleaseKey.load_or_create(tmp_path, b"correct horse")
    assert made.encrypted and b"ENCRYPTED" in made.path.read_bytes()
    assert ReleaseKey.load_or_create(tmp_path, b"correct horse").public_ssh == made.public_ssh
    for wrong in (None, b"battery staple"):
        with pytest.raises(ReleaseError) as caught:
            ReleaseKey.load_or_create(tmp_path, wrong)
        assert caught.value.hint and str(made.path) in str(caught.value)


def test_many_at_once_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = list(pool.map(lambda _: ReleaseKey.load_or_create(tmp_path, None).public_pem, range(32)))
    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [KEY_NAME]


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_key_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_NAME).write_bytes(content)
    with pytest.raises(ReleaseError, match="release key cannot be read") as caught:
        ReleaseKey.load_or_create(tmp_path, None)
    assert caught.value.hint and "backup" in caught.value.hint


def test_a_key_of_another_kind_is_told(tmp_path: Path) -> None:
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / KEY_NAME], check=True)
    with pytest.raises(ReleaseError, match="P-256"):
        ReleaseKey.load_or_create(tmp_path, None)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ReleaseError, match="cannot be kept"):
        ReleaseKey.load_or_create(tmp_path / "file" / "keys", None)
