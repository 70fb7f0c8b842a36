"""Archives of collections and roles: built, unpacked, and refused where they reach out of their folder."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import GalaxyError
from stella_ops.galaxy.archive import manifest_of, replacing, unpack_collection, unpack_role
from stella_ops.galaxy.building import build
from stella_ops.galaxy.verifying import verify

Make = Callable[..., Any]
ABOUT = {"namespace": "acme", "name": "tools", "version": "1.0.0"}


def test_an_archive_is_what_the_folder_is(collection: Make, tmp_path: Path) -> None:
    folder = collection()
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("secret")
    (folder / "plugins" / "modules" / "x.pyc").write_text("")
    (folder / "notes.tmp").write_text("")
    (folder / "galaxy.yml").write_text(
        (folder / "galaxy.yml").read_text().replace("build_ignore: []", "build_ignore: ['*.tmp']")
    )
    (folder / "link.py").symlink_to("plugins/modules/note.py")
    made = build(folder, tmp_path / "out")
    assert made == tmp_path / "out" / "acme-tools-1.0.0.tar.gz"
    with tarfile.open(made) as tar:
        names = [member.name for member in tar]
        assert {(member.uid, member.uname) for member in tar.getmembers()} == {(0, "")}
    assert names[:2] == ["MANIFEST.json", "FILES.json"]
    assert not {"galaxy.yml", ".git", ".git/config", "notes.tmp", "plugins/modules/x.pyc"}.intersection(names)
    into = tmp_path / "in"
    into.mkdir()
    manifest = unpack_collection(made, into)
    assert (manifest.name, manifest.version) == ("acme.tools", "1.0.0")
    assert (into / "link.py").read_text() == "# of 1.0.0\n"
    assert [(into / name).stat().st_mode & 0o777 for name in ("run.sh", "README.md")] == [0o755, 0o644]
    assert verify(into)[2:] == ([], [], [])
    with pytest.raises(GalaxyError, match=r"already exists. You can use --force"):
        build(folder, tmp_path / "out")
    assert build(folder, tmp_path / "out", force=True) == made


def test_verifying_finds_what_was_changed(collection: Make, tmp_path: Path) -> None:
    into = tmp_path / "in"
    into.mkdir()
    unpack_collection(build(collection(), tmp_path), into)
    (into / "README.md").write_text("other")
    (into / "run.sh").unlink()
    (into / "more.py").write_text("")
    assert verify(into)[2:] == (["README.md"], ["run.sh"], ["more.py"])
    (into / "FILES.json").write_text("{}")
    with pytest.raises(GalaxyError, match="checksum differs"):
        verify(into)
    (into / "MANIFEST.json").unlink()
    with pytest.raises(GalaxyError, match=r"has no MANIFEST\.json"):
        verify(into)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("name: tools", "galaxy.yml lacks name"),
        ("readme: README.md", "galaxy.yml lacks readme"),
        ("namespace: ac-me", r"'ac-me\.tools' cannot be the name of a collection"),
        ("readme: none.md", r"there is no 'none\.md'"),
        ("dependencies: [a]", "'dependencies' must map"),
        ("manifest: {directives: []}", "'manifest'"),
        ("{", "expected"),
    ],
)
def test_a_galaxy_yml_that_is_wrong(collection: Make, tmp_path: Path, change: str, message: str) -> None:
    path = collection() / "galaxy.yml"
    key, _, value = change.partition(": ")
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{key}:")]
    path.write_text("\n".join([*lines, *([change] if value and "lacks" not in message else [])]) if value else change)
    with pytest.raises(GalaxyError, match=message):
        build(path.parent, tmp_path)
    assert not list(tmp_path.glob("*.tar.gz"))


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/../../out"])
def test_no_file_is_written_elsewhere(archive: Make, tmp_path: Path, name: str) -> None:
    into = tmp_path / "deep" / "in"
    into.mkdir(parents=True)
    made = archive((name, b"x", {}), listed={name: b"x"})
    with pytest.raises(GalaxyError, match="leads out of the collection"):
        unpack_collection(made, into)
    made = archive(("web/meta/main.yml", b"", {}), (name if name.startswith("/") else f"web/../{name}", b"x", {}))
    with pytest.raises(GalaxyError, match="leads out of it"):
        unpack_role(made, into)
    assert not list(tmp_path.rglob("out"))


@pytest.mark.parametrize(
    "members",
    [
        [("a", "../..", {}), ("a/out", b"x", {})],
        [("a", "/tmp", {}), ("a/out", b"x", {})],
        [("d", ".", {}), ("a", "d/..", {}), ("a/out", b"x", {})],
        [("s/d", "..", {}), ("a", "s/d/..", {}), ("a/out", b"x", {})],
    ],
)
def test_no_link_leads_elsewhere(archive: Make, tmp_path: Path, members: Any) -> None:
    into = tmp_path / "deep" / "in"
    into.mkdir(parents=True)
    listed = {name: body if isinstance(body, bytes) else b"" for name, body, _ in members}
    with pytest.raises(GalaxyError, match="lead"):
        unpack_collection(archive(*members, listed=listed), into)
    role_members = [(f"web/{name}", body, more) for name, body, more in members]
    (tmp_path / "deep" / "other").mkdir()
    with pytest.raises(GalaxyError, match="lead"):
        unpack_role(archive(("web/meta/main.yml", b"", {}), *role_members), tmp_path / "deep" / "other")
    assert not [path for path in tmp_path.rglob("out") if "in" not in path.parts and "other" not in path.parts]
    assert not Path("/tmp/out").exists()


def test_what_is_not_what_the_manifest_says(archive: Make, tmp_path: Path) -> None:
    into = tmp_path / "in"
    into.mkdir()
    for number, (made, message) in enumerate(
        (
            (lambda: archive(("a.py", b"other", {}), listed={"a.py": b"one"}), "'a.py' is not the file that"),
            (lambda: archive(listed={"a.py": b"one"}), "the archive lacks 'a.py'"),
            (lambda: archive(("a.py", b"one", {})), "it is not that of a collection"),
            (lambda: archive(listed={}, info={**ABOUT, "namespace": "../x"}), "cannot be the name of a collection"),
            (lambda: archive(listed={}, info={**ABOUT, "version": None}), "names no version"),
            (lambda: archive(("MANIFEST.json", b"[", {}), ("FILES.json", b"{}", {})), "is no JSON object"),
        )
    ):
        (into / str(number)).mkdir()
        path = made()
        with pytest.raises(GalaxyError, match=message):
            unpack_collection(path, into / str(number))
    manifest = json.dumps({"collection_info": ABOUT, "file_manifest_file": {}})
    path = archive(("MANIFEST.json", manifest.encode(), {}), ("FILES.json", b"{}", {}))
    with pytest.raises(GalaxyError, match="checksum differs"):
        manifest_of(path)
    (tmp_path / "torn.tar.gz").write_bytes(b"\x1f\x8b\x08\x00torn")
    for unpack in (manifest_of, lambda path: unpack_role(path, into)):
        with pytest.raises(GalaxyError, match="the archive cannot be read"):
            unpack(tmp_path / "torn.tar.gz")


def test_a_role_is_what_stands_beside_its_meta(archive: Make, tmp_path: Path) -> None:
    into = tmp_path / "in"
    into.mkdir()
    members = [
        ("other/x", b"", {}),
        ("top/web/meta/main.yml", b"{}", {}),
        ("top/web/tasks/main.yml", b"[]", {}),
        ("top/web/files/run", b"", {"mode": 0o6755}),
        ("top/web/files/same", "run", {}),
    ]
    unpack_role(archive(*members), into)
    found = sorted(str(path.relative_to(into)) for path in into.rglob("*") if not path.is_dir())
    assert found == ["files/run", "files/same", "meta/main.yml", "tasks/main.yml"]
    assert (into / "files" / "run").stat().st_mode & 0o7777 == 0o755
    with pytest.raises(GalaxyError, match=r"does not appear to have a meta/main\.yml"):
        unpack_role(archive(("a/tasks/main.yml", b"", {})), into)


def test_what_is_there_stays_where_something_goes_wrong(tmp_path: Path) -> None:
    target = tmp_path / "web"
    target.mkdir()
    (target / "old").write_text("")

    def fails() -> None:
        with replacing(target) as fresh:
            (fresh / "new").write_text("")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["web"]
    with replacing(target) as fresh:
        (fresh / "new").write_text("")
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["web"]
