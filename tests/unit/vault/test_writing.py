from __future__ import annotations

import os
from pathlib import Path

import pytest

from stella_ops.errors import VaultError
from stella_ops.vault.writing import write_file


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_a_new_file_is_the_owners_alone(tmp_path: Path) -> None:
    write_file(tmp_path / "a", b"x")
    assert ((tmp_path / "a").read_bytes(), mode(tmp_path / "a")) == (b"x", 0o600)


@pytest.mark.parametrize(("private", "wanted"), [(False, 0o644), (True, 0o600)])
def test_mode_of_a_file_that_was_there(tmp_path: Path, private: bool, wanted: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_file(path, b"new", private=private)
    assert (path.read_bytes(), mode(path), os.listdir(tmp_path)) == (b"new", wanted, ["a"])


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321)
    write_file(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_bytes() == b"new"


def test_what_was_there_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"the secret")
    with path.open("rb") as held:  # the old file itself, after its name has gone to the new one
        write_file(path, b"new", erase=True)
        assert held.read() == bytes(10)
    assert path.read_bytes() == b"new"


def test_another_name_of_the_file_is_left_alone(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"the secret")
    other.hardlink_to(path)
    write_file(path, b"new", erase=True)
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"the secret")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="cannot write"):
        write_file(tmp_path / "none" / "a", b"x")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VaultError, match="No space left"):
        write_file(path, b"new", erase=True)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["a"])
