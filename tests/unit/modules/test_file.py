from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from stella_ops.remote.lib.task import run_module


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def twice(host, **args):
    """Foretell, do, and do again: the three answers every state must agree on."""
    foretold = host("file", check=True, **args)
    done = host("file", **args)
    again = host("file", **args)
    assert (foretold["changed"], done["changed"], again["changed"]) == (True, True, False), (foretold, done, again)
    return done


def test_directory_with_parents(host):
    path = host.folder / "a/b/c"
    result = twice(host, path=str(path), state="directory", mode="0711")
    assert (result["state"], result["mode"], result["path"]) == ("directory", "0711", str(path))
    assert mode(host.folder / "a") == mode(host.folder / "a/b") == 0o711
    assert twice(host, path=str(path), state="directory", mode="g+w")["mode"] == "0731"


def test_directory_in_check_mode_makes_none(host):
    host("file", path=f"{host.folder}/a/b", state="directory", check=True)
    assert os.listdir(host.folder) == []


def test_recurse(host):
    (host.folder / "a/b").mkdir(parents=True)
    (host.folder / "a/b/f").touch()
    (host.folder / "a/outside").symlink_to(host.folder)
    host.folder.chmod(0o755)
    twice(host, path=f"{host.folder}/a", state="directory", mode="u=rwX,go=", recurse=True)
    assert mode(host.folder / "a/b") == 0o700
    assert mode(host.folder / "a/b/f") == 0o600
    assert mode(host.folder) == 0o755, "what a link points to is not part of the tree"


def test_a_file_in_the_way_of_a_directory(host):
    (host.folder / "f").touch()
    assert host("file", path=f"{host.folder}/f", state="directory")["msg"].endswith("/f already exists as a file")
    assert "Not a directory" in host("file", path=f"{host.folder}/f/below", state="directory")["msg"]


def test_absent(host):
    (host.folder / "a/b").mkdir(parents=True)
    (host.folder / "kept").mkdir()
    (host.folder / "kept/f").touch()
    (host.folder / "link").symlink_to("kept")
    assert twice(host, path=f"{host.folder}/a", state="absent") == {
        "changed": True,
        "failed": False,
        "path": f"{host.folder}/a",
        "state": "absent",
    }
    twice(host, path=f"{host.folder}/link/", state="absent")
    assert (host.folder / "kept/f").exists(), "a link is removed, never what it points to"


def test_file_sets_attributes_of_what_is_there(host):
    path = host.folder / "f"
    assert "is absent" in host("file", path=str(path), state="file")["msg"]
    assert "is absent" in host("file", path=str(path))["msg"]
    path.touch()
    path.chmod(0o644)
    assert twice(host, path=str(path), mode="a-w")["mode"] == "0444"
    assert host("file", path=str(host.folder))["state"] == "directory"


def test_file_and_links(host):
    real, link = host.folder / "f", host.folder / "link"
    real.touch()
    real.chmod(0o644)
    link.symlink_to("f")
    result = host("file", path=str(link), mode="0600")
    assert (result["changed"], result["path"]) == (True, str(real))
    assert mode(real) == 0o600
    assert host("file", path=str(link), mode="0644", follow=False)["changed"] is False
    assert mode(real) == 0o600
    assert host("file", path=str(link), state="link", mode="0644", follow=False)["changed"] is False
    assert twice(host, path=str(link), state="link", src="f", mode="0640")["dest"] == str(link)
    assert mode(real) == 0o640


def test_owner(host, as_root):
    path = host.folder / "f"
    path.touch()
    result = twice(host, path=str(path), owner="1234", group="root")
    assert (result["uid"], result["owner"], result["group"]) == (1234, "1234", "root")
    result = host("file", path=str(path), owner="0", uid=65534)
    assert result["failed"] is True
    assert "exception" not in result


def test_owner_keeps_set_id_bits_that_are_asked_for(host, as_root):
    path = host.folder / "f"
    path.touch()
    twice(host, path=str(path), owner="1234", mode="4755")
    assert mode(path) == 0o4755


def test_link(host):
    (host.folder / "f").touch()
    link = host.folder / "link"
    result = twice(host, path=str(link), src="f", state="link")
    assert (result["dest"], result["src"], result["state"]) == (str(link), "f", "link")
    twice(host, path=str(link), src=f"{host.folder}/f", state="link")
    assert os.readlink(link) == f"{host.folder}/f"
    assert os.listdir(host.folder).count("link") == 1
    assert len(os.listdir(host.folder)) == 2


def test_a_link_to_nothing_needs_force(host):
    args = {"path": f"{host.folder}/link", "src": "none", "state": "link"}
    assert "force=yes" in host("file", **args)["msg"]
    twice(host, force=True, **args)


def test_a_link_in_place_of_something_needs_force(host):
    (host.folder / "f").touch()
    (host.folder / "other").touch()
    (host.folder / "empty").mkdir()
    (host.folder / "full/x").mkdir(parents=True)
    for name in ("other", "empty"):
        args = {"path": f"{host.folder}/{name}", "src": f"{host.folder}/f", "state": "link"}
        assert "'force: true' replaces it" in host("file", **args)["_hint"]
        twice(host, force=True, **args)
    result = host("file", path=f"{host.folder}/full", src="f", state="link", force=True)
    assert "not empty" in result["msg"]
    assert (host.folder / "full/x").is_dir()


