import os
import stat
from pathlib import Path

import pytest

from stella_ops import atomic_files


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def fail(file, problem):
    file.write(b"new")
    raise problem


def test_a_file_is_put_in_its_place_with_its_mode(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    atomic_files.write(path, "né\r\nw", mode=0o640)
    assert path.read_bytes() == b"n\xc3\xa9\r\nw"
    assert mode(path) == 0o640
    assert os.listdir(tmp_path) == ["file"]


def test_a_new_file_is_private_until_it_has_its_name(tmp_path):
    path = tmp_path / "file"
    with atomic_files.replacing(path, mode=0o644) as file:
        file.write(b"x")
        (part,) = tmp_path.iterdir()
        assert part != path
        assert mode(part) == 0o600
    assert mode(path) == 0o644


@pytest.mark.parametrize("problem", [OSError, KeyboardInterrupt, ValueError])
def test_what_goes_wrong_leaves_the_old_file_and_nothing_else(tmp_path, problem):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(problem), atomic_files.replacing(path) as file:
        fail(file, problem)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "target").write_text("kept")
    (tmp_path / "link").symlink_to("target")
    atomic_files.write(tmp_path / "link", b"new")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "kept"


def test_a_file_that_is_there_is_not_created_again(tmp_path):
    path = tmp_path / "key"
    assert atomic_files.create(path, b"first")
    assert not atomic_files.create(path, b"second")
    assert path.read_bytes() == b"first"
    assert mode(path) == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_what_is_delivered_goes_through_links_and_keeps_the_mode(tmp_path):
    target = tmp_path / "target"
    target.write_text("old")
    target.chmod(0o604)
    (tmp_path / "link").symlink_to("target")
    atomic_files.deliver(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert target.read_text() == "new"
    assert mode(target) == 0o604
    atomic_files.deliver(tmp_path / "fresh", "new")
    assert mode(tmp_path / "fresh") == atomic_files.usual_mode()


def test_what_is_delivered_to_a_pipe_is_written_into_it(tmp_path):
    reader, writer = os.pipe()
    try:
        atomic_files.deliver(Path(f"/proc/self/fd/{writer}"), "said")
        assert os.read(reader, 10) == b"said"
    finally:
        os.close(reader)
        os.close(writer)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        atomic_files.write(tmp_path / "none" / "file", b"")


def test_the_usual_mode_is_what_the_umask_leaves():
    before = os.umask(0o027)
    try:
        assert atomic_files.usual_mode() == 0o640
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
