import shutil
import subprocess
from pathlib import Path

import pytest

from stella_ops.errors import LabError
from stella_ops.lab.keys import ensure_key


def test_a_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "client"
    line = ensure_key(path)
    written = path.read_bytes()
    assert line.startswith("ssh-ed25519 ")
    assert path.stat().st_mode & 0o777 == 0o600
    assert ensure_key(path) == line
    assert path.read_bytes() == written


def test_a_mode_that_was_opened_is_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "client"
    ensure_key(path)
    path.chmod(0o644)
    ensure_key(path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="left out: no ssh-keygen on this machine")
def test_openssh_reads_the_key(tmp_path: Path) -> None:
    path = tmp_path / "client"
    line = ensure_key(path)
    shown = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, text=True, check=True).stdout
    assert shown.split()[:2] == line.split()


def test_a_spoiled_key_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "client"
    path.write_text("no key")
    with pytest.raises(LabError, match="client"):
        ensure_key(path)
