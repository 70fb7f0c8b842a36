import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from stella_ops.errors import PkiError
from stella_ops.pki import authority_files
from stella_ops.pki.authority import CertificateAuthority

CREATE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
sys.stdin.read(1)
from stella_ops.pki.authority import CertificateAuthority
folder, clock = Path(sys.argv[1]), lambda: datetime.now(UTC)
made = CertificateAuthority.load_or_create(folder, passphrase=None, clock=clock)
print(made.pin, made.created)
"""

# Dies by SIGKILL right after the Nth file was written, or right before the folder is put in its place.
DIE = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from stella_ops.pki import authority_files
left = int(sys.argv[2])
def die():
    os.kill(os.getpid(), signal.SIGKILL)
write = authority_files._write
def counted(*args):
    global left
    if left == 0:
        die()
    left -= 1
    write(*args)
authority_files._write = counted
Path.rename = lambda *args: die()
folder, now = Path(sys.argv[1]), datetime.now(UTC)
authority_files.create_authority(folder, passphrase=None, now=now, key_type="ecdsa-p256")
"""


def load(folder):
    return CertificateAuthority.load_or_create(folder, passphrase=None, clock=lambda: datetime.now(UTC))


def test_concurrent_first_uses_make_one_authority(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, str(tmp_path / "ca")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:
        process.stdin.write("x")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].split() for process in processes]
    assert len({pin for pin, _ in said}) == 1
    assert sorted(created for _, created in said) == ["False"] * 5 + ["True"]


@pytest.mark.parametrize("files", [0, 1, 3, 4])
def test_a_kill_leaves_no_half_authority(tmp_path, files):
    died = subprocess.run([sys.executable, "-c", DIE, str(tmp_path / "ca"), str(files)], timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert not (tmp_path / "ca").exists()
    assert load(tmp_path / "ca").created
    assert sorted(os.listdir(tmp_path)) == ["ca", "ca.lock"]


def test_an_empty_folder_becomes_the_authoritys(tmp_path):
    (tmp_path / "ca").mkdir()
    assert load(tmp_path / "ca").created


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PkiError, match="cannot be made"):
        authority_files.create_authority(
            tmp_path / "file" / "ca", passphrase=None, now=datetime.now(UTC), key_type="ecdsa-p256"
        )
