from __future__ import annotations

import os

import pytest

TEXT = b"# begin\nport=22\nhost=a\nport=23\n# end\n"


@pytest.fixture
def conf(host):
    path = host.folder / "conf"
    path.write_bytes(TEXT)
    return path


@pytest.mark.parametrize(
    ("args", "after", "msg"),
    [
        ({"regexp": "^port=", "line": "port=1"}, TEXT.replace(b"port=23", b"port=1"), "line replaced"),
        ({"regexp": "^port=", "line": "port=1", "firstmatch": True}, TEXT.replace(b"22", b"1"), "line replaced"),
        ({"search_string": "host", "line": "h"}, TEXT.replace(b"host=a", b"h"), "line replaced"),
        (
            {"regexp": "^(h)ost=(a)", "line": r"\1-\2", "backrefs": True},
            TEXT.replace(b"host=a", b"h-a"),
            "line replaced",
        ),
        ({"line": "x"}, TEXT + b"x\n", "line added"),
        ({"line": "x", "insertbefore": "BOF"}, b"x\n" + TEXT, "line added"),
        ({"line": "x", "insertafter": "^port"}, TEXT.replace(b"port=23\n", b"port=23\nx\n"), "line added"),
        ({"line": "x", "insertbefore": "^port"}, TEXT.replace(b"port=23\n", b"x\nport=23\n"), "line added"),
        ({"line": "x", "insertafter": "no such"}, TEXT + b"x\n", "line added"),
        ({"state": "absent", "regexp": "port"}, b"# begin\nhost=a\n# end\n", "2 line(s) removed"),
        ({"state": "absent", "line": "# end"}, TEXT[:-6], "1 line(s) removed"),
    ],
)
def test_changes_once_and_foretells_it(host, conf, args, after, msg):
    foretold = host("lineinfile", path=str(conf), check=True, **args)
    assert conf.read_bytes() == TEXT
    done = host("lineinfile", path=str(conf), **args)
    assert conf.read_bytes() == after
    assert foretold["changed"] is done["changed"] is True
    assert foretold["msg"] == done["msg"] == msg
    again = host("lineinfile", path=str(conf), **args)
    assert (again["changed"], conf.read_bytes()) == (False, after)


def test_backrefs_without_a_match_change_nothing(host, conf):
    assert host("lineinfile", path=str(conf), regexp="^no (.*)", line=r"\1", backrefs=True)["changed"] is False
    refused = host("lineinfile", path=str(conf), regexp="^(host)", line=r"\7", backrefs=True)
    assert "does not have" in refused["msg"]


def test_a_last_line_without_end_and_bytes_that_are_no_text(host, conf):
    conf.write_bytes(b"\xff one\r\nlast")
    host("lineinfile", path=str(conf), line="new")
    assert conf.read_bytes() == b"\xff one\r\nlast\nnew\n"


def test_links_are_followed_and_attributes_kept(host, conf):
    conf.chmod(0o640)
    (host.folder / "link").symlink_to("conf")
    host("lineinfile", path=f"{host.folder}/link", line="x")
    assert (host.folder / "link").is_symlink()
    assert conf.read_bytes() == TEXT + b"x\n"
    assert conf.stat().st_mode & 0o777 == 0o640
    result = host("lineinfile", path=str(conf), line="x", mode="0600")
    assert (result["changed"], result["msg"]) == (True, "ownership, perms or SE linux context changed")


def test_create_backup_validate(host, conf):
    made = host.folder / "a/b"
    assert "does not exist !" in host("lineinfile", path=str(made), line="x")["msg"]
    assert host("lineinfile", path=str(made), line="x", create=True, check=True)["changed"] is True
    assert not made.parent.exists()
    host("lineinfile", path=str(made), line="x", create=True)
    assert made.read_bytes() == b"x\n"
    refused = host("lineinfile", path=str(conf), line="x", backup=True, validate="false %s")
    assert refused["msg"].startswith("failed to validate: rc:1")
    assert sorted(os.listdir(host.folder)) == ["a", "conf"], "a refused change leaves nothing behind"
    first = host("lineinfile", path=str(conf), line="x", backup=True)["backup"]
    second = host("lineinfile", path=str(conf), line="y", backup=True)["backup"]
    assert first != second, "two backups within a second are two files"


def test_diff(host, conf):
    content, attributes = host("lineinfile", path=str(conf), line="x", mode="0600", diff=True)["diff"]
    assert content["after"] == content["before"] + "x\n"
    assert (attributes["before"], attributes["after"]) == ({"mode": "0644"}, {"mode": "0600"})


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"line": "x", "insertafter": "a", "insertbefore": "b"}, "mutually exclusive: insertbefore|insertafter"),
        ({"line": "x", "regexp": "a", "search_string": "b"}, "mutually exclusive: regexp|search_string"),
        ({"regexp": "x"}, "line is required with state=present"),
        ({"state": "absent"}, "one of line, search_string, or regexp is required"),
        ({"line": "x", "regexp": "("}, "no regular expression"),
    ],
)
def test_refusals(host, conf, args, words):
    refused = host("lineinfile", path=str(conf), **args)
    assert words in refused["msg"] + refused.get("_hint", "")
    assert "exception" not in refused
