from __future__ import annotations

import gzip
import tarfile
import zipfile

import pytest


@pytest.fixture
def tree(host):
    top = host.folder / "top"
    (top / "sub").mkdir(parents=True)
    (top / "one.txt").write_text("one\n")
    (top / "sub/two.log").write_text("two\n")
    (top / "link").symlink_to("one.txt")
    return top


NAMES = ["top", "top/link", "top/one.txt", "top/sub", "top/sub/two.log"]


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "tar", "zip"])
def test_packs_a_folder_once(host, tree, kind):
    dest = host.folder / "out"
    args = {"path": str(tree), "dest": str(dest), "format": kind}
    assert host("archive", check=True, **args)["changed"] is True
    assert not dest.exists()
    done = host("archive", **args)
    assert (done["changed"], done["dest_state"], done["missing"]) == (True, "archive", [])
    if kind == "zip":
        with zipfile.ZipFile(dest) as archive:
            assert sorted(name.rstrip("/") for name in archive.namelist()) == NAMES
    else:
        with tarfile.open(dest) as archive:
            assert sorted(archive.getnames()) == NAMES
    assert host("archive", **args)["changed"] is False
    assert host("archive", check=True, **args)["changed"] is False
    (tree / "one.txt").write_text("another\n")
    assert host("archive", **args)["changed"] is True


def test_compresses_a_single_file_and_removes_it(host, tree):
    done = host("archive", path=f"{tree}/one.txt", remove=True)
    assert (done["dest"], done["dest_state"]) == (f"{tree}/one.txt.gz", "compress")
    assert gzip.decompress((tree / "one.txt.gz").read_bytes()) == b"one\n"
    assert not (tree / "one.txt").exists()


def test_several_paths_with_exclusions(host, tree):
    (host.folder / "more").write_text("more")
    args = {"path": [str(tree), f"{host.folder}/mo*", f"{host.folder}/none"], "dest": f"{host.folder}/out.tgz"}
    done = host("archive", exclude_path=[f"{tree}/sub"], exclusion_patterns=["*.txt"], **args)
    assert (done["dest_state"], done["missing"]) == ("incomplete", [f"{host.folder}/none"])
    with tarfile.open(host.folder / "out.tgz") as archive:
        assert sorted(archive.getnames()) == ["more", "top", "top/link"]


def test_refusals(host, tree):
    assert "no source paths were found" in host("archive", path=f"{tree}/none")["msg"]
    assert 'must specify "dest"' in host("archive", path=[str(tree), f"{tree}/one.txt"])["msg"]
