import subprocess
from datetime import UTC, datetime

import pytest

from stella_ops.pki.authority import CertificateAuthority

NOW = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def clock():
    return lambda: NOW


@pytest.fixture
def authority(tmp_path, clock):
    return CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock)


@pytest.fixture
def openssl(tmp_path):
    """Runs the real openssl in a folder of the test's."""

    def run(*args, ok=True):
        done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True, cwd=tmp_path, timeout=60)
        assert not ok or done.returncode == 0, done.stderr
        return done.stdout + ("" if ok else done.stderr)

    return run


@pytest.fixture
def ssh_keygen(tmp_path):
    """Makes a key with the real ssh-keygen, and signs with it: returns the public key line and the signer."""

    def make(*kind, name="id"):
        file = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", *kind, "-N", "", "-C", "a comment", "-f", file], check=True, timeout=60)

        def sign(text, namespace):
            done = subprocess.run(
                ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", file],
                input=text.encode(),
                capture_output=True,
                check=True,
                timeout=60,
            )
            return done.stdout.decode()

        return file.with_suffix(".pub").read_text(), sign

    return make
