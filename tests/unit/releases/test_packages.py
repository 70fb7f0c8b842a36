import fcntl

import pytest

from stella_ops.errors import ReleaseError
from stella_ops.releases import build
from stella_ops.releases.packages import ensure_package


def test_builds_when_missing_and_then_leaves_it(tmp_path):
    first = ensure_package(tmp_path, "1.0.0")
    assert first.path == tmp_path / "1.0.0" / "stella-agent.pyz"
    written = first.path.stat().st_mtime_ns
    assert ensure_package(tmp_path, "1.0.0") == first
    assert first.path.stat().st_mtime_ns == written


def test_builds_again_when_the_file_is_damaged(tmp_path):
    first = ensure_package(tmp_path, "1.0.0")
    first.path.write_bytes(first.path.read_bytes()[:-1])
    assert ensure_package(tmp_path, "1.0.0") == first
    assert first.path.stat().st_size == first.size


def test_builds_again_when_the_source_has_changed(tmp_path, monkeypatch):
    first = ensure_package(tmp_path, "1.0.0")
    monkeypatch.setattr(build, "_MAIN", build._MAIN + "# changed\n")
    second = ensure_package(tmp_path, "1.0.0")
    assert second.sha256 != first.sha256
    assert second.path.stat().st_size == second.size


def test_a_package_that_another_has_built_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    """Another controller reads it to send it: a new file in its place would stop that."""
    lock = fcntl.flock
    made = []

    def built_while_we_wait(descriptor, how):
        made.append(build.build_agent(tmp_path / "1.0.0" / "stella-agent.pyz", "1.0.0").path.stat().st_ino)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", built_while_we_wait)
    package = ensure_package(tmp_path, "1.0.0")
    assert made == [package.path.stat().st_ino]
    assert [path.name for path in package.path.parent.iterdir()] == ["stella-agent.pyz"]


def test_a_folder_in_the_files_place_is_an_error(tmp_path):
    (tmp_path / "1.0.0" / "stella-agent.pyz").mkdir(parents=True)
    with pytest.raises(ReleaseError, match="cannot be read"):
        ensure_package(tmp_path, "1.0.0")


def test_a_version_never_leaves_the_folder(tmp_path):
    with pytest.raises(ReleaseError, match="cannot be a version"):
        ensure_package(tmp_path / "releases", "../up")
    assert list(tmp_path.iterdir()) == []
