from __future__ import annotations

import pytest

BLOCK = "# BEGIN ANSIBLE MANAGED BLOCK\none\ntwo\n# END ANSIBLE MANAGED BLOCK\n"


@pytest.fixture
def conf(host):
    path = host.folder / "conf"
    path.write_text("a\nb\nc")
    return path


@pytest.mark.parametrize(
    ("args", "after"),
    [
        ({}, "a\nb\nc\n" + BLOCK),
        ({"insertbefore": "BOF"}, BLOCK + "a\nb\nc"),
        ({"insertafter": "^b"}, "a\nb\n" + BLOCK + "c"),
        ({"insertbefore": "^b"}, "a\n" + BLOCK + "b\nc"),
        ({"insertafter": r"(?m)a\nb"}, "a\nb\n" + BLOCK + "c"),
        ({"insertafter": "^b", "append_newline": True, "prepend_newline": True}, "a\nb\n\n" + BLOCK + "\nc"),
    ],
)
def test_a_block_and_what_becomes_of_it(host, conf, args, after):
    args = dict(args, path=str(conf), block="one\ntwo")
    assert host("blockinfile", check=True, **args)["msg"] == "Block inserted"
    assert conf.read_text() == "a\nb\nc"
    assert host("blockinfile", **args)["changed"] is True
    assert conf.read_text() == after
    assert host("blockinfile", **args)["changed"] is False
    args["block"] = "other\n"
    host("blockinfile", **args)
    assert conf.read_text() == after.replace("one\ntwo", "other")
    args.update(state="absent")
    assert host("blockinfile", **args)["msg"] == "Block removed"
    assert "other" not in conf.read_text()
    assert host("blockinfile", **args)["changed"] is False


def test_two_blocks_by_their_markers(host, conf):
    for name in ("x", "y"):
        host("blockinfile", path=str(conf), block=name, marker="; {mark} " + name, marker_begin="<", marker_end=">")
    assert conf.read_text() == "a\nb\nc\n; < x\nx\n; > x\n; < y\ny\n; > y\n"
    host("blockinfile", path=str(conf), block="", marker="; {mark} x", marker_begin="<", marker_end=">")
    assert conf.read_text() == "a\nb\nc\n; < y\ny\n; > y\n"


def test_file_that_is_not_there(host):
    path = host.folder / "new"
    assert host("blockinfile", path=str(path), block="x")["msg"] == f"Path {path} does not exist !"
    assert host("blockinfile", path=str(path), state="absent", create=True)["msg"] == f"File {path} not present"
    assert host("blockinfile", path=str(path), block="x", create=True)["msg"] == "File created"
