import hashlib
import os
import subprocess
import sys
import zipfile

import pytest

from stella_ops.errors import ReleaseError
from stella_ops.releases import build
from stella_ops.releases.build import build_agent


def test_same_source_same_bytes(tmp_path):
    first = build_agent(tmp_path / "a.pyz", "1.0.0")
    os.umask(os.umask(0))  # whatever the umask and the hash seed are
    script = "import sys; from pathlib import Path; from stella_ops.releases.build import build_agent\n"
    script += "build_agent(Path(sys.argv[1]), '1.0.0')"
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        subprocess.run(
            [sys.executable, "-c", f"import os; os.umask(0o77)\n{script}", str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            check=True,
        )
        assert (tmp_path / seed).read_bytes() == first.path.read_bytes()


def test_what_it_reports_is_what_is_there(tmp_path):
    package = build_agent(tmp_path / "deep" / "stella-agent.pyz", "1.0.0")
    data = package.path.read_bytes()
    assert (package.version, package.size) == ("1.0.0", len(data))
    assert package.sha256 == hashlib.sha256(data).hexdigest()
    assert data.startswith(b"#!/usr/bin/env python3\n")
    assert os.access(package.path, os.X_OK)
    done = subprocess.run([str(package.path), "version"], capture_output=True, text=True, check=True)
    assert done.stdout == "1.0.0\n"


def test_holds_the_agent_and_no_more_of_the_house(tmp_path):
    with zipfile.ZipFile(build_agent(tmp_path / "a.pyz", "1.0.0").path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == sorted(names)
        assert archive.read("stella_ops/__init__.py") == b""
        assert archive.read("stella_ops/remote/agent/VERSION") == b"1.0.0\n"
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert "stella_ops/remote/agent/service.py" in names
    assert "stella_ops/remote/lib/layout.py" in names
    assert not [name for name in names if "runner" in name or "facts" in name or "agent_host" in name]


def test_another_version_gives_another_package(tmp_path):
    one, two = (build_agent(tmp_path / v, v) for v in ("1.0.0", "1.0.1"))
    assert one.sha256 != two.sha256


@pytest.mark.parametrize("version", ["", "../1", "1 0", "-1", "1.0\n", "x" * 65])
def test_refuses_what_cannot_be_a_version(tmp_path, version):
    with pytest.raises(ReleaseError, match="cannot be a version"):
        build_agent(tmp_path / "a.pyz", version)


def test_a_failed_build_leaves_the_old_package(tmp_path, monkeypatch):
    path = build_agent(tmp_path / "a.pyz", "1.0.0").path
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ReleaseError, match="No space left"):
        build_agent(path, "1.0.1")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReleaseError, match="cannot be written"):
        build_agent(tmp_path / "file" / "a.pyz", "1.0.0")


def test_broken_source_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "agent").mkdir()
    monkeypatch.setattr(build, "_REMOTE", tmp_path)
    with pytest.raises(ReleaseError, match="not there"):
        build_agent(tmp_path / "a.pyz", "1.0.0")
    (tmp_path / "agent" / "cli.py").write_text("def (:\n")
    with pytest.raises(ReleaseError, match="broken"):
        build_agent(tmp_path / "a.pyz", "1.0.0")