def test_hard(host):
    (host.folder / "f").write_text("x")
    result = twice(host, path=f"{host.folder}/g", src=f"{host.folder}/f", state="hard")
    assert result["state"] == "hard"
    assert (host.folder / "f").stat().st_nlink == 2
    (host.folder / "h").touch()
    args = {"path": f"{host.folder}/h", "src": f"{host.folder}/f", "state": "hard"}
    assert "'force: true'" in host("file", **args)["_hint"]
    twice(host, force=True, **args)
    assert sorted(os.listdir(host.folder)) == ["f", "g", "h"]


def test_touch(host):
    path = host.folder / "f"
    assert host("file", path=str(path), state="touch", check=True)["changed"] is True
    assert not path.exists()
    assert host("file", path=str(path), state="touch", mode="0600")["state"] == "file"
    assert mode(path) == 0o600
    os.utime(path, (1, 1))
    assert host("file", path=str(path), state="touch")["changed"] is True
    assert abs(path.stat().st_mtime - time.time()) < 60


def test_touch_with_times_is_idempotent(host):
    path = host.folder / "f"
    args = {"path": str(path), "state": "touch", "access_time": "preserve", "modification_time": "preserve"}
    assert host("file", **args)["changed"] is True
    assert host("file", **args)["changed"] is False
    args["modification_time"] = "202001020304.05"
    twice(host, **args)
    assert time.strftime("%Y%m%d%H%M.%S", time.localtime(path.stat().st_mtime)) == "202001020304.05"
    assert "modification_time" in host("file", **dict(args, modification_time="yesterday"))["_hint"]


def test_diff(host):
    path = host.folder / "f"
    path.touch()
    path.chmod(0o644)
    result = host("file", path=str(path), mode="0600", diff=True, check=True)
    assert result["diff"] == {
        "before": {"path": str(path), "mode": "0644"},
        "after": {"path": str(path), "mode": "0600"},
    }
    assert mode(path) == 0o644


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"state": "file", "recurse": True}, "recurse"),
        ({"state": "touch", "src": "x"}, "src option requires"),
        ({"state": "link"}, "src is required"),
        ({"state": "hard"}, "src is required"),
        ({"state": "present"}, "must be one of"),
        ({"state": "touch", "mode": "rwxr-xr-x"}, "cannot read 'rwxr-xr-x'"),
    ],
)
def test_arguments_that_make_no_sense(host, args, words):
    result = host("file", path=f"{host.folder}/f", **args)
    assert result["failed"] is True
    assert words in result["msg"] + result.get("_hint", "")
    assert "exception" not in result


def test_inode_flags(host):
    path = host.folder / "f"
    path.touch()
    done = host("file", path=str(path), attributes="+A", check=True, diff=True)
    if "has no such flags" in done.get("msg", "") or "Inappropriate" in done.get("msg", ""):
        pytest.skip(f"left out: {host.folder} is on a filesystem without inode flags")
    assert (done["changed"], host("stat", path=str(path))["stat"]["attributes"].count("noatime")) == (True, 0)
    assert host("file", path=str(path), attributes="+A")["changed"] is True
    assert "noatime" in host("stat", path=str(path))["stat"]["attributes"]
    assert host("file", path=str(path), attr="A")["changed"] is False
    assert host("copy", dest=str(path), content=b"new", attributes="+d")["changed"] is True
    assert "nodump" in host("stat", path=str(path))["stat"]["attributes"]
    host("file", path=str(path), attributes="=")
    told = host("stat", path=str(path))["stat"]["attributes"]
    assert "noatime" not in told
    assert "nodump" not in told
    assert "there is no flag 'z'" in host("file", path=str(path), attributes="+z")["msg"]


@pytest.mark.skipif(os.path.exists("/sys/fs/selinux/enforce"), reason="left out: this machine runs SELinux")
def test_contexts_change_nothing_where_no_selinux_is(host):
    path = host.folder / "f"
    path.touch()
    assert host("file", path=str(path), setype="tmp_t", selevel="s0")["changed"] is False


def test_a_folder_that_may_not_be_looked_into_is_told_by_what_cannot_be_made_there(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    (tmp_path / "closed").mkdir(mode=0o700)
    closed = str(tmp_path / "closed")
    source = Path(__file__).parents[3] / "modules/file.py"
    run_module(source, {"path": closed})  # what it imports is read while that is allowed
    os.seteuid(65534)
    try:
        touched = run_module(source, {"path": f"{closed}/f", "state": "touch"})
        made = run_module(source, {"path": f"{closed}/d/e", "state": "directory"})
        kept = run_module(source, {"path": f"{closed}/f", "mode": "0600"})
    finally:
        os.seteuid(0)
    assert touched["msg"] == "Error, could not touch target."
    # Which folder it is depends on where the first is that nobody may not enter.
    assert made["msg"].startswith("There was an issue creating /") and "[Errno 13] Permission denied" in made["msg"]
    assert kept["msg"] == f"file ({closed}/f) is absent, cannot continue"
