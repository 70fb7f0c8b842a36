"""Collections and roles from archives, folders and repositories, put where playbooks find them."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stella_ops.collections.installed import Collections
from stella_ops.errors import GalaxyError
from stella_ops.galaxy.building import build
from stella_ops.galaxy.installing import Choices, install_collections, install_roles, remove_role
from stella_ops.galaxy.requirements import read_requirements, wanted_collection, wanted_role
from stella_ops.galaxy.sources import ServerNeeded

Make = Callable[..., Any]


class Said:
    """Installs, and keeps what was told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.told: list[str] = []
        self.warned: list[str] = []

    def collections(self, *words: str, **choices: bool) -> int:
        known = Collections(configured=[self.root])
        wanted = [wanted_collection(word) for word in words]
        self.told.clear()
        return install_collections(wanted, self.root, known, Choices(**choices), self.told.append, self.warned.append)

    def roles(self, *words: str, **choices: bool) -> int:
        wanted = [wanted_role(word) for word in words]
        self.told.clear()
        return install_roles(wanted, self.root, [], Choices(**choices), self.told.append, self.warned.append)

    def version(self, name: str = "acme.tools") -> str | None:
        found = Collections(configured=[self.root]).get(name)
        return None if found is None else found.version()


@pytest.fixture
def said(tmp_path: Path) -> Said:
    return Said(tmp_path / "here")


def test_a_collection_of_an_archive(said: Said, collection: Make, tmp_path: Path) -> None:
    made = str(build(collection(), tmp_path))
    assert said.collections(made) == 0
    place = said.root / "ansible_collections" / "acme" / "tools"
    assert said.told == [
        *("Starting galaxy collection install process", "Process install dependency map"),
        *("Starting collection install process", f"Installing 'acme.tools:1.0.0' to '{place}'"),
        "acme.tools:1.0.0 was installed successfully",
    ]
    assert (place / "plugins" / "modules" / "note.py").read_text() == "# of 1.0.0\n"
    (place / "mine").write_text("")
    said.collections(made)
    assert said.told[-1].startswith("Nothing to do.")
    said.collections("acme.tools:>=1.0.0")
    assert said.told[-1].startswith("Nothing to do."), "nobody has to be asked"
    assert said.collections(made, force=True) == 0
    assert not (place / "mine").exists()
    newer = str(build(collection(version="2.0.0"), tmp_path))
    said.collections(newer, check=True)
    assert (said.version(), said.told[-1]) == ("1.0.0", f"Installing 'acme.tools:2.0.0' to '{place}'")
    said.collections(newer)
    assert said.version() == "2.0.0"


def test_of_folders_and_repositories(said: Said, collection: Make, repository: Make, tmp_path: Path) -> None:
    folder = collection()
    said.collections(str(folder))
    assert said.version() == "1.0.0"
    assert (said.root / "ansible_collections/acme/tools/MANIFEST.json").is_file()
    collection("acme.more", "3.0.0")
    address = repository(tmp_path / "src", "v1")
    said.collections(f"git+{address}#/acme/more,v1")
    assert said.version("acme.more") == "3.0.0"
    said.collections(f"git+{address}#/acme", force=True)
    assert said.told.count("acme.tools:1.0.0 was installed successfully") == 1
    with pytest.raises(GalaxyError, match=r"git cannot fetch file://.*v9"):
        said.collections(f"git+{address}#/acme,v9", force=True)
    with pytest.raises(GalaxyError, match=r"neither .* nor a folder in it is a collection"):
        said.collections(f"git+{address}", force=True)


