from __future__ import annotations

import hashlib
import os
import shutil
import subprocess

import pytest


def test_absent(host):
    assert host("stat", path=f"{host.folder}/none") == {"changed": False, "failed": False, "stat": {"exists": False}}
    assert host("stat", path="/etc/passwd/below")["msg"] == "Not a directory"


def test_a_file(host):
    path = host.folder / "f"
    path.write_bytes(b"hello\n")
    path.chmod(0o4750)
    told = host("stat", path=str(path))["stat"]
    found = path.stat()
    assert told["checksum"] == hashlib.sha1(b"hello\n").hexdigest()
    assert (told["mode"], told["size"], told["nlink"]) == ("4750", 6, 1)
    assert (told["inode"], told["dev"], told["uid"], told["gid"]) == (
        found.st_ino,
        found.st_dev,
        found.st_uid,
        found.st_gid,
    )
    assert told["mtime"] == pytest.approx(found.st_mtime)
    assert (told["pw_name"], told["gr_name"]) == (path.owner(), path.group())
    true = {name for name, value in told.items() if value is True}
    assert true == {
        "exists", "isreg", "isuid", "rusr", "wusr", "xusr", "rgrp", "xgrp", "readable", "writeable", "executable"
    }  # fmt: skip
    assert {"isdir", "ischr", "isblk", "isfifo", "islnk", "issock", "isgid", "woth", "roth", "xoth", "wgrp"} <= set(
        told
    )


def test_links(host):
    (host.folder / "d").mkdir()
    link = host.folder / "link"
    link.symlink_to("d")
    told = host("stat", path=str(link))["stat"]
    assert (told["islnk"], told["isdir"]) == (True, False)
    assert (told["lnk_target"], told["lnk_source"]) == ("d", str((host.folder / "d").resolve()))
    assert "checksum" not in told
    told = host("stat", path=str(link), follow=True)["stat"]
    assert (told["islnk"], told["isdir"]) == (False, True)
    link.unlink()
    link.symlink_to("nowhere")
    assert host("stat", path=str(link), follow=True)["stat"] == {"exists": False}


def test_what_is_not_asked_for_is_not_told(host):
    (host.folder / "f").touch()
    told = host("stat", path=f"{host.folder}/f", get_checksum=False, get_mime="no", get_attributes=0)["stat"]
    assert not {"checksum", "mimetype", "charset", "attributes"} & set(told)
    told = host("stat", path=f"{host.folder}/f", checksum_algorithm="sha256")["stat"]
    assert told["checksum"] == hashlib.sha256().hexdigest()


def test_mime(host):
    (host.folder / "f").write_text("plain words\n")
    told = host("stat", path=f"{host.folder}/f")["stat"]
    expected = ("text/plain", "us-ascii") if shutil.which("file") else ("unknown", "unknown")
    assert (told["mimetype"], told["charset"]) == expected


def test_inode_flags_are_those_of_lsattr(host):
    path = host.folder / "f"
    path.touch()
    if shutil.which("lsattr") is None:
        pytest.skip("lsattr is not installed, so there is nothing to compare with")
    if shutil.which("chattr") and os.getuid() == 0:
        subprocess.run(["chattr", "+A", str(path)], capture_output=True)
    shown = subprocess.run(["lsattr", "-v", str(path)], capture_output=True, text=True)
    if shown.returncode != 0:
        pytest.skip(f"this filesystem has no flags: {shown.stderr}")
    version, letters = shown.stdout.split()[:2]
    told = host("stat", path=str(path))["stat"]
    assert told["version"] == version
    assert set(told["attr_flags"]) == set(letters.replace("-", ""))
    assert len(told["attributes"]) == len(told["attr_flags"])


def test_without_permission_there_is_no_checksum(host, as_root, open_folder):
    path = open_folder / "f"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    told = host("stat", path=str(path), uid=65534)["stat"]
    assert (told["exists"], told["readable"], told["size"]) == (True, False, 6)
    assert "checksum" not in told
