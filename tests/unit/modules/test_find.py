from __future__ import annotations

import os
import time

import pytest


@pytest.fixture
def tree(host):
    top = host.folder / "t"
    (top / "sub/deep").mkdir(parents=True)
    (top / "a.txt").write_text("one\n")
    (top / "b.log").write_text("x" * 3000)
    (top / ".dot").write_text("")
    (top / "sub/c.txt").write_text("only\n")
    (top / "sub/deep/d.txt").write_text("two\none\n")
    (top / "link").symlink_to("a.txt")
    (top / "b.log").chmod(0o600)
    old = time.time() - 3 * 86400
    os.utime(top / "b.log", (old, old))
    return top


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ({}, "a.txt b.log"),
        ({"hidden": True}, ".dot a.txt b.log"),
        ({"recurse": True, "patterns": "*.txt"}, "a.txt c.txt d.txt"),
        ({"recurse": True, "depth": 2}, "a.txt b.log c.txt"),
        ({"patterns": "^[ab]", "use_regex": True, "excludes": "b"}, "a.txt"),
        ({"file_type": "directory", "recurse": True}, "deep sub"),
        ({"file_type": "link"}, "link"),
        ({"file_type": "any"}, "a.txt b.log link sub"),
        ({"age": "1d"}, "b.log"),
        ({"age": "-1d"}, "a.txt"),
        ({"size": "1k"}, "b.log"),
        ({"size": "-1k"}, "a.txt"),
        ({"contains": "on", "recurse": True}, "a.txt c.txt d.txt"),
        ({"contains": "^two", "read_whole_file": True, "recurse": True}, "d.txt"),
        ({"mode": "0600"}, "b.log"),
        ({"mode": "g=r", "exact_mode": False}, "a.txt"),
    ],
)
def test_finds(host, tree, args, names):
    result = host("find", paths=str(tree), **args)
    assert " ".join(sorted(os.path.basename(each["path"]) for each in result["files"])) == names
    assert result["matched"] == len(result["files"])
    assert result["changed"] is False


def test_what_is_told_of_a_file(host, tree):
    (told,) = host("find", paths=[str(tree)], patterns="a.txt", get_checksum=True)["files"]
    assert (told["mode"], told["isreg"], told["rusr"], told["xoth"], told["size"]) == ("0644", True, True, False, 4)
    assert told["checksum"] == "c7059bb19433cc3cabaa6236c83d56668a843dd2"


def test_limits_and_folders_that_are_not_there(host, tree):
    limited = host("find", paths=str(tree), recurse=True, limit=2)
    assert (limited["matched"], limited["msg"]) == (2, "Limit of matches reached")
    missing = host("find", paths=[f"{tree}/x", str(tree)])
    assert missing["matched"] == 2
    assert missing["msg"] == "Not all paths examined, check warnings for details"
    assert f"{tree}/x" in missing["skipped_paths"]
    assert "failed to process age" in host("find", paths=str(tree), age="soon")["msg"]
    assert "limit cannot be 0" in host("find", paths=str(tree), limit=0)["msg"]
