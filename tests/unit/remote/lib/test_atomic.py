from __future__ import annotations

import os
import stat

import pytest

from stella_ops.remote.lib import atomic, files


@pytest.fixture(params=["unnamed", "named", "without O_TMPFILE"])
def way(request, monkeypatch):
    """The three ways to write: how the name of the new file comes about."""
    if request.param == "without O_TMPFILE":
        monkeypatch.delattr(os, "O_TMPFILE")
    return request.param == "named"


def test_replaces(tmp_path, way):
    path = tmp_path / "f"
    path.write_text("old")
    path.chmod(0o640)
    with atomic.Replacement(str(path), named=way) as new:
        new.write(b"ne")
        new.write(b"w")
        assert path.read_text() == "old"
        new.commit()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["f"]


def test_without_commit_nothing_happens(tmp_path, way):
    with atomic.Replacement(str(tmp_path / "f"), named=way) as new:
        new.write(b"new")
    assert os.listdir(tmp_path) == []

    def crash():
        with atomic.Replacement(str(tmp_path / "f"), named=way) as new:
            new.write(b"new")
            raise KeyError

    with pytest.raises(KeyError):
        crash()
    assert os.listdir(tmp_path) == []


def test_a_killed_writer_leaves_nothing(tmp_path):
    with atomic.Replacement(str(tmp_path / "probe")) as probe:
        if probe.temporary is not None:
            pytest.skip("this filesystem knows no unnamed files")
    pid = os.fork()
    if pid == 0:
        new = atomic.Replacement(str(tmp_path / "f")).__enter__()
        new.write(b"half")
        os._exit(9)
    os.waitpid(pid, 0)
    assert os.listdir(tmp_path) == []


def test_wanted_attributes_come_with_the_file(tmp_path, way):
    path = tmp_path / "f"
    with atomic.Replacement(str(path), named=way) as new:
        new.write(b"key")
        new.commit(files.Wanted(mode="0600"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(files.FileError, match="does not exist"), atomic.Replacement(str(tmp_path / "a/f")):
        pass


def test_a_folder_is_not_replaced(tmp_path, way):
    (tmp_path / "d").mkdir()
    with (
        pytest.raises(files.FileError, match="is a directory"),
        atomic.Replacement(str(tmp_path / "d"), named=way) as new,
    ):
        new.commit()
    assert os.listdir(tmp_path) == ["d"]


def test_a_relative_path(tmp_path, monkeypatch, way):
    monkeypatch.chdir(tmp_path)
    with atomic.Replacement("f", named=way) as new:
        new.write(b"x")
        new.commit()
    assert (tmp_path / "f").read_bytes() == b"x"


def test_acl_is_kept(tmp_path, way):
    path = tmp_path / "f"
    path.touch()
    # Version 2; owner rw, user 65534 r, group r, mask r, others nothing: acl(5) as the kernel stores it.
    entries = [(1, 6, -1), (2, 4, 65534), (4, 4, -1), (16, 4, -1), (32, 0, -1)]
    order = "little"  # on every machine
    acl = (2).to_bytes(4, order) + b"".join(
        tag.to_bytes(2, order) + perm.to_bytes(2, order) + (who % 2**32).to_bytes(4, order)
        for tag, perm, who in entries
    )
    try:
        os.setxattr(path, "system.posix_acl_access", acl)
    except OSError as error:
        pytest.skip(f"this filesystem has no access lists: {error}")
    with atomic.Replacement(str(path), named=way) as new:
        new.write(b"x")
        new.commit()
    assert os.getxattr(path, "system.posix_acl_access") == acl


def test_backup(tmp_path):
    path = tmp_path / "f"
    path.write_text("x")
    path.chmod(0o604)
    os.utime(path, (10, 10))
    copy = atomic.backup(str(path))
    assert copy.startswith(str(path) + ".")
    found = os.stat(copy)
    assert (stat.S_IMODE(found.st_mode), found.st_mtime) == (0o604, 10)