def test_what_collections_depend_on(said: Said, collection: Make, tmp_path: Path) -> None:
    needs = str(build(collection("acme.needs", depends={"acme.tools": ">=1.1.0,<2.0.0"}), tmp_path))
    with pytest.raises(
        ServerNeeded, match=r"acme\.needs:1\.0\.0 depends on acme\.tools:>=1\.1\.0,<2\.0\.0, which is not"
    ):
        said.collections(needs)
    old = str(build(collection(version="1.0.0"), tmp_path))
    with pytest.raises(GalaxyError, match=r"depends on acme\.tools:.*, and there is 1\.0\.0"):
        said.collections(needs, old)
    assert not (said.root / "ansible_collections").exists(), "nothing is installed unless all is right"
    fit = str(build(collection(version="1.2.0"), tmp_path))
    said.collections(needs, fit)
    order = [line.split(":")[0] for line in said.told if line.endswith("successfully")]
    assert order == ["acme.tools", "acme.needs"]
    other = str(build(collection("acme.other", depends={"acme.tools": "1.2.0", "no.where": "*"}), tmp_path))
    assert said.collections(other, no_deps=True) == 0
    with pytest.raises(ServerNeeded, match="names no archive"):
        said.collections("no.where")


def test_what_fails_is_told_and_the_rest_goes_on(said: Said, collection: Make, tmp_path: Path) -> None:
    made = str(build(collection(), tmp_path))
    with pytest.raises(GalaxyError, match="could not find"):
        said.collections("./none.tar.gz", made)
    assert said.version() is None
    assert said.collections("./none.tar.gz", made, ignore_errors=True) == 1
    assert (said.version(), len(said.warned)) == ("1.0.0", 1)


def test_roles(said: Said, role: Path, repository: Make, tmp_path: Path) -> None:
    address = repository(role, "v1")
    said.roles(f"git+{address},v1,site")
    place = said.root / "site"
    assert said.told[1:] == [f"- extracting site to {place}", "- site (v1) was installed successfully"]
    assert not (place / ".git").exists()
    said.roles(f"git+{address},v1,site")
    assert said.told[1:] == ["- site (v1) is already installed, skipping."]
    said.roles(f"git+{address},v2,site")
    assert said.warned == ["- site (v1) is already installed - use --force to change version to v2"]
    said.roles(f"git+{address},v1,site", force=True, keep_scm_meta=True)
    assert (place / ".git").is_dir()
    with pytest.raises(GalaxyError, match="use --ignore-errors"):
        said.roles(f"git+{address},v9,nine")
    assert said.roles(f"git+{address},v9,nine", str(role), ignore_errors=True) == 1
    assert sorted(path.name for path in said.root.iterdir()) == ["site", "web"]
    for name in ("../web", "a/b", ".."):
        with pytest.raises(GalaxyError, match="cannot be the name of a role"):
            said.roles(f"git+{address},v1,{name}")
    assert remove_role("site", [said.root])
    assert not remove_role("site", [said.root])
    (said.root / "own" / "meta").mkdir(parents=True)
    with pytest.raises(GalaxyError, match="was not installed from elsewhere"):
        remove_role("own", [said.root])


def test_roles_that_a_role_depends_on(said: Said, role: Path, repository: Make) -> None:
    address = repository(role, "v1")
    needs = role.parent / "needs" / "meta"
    needs.mkdir(parents=True)
    (needs / "main.yml").write_text(f"dependencies:\n- {{src: git+{address}, version: v1, name: dep}}\n- known\n")
    said.roles(str(needs.parent))
    assert sorted(path.name for path in said.root.iterdir()) == ["dep", "needs"]
    said.roles(str(needs.parent), force=True, no_deps=True)
    assert "- dep" not in "".join(said.told)


