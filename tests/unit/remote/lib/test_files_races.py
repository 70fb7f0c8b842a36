"""Root sets modes in folders that others may write to: what is put in the way at the last moment is left alone."""

import os
import stat

import pytest

from stella_ops.remote.lib import files


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("swap", ["link", "another file"])
def test_a_file_that_is_swapped_between_look_and_change(tmp_path, monkeypatch, swap):
    target, victim = tmp_path / "target", tmp_path / "victim"
    target.write_text("")
    target.chmod(0o600)
    victim.write_text("")
    victim.chmod(0o600)
    look = files.look

    def look_then_swap(path, follow=False):
        found = look(path, follow)
        if path == str(target) and not target.is_symlink():
            target.rename(tmp_path / "was")
            if swap == "link":
                target.symlink_to(victim)
            else:
                os.link(victim, target)
        return found

    monkeypatch.setattr(files, "look", look_then_swap)
    with pytest.raises(files.FileError, match="replaced by another"):
        files.set_attributes(str(target), files.Wanted(0o666))
    assert mode_of(victim) == 0o600


def test_modes_are_set_without_proc_too(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_text("")
    for proc in (True, False):
        if not proc:
            monkeypatch.delattr(os, "O_PATH")
        for bits in (0o4711, 0o640, 0o000):
            assert files.set_attributes(str(path), files.Wanted(bits))
            assert mode_of(path) == bits
    folder = tmp_path / "d"
    folder.mkdir()
    assert files.set_attributes(str(folder), files.Wanted(0o2750))
    assert mode_of(folder) == 0o2750
