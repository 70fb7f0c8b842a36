from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest


@pytest.fixture
def tree(host):
    top = host.folder / "t/top"
    (top / "sub").mkdir(parents=True)
    (top / "one.txt").write_text("one\n")
    (top / "sub/run.sh").write_text("#!/bin/sh\n")
    (top / "sub/run.sh").chmod(0o750)
    (top / "link").symlink_to("one.txt")
    return top.parent


@pytest.fixture
def out(host):
    folder = host.folder / "out"
    folder.mkdir()
    return folder


def listing(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else f"{stat.S_IMODE(path.stat().st_mode):o}"
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize(("name", "option"), [("a.tar", ""), ("a.tgz", "z"), ("a.tbz", "j"), ("a.txz", "J")])
def test_tar(host, tree, out, name, option):
    subprocess.run(["tar", f"c{option}f", host.folder / name, "top"], cwd=tree, check=True)
    args = {"src": f"{host.folder}/{name}", "dest": str(out), "remote_src": True}
    assert host("unarchive", check=True, **args)["skipped"] is True
    done = host("unarchive", list_files=True, **args)
    assert done["changed"] is True, done
    assert "top/one.txt" in done["files"]
    assert listing(out) == listing(tree)
    assert host("unarchive", **args)["changed"] is False
    (out / "top/one.txt").write_text("other\n")
    assert host("unarchive", **args)["changed"] is True
    assert (out / "top/one.txt").read_text() == "one\n"


def test_tar_that_the_controller_streams(host, tree, out):
    subprocess.run(["tar", "czf", host.folder / "a", "top"], cwd=tree, check=True)
    asked = host("unarchive", src="a", dest=str(out))
    assert asked["need_content"] is True
    done = host("unarchive", src="a", dest=str(out), content=(host.folder / "a").read_bytes())
    assert (done["changed"], done["handler"], done["src"]) == (True, "TgzArchive", "a")
    assert listing(out) == listing(tree)


def test_an_archive_from_a_url(host, tree, out):
    subprocess.run(["tar", "czf", host.folder / "a", "top"], cwd=tree, check=True)
    assert host("unarchive", src=f"file://{host.folder}/a", dest=str(out), remote_src=True)["changed"] is True
    assert listing(out) == listing(tree)
    missing = host("unarchive", src=f"file://{host.folder}/b", dest=str(out), remote_src=True)
    assert "Request failed" in missing["msg"]


def test_include_exclude_strip_keep_newer_and_mode(host, tree, out):
    subprocess.run(["tar", "cf", host.folder / "a", "top"], cwd=tree, check=True)
    args = {"src": f"{host.folder}/a", "dest": str(out), "remote_src": True}
    host("unarchive", include="top/sub", extra_opts=["--strip-components=1"], **args)
    assert listing(out) == {"sub": "755", "sub/run.sh": "750"}
    host("unarchive", exclude=["top/sub", "top/link"], mode="0700", **args)
    assert listing(out)["top/one.txt"] == "700"
    (out / "top/one.txt").write_text("newer\n")
    host("unarchive", keep_newer=True, **args)
    assert (out / "top/one.txt").read_text() == "newer\n"


def make_zip(path: Path, **entries: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in entries.items():
            archive.writestr(name.replace("__", "/"), text)


def test_zip(host, tree, out):
    with zipfile.ZipFile(host.folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tree / "top", "top/")
        archive.write(tree / "top/one.txt", "top/one.txt")
        archive.write(tree / "top/sub/run.sh", "top/sub/run.sh")
        link = zipfile.ZipInfo("top/link")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "one.txt")
    args = {"src": f"{host.folder}/a.zip", "dest": str(out), "remote_src": True}
    assert host("unarchive", check=True, **args)["changed"] is True
    assert listing(out) == {}
    done = host("unarchive", **args)
    assert (done["changed"], done["handler"]) == (True, "ZipArchive"), done
    assert listing(out) == listing(tree)
    assert host("unarchive", **args)["changed"] is False
    (out / "top/one.txt").write_text("twe\n")
    assert host("unarchive", **args)["changed"] is True
    assert (out / "top/one.txt").read_text() == "one\n"


@pytest.mark.parametrize("name", ["../evil", "{}/evil", "a/../../evil"])
def test_a_zip_that_leads_out_of_the_folder(host, out, name):
    make_zip(host.folder / "a.zip", **{name.format(host.folder): "evil"})
    refused = host("unarchive", src=f"{host.folder}/a.zip", dest=str(out), remote_src=True)
    assert "leads out of the folder" in refused["msg"]
    assert sorted(os.listdir(host.folder)) == ["a.zip", "out"]


def test_a_zip_that_writes_through_a_link(host, out):
    (host.folder / "victim").mkdir()
    (out / "link").symlink_to(host.folder / "victim")
    make_zip(host.folder / "a.zip", link__evil="evil")
    refused = host("unarchive", src=f"{host.folder}/a.zip", dest=str(out), remote_src=True)
    assert refused["failed"] is True
    assert os.listdir(host.folder / "victim") == []


def test_a_tar_that_leads_out_of_the_folder(host, out):
    with tarfile.open(host.folder / "a.tar", "w") as archive:
        for name in ("fine", "../evil"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))
    refused = host("unarchive", src=f"{host.folder}/a.tar", dest=str(out), remote_src=True, extra_opts=["-P"])
    assert "leads out of the folder" in refused["msg"]
    assert sorted(os.listdir(host.folder)) == ["a.tar", "out"]


def test_refusals(host, out):
    (host.folder / "text").write_text("no archive")
    (host.folder / "empty").touch()
    args = {"dest": str(out), "remote_src": True}
    assert "Failed to find handler" in host("unarchive", src=f"{host.folder}/text", **args)["msg"]
    assert "the file is 0 bytes" in host("unarchive", src=f"{host.folder}/empty", **args)["msg"]
    assert "does not exist" in host("unarchive", src=f"{host.folder}/none", **args)["msg"]
    assert "must be an existing dir" in host("unarchive", src="x", dest=f"{out}/none")["msg"]
    assert host("unarchive", src="x", dest=str(out), creates=str(out))["skipped"] is True
    assert "mutually exclusive" in host("unarchive", src="x", dest=str(out), include="a", exclude="b")["msg"]