def test_a_folder_names_no_other_place(said: Said, tmp_path: Path) -> None:
    """What a repository says it is becomes the name of a folder."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for namespace in ("../../out", "/tmp/out", "", None):
        info = {"namespace": namespace, "name": "x", "version": "1.0.0"}
        (folder / "MANIFEST.json").write_text(json.dumps({"collection_info": info}))
        with pytest.raises(GalaxyError, match="cannot be the name of a collection"):
            said.collections(str(folder))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["repository"]


def test_nothing_is_written_through_a_role_s_links(said: Said, role: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (role / "meta").rename(outside)
    (role / "meta").symlink_to(outside)
    with pytest.raises(GalaxyError, match="use --ignore-errors"):
        said.roles(str(role))
    assert "is a link, into which nothing is written" in said.warned[0]
    assert [path.name for path in outside.iterdir()] == ["main.yml"]
    assert not list(said.root.iterdir())


def test_what_is_noted_of_a_role_is_yaml(said: Said, role: Path, repository: Make) -> None:
    address = repository(role, "o'ne")
    said.roles(f"git+{address},o'ne,site")
    noted = yaml.safe_load((said.root / "site" / "meta" / ".galaxy_install_info").read_text())
    assert noted["version"] == "o'ne"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """An HTTP server on a folder."""
    folder = tmp_path / "www"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_addresses(said: Said, collection: Make, web: str, tmp_path: Path) -> None:
    build(collection(), tmp_path / "www")
    said.collections(f"{web}/acme-tools-1.0.0.tar.gz")
    assert said.version() == "1.0.0"
    with pytest.raises(GalaxyError, match="cannot be fetched: HTTP Error 404"):
        said.collections(f"{web}/none.tar.gz")


def test_a_password_in_an_address_is_not_told(said: Said) -> None:
    with pytest.raises(GalaxyError) as told:
        said.collections("git+file://me:blueberry@localhost/nowhere")
    assert "blueberry" not in str(told.value)
    with pytest.raises(GalaxyError) as told:
        said.collections("http://me:blueberry@127.0.0.1:1/x.tar.gz")
    assert "blueberry" not in str(told.value)


def test_requirements(tmp_path: Path) -> None:
    path = tmp_path / "requirements.yml"
    (tmp_path / "x.tar.gz").write_text("")
    path.write_text(
        """
roles:
  - {src: git+https://example.org/web.git, version: v1, name: site}
  - {src: https://example.org/web, scm: git}
  - {name: acme.web, version: "1.0"}
  - git+https://example.org/db.git,v2,store
collections:
  - acme.tools
  - {name: acme.more, version: ">=1.0"}
  - {name: https://example.org/c.git, type: git, version: main}
  - {name: acme.src, source: git+https://example.org/s.git}
  - x.tar.gz
"""
    )
    roles, collections = read_requirements(path)
    assert [(each.source, each.kind, each.version, each.name) for each in roles] == [
        ("https://example.org/web.git", "git", "v1", "site"),
        ("https://example.org/web", "git", None, "web"),
        ("acme.web", "galaxy", "1.0", "acme.web"),
        ("https://example.org/db.git", "git", "v2", "store"),
    ]
    assert [(each.source, each.kind, each.version) for each in collections] == [
        ("acme.tools", "galaxy", None),
        ("acme.more", "galaxy", ">=1.0"),
        ("https://example.org/c.git", "git", "main"),
        ("https://example.org/s.git", "git", None),
        (str(tmp_path / "x.tar.gz"), "file", None),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No requirements found in file"),
        ("other: []", "list or a mapping with 'roles' or 'collections'"),
        ("{roles: [], more: []}", r"Expecting only 'roles' and/or 'collections' .* Found: \['more'\]"),
        ("collections: [{source: x}]", "should contain the key name"),
        ("collections: [{name: a.b, type: svn}]", "'type' must be one of"),
        ("roles: [{version: 1}]", "Must specify name or src for role"),
        ("roles: [{src: x, scm: hg}]", "cannot be fetched by 'hg'"),
        ("[a,b,c", ""),
    ],
)
def test_requirements_that_are_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "requirements.yml"
    path.write_text(text)
    with pytest.raises(GalaxyError, match=message or "expected") as told:
        read_requirements(path)
    assert str(path) in str(told.value)
    with pytest.raises(GalaxyError, match="none"):
        read_requirements(tmp_path / "none.yml")
