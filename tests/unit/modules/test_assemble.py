from __future__ import annotations

import pytest


@pytest.fixture
def parts(host):
    folder = host.folder / "parts"
    folder.mkdir()
    (folder / "10").write_text("one")
    (folder / "20.conf").write_text("two\n")
    (folder / ".hid").write_text("hid\n")
    (folder / "sub").mkdir()
    return folder


@pytest.mark.parametrize(
    ("args", "content"),
    [
        ({}, "hid\none\ntwo\n"),
        ({"ignore_hidden": True}, "one\ntwo\n"),
        ({"ignore_hidden": True, "delimiter": r"--\n-"}, "one\n--\n-\ntwo\n"),
        ({"regexp": r"\.conf$"}, "two\n"),
    ],
)
def test_puts_together_once(host, parts, args, content):
    dest = host.folder / "out"
    args = dict(args, src=str(parts), dest=str(dest), mode="0600")
    assert host("assemble", check=True, **args)["changed"] is True
    assert not dest.exists()
    done = host("assemble", **args)
    assert (done["changed"], done["mode"], dest.read_text()) == (True, "0600", content)
    assert host("assemble", **args)["changed"] is False


def test_refusals(host, parts):
    dest = host.folder / "out"
    dest.write_text("old")
    assert "does not exist" in host("assemble", src=f"{parts}x", dest=str(dest))["msg"]
    assert "is not a directory" in host("assemble", src=str(dest), dest=str(dest))["msg"]
    assert "Invalid Regexp" in host("assemble", src=str(parts), dest=str(dest), regexp="(")["msg"]
    assert "failed to validate" in host("assemble", src=str(parts), dest=str(dest), validate="false %s")["msg"]
    assert dest.read_text() == "old"
    kept = host("assemble", src=str(parts), dest=str(dest), backup=True)["backup_file"]
    assert open(kept).read() == "old"  # noqa: SIM115
