from __future__ import annotations

import stat
from pathlib import Path


def test_file_and_folder(host):
    made = Path(host("tempfile", path=str(host.folder), suffix=".x")["path"])
    assert made.name.startswith("ansible.")
    assert made.name.endswith(".x")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    made = Path(host("tempfile", path=str(host.folder), state="directory", prefix="p")["path"])
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert made.name.startswith("p")


def test_refusals(host):
    assert "valid file name component" in host("tempfile", prefix="a/b")["msg"]
    assert "No such file" in host("tempfile", path=f"{host.folder}/x")["msg"]
