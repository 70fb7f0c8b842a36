import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from stella_ops.engine.own_files import is_out_of_reach

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
OTHER = "nobody"


@pytest.fixture
def folder(tmp_path):
    # pytest's own folders are private to us up to here
    made = tmp_path / "project"
    made.mkdir(mode=0o755)
    (made / "file").write_text("x")
    (made / "file").chmod(0o644)
    return made


def out_of_reach(source, account=OTHER):
    return is_out_of_reach(SimpleNamespace(args={"src": str(source)}), account)


def test_a_file_of_ours_is_out_of_anothers_reach(folder):
    assert out_of_reach(folder / "file")


@pytest.mark.parametrize("account", ["root", pwd.getpwuid(os.geteuid()).pw_name, "no-such-user-here"])
def test_it_is_within_reach_of_root_of_ourselves_and_of_whom_nobody_knows(folder, account):
    assert not out_of_reach(folder / "file", account)


def test_what_anybody_may_write_is_within_reach(folder):
    (folder / "file").chmod(0o666)
    assert not out_of_reach(folder / "file")


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_so_is_what_stands_in_a_folder_that_is(folder, mode):
    folder.chmod(mode)
    os.chown(folder, 0, pwd.getpwnam(OTHER).pw_gid)
    assert not out_of_reach(folder / "file")


def test_in_a_folder_with_the_sticky_bit_what_is_ours_stays(folder):
    folder.chmod(0o1777)
    assert out_of_reach(folder / "file")
    os.chown(folder / "file", pwd.getpwnam(OTHER).pw_uid, -1)
    assert not out_of_reach(folder / "file")


def test_a_link_counts_for_what_it_leads_to(folder):
    (folder / "link").symlink_to("file")
    assert out_of_reach(folder / "link")
    (folder / "file").chmod(0o666)
    assert not out_of_reach(folder / "link")


@pytest.mark.parametrize("source", ["file", "{{ folder }}/file", "/no/such/file", "/etc"])
def test_only_a_file_that_is_named_and_there_is_looked_at(source):
    assert not out_of_reach(Path(source))


def test_content_has_no_source():
    assert not is_out_of_reach(SimpleNamespace(args={"content": "x"}), OTHER)
