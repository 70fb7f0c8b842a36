"""Where collections are looked for, and what is found in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.collections import Collections
from stella_ops.collections.installed import configured_folders
from stella_ops.errors import CollectionError


def test_the_first_place_that_has_it_counts(install, tmp_path: Path) -> None:
    install({"a.b/plugins/modules/x.py": "old", "a.c/galaxy.yml": ""}, place="later")
    made = install({"a.b/plugins/modules/y.py": "new"}, place="first", also=("later",))
    found = made.get("a.b")
    assert found is not None and found.folder == tmp_path / "first/ansible_collections/a/b"
    assert made.get("a.c") is not None and made.get("a.d") is None
    assert list(made.names()) == ["a.b", "a.c"]


def test_beside_a_playbook_comes_first_and_may_come_late(install, tmp_path: Path) -> None:
    made = install({"a.b/galaxy.yml": ""})
    assert made.get("c.d") is None
    (tmp_path / "site/collections/ansible_collections/c/d").mkdir(parents=True)
    made.add_beside(tmp_path / "site")
    assert made.get("c.d") is not None
    assert made.roots[0] == tmp_path / "site/collections/ansible_collections"


def test_the_folder_itself_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "ansible_collections/a/b").mkdir(parents=True)
    assert Collections((), [tmp_path / "ansible_collections"]).get("a.b") is not None


def test_what_is_no_collection(install) -> None:
    made = install({"a.b/galaxy.yml": ""})
    assert [made.get(name) for name in ("a", "a.b.c", "ansible.builtin", "../x.y", "")] == [None] * 5


def test_roles_and_playbooks(install, tmp_path: Path) -> None:
    made = install(
        {
            "a.b/roles/r/tasks/main.yml": "",
            "a.b/roles/deep/r/tasks/main.yml": "",
            "a.b/playbooks/site.yml": "",
            "a.b/playbooks/sub/other.yaml": "",
        }
    )
    base = tmp_path / "here/ansible_collections/a/b"
    found = made.role("a.b.r")
    assert found is not None and (found[0].name, found[1]) == ("a.b", base / "roles/r")
    found = made.role("a.b.deep.r")
    assert found is not None and found[1] == base / "roles/deep/r"
    assert made.role("a.b.none") is None and made.role("r") is None
    assert made.playbook("a.b.site") == made.playbook("a.b.site.yml") == base / "playbooks/site.yml"
    assert made.playbook("a.b.sub.other") == base / "playbooks/sub/other.yaml"
    assert made.playbook("a.b.none") is None and made.playbook("site.yml") is None
    of = made.of_path(base / "playbooks")
    assert of is not None and of.name == "a.b"
    assert made.of_path(tmp_path) is None
    assert made.of_path(tmp_path / "elsewhere/ansible_collections/a/b") is None  # another one of its name


def test_its_version(install) -> None:
    made = install(
        {
            "a.b/MANIFEST.json": '{"collection_info": {"version": "1.2.3"}}',
            "a.c/galaxy.yml": "version: 4.5.6",
            "a.d/README.md": "",
        }
    )
    versions = []
    for name in ("a.b", "a.c", "a.d"):
        found = made.get(name)
        assert found is not None
        versions.append(found.version())
    assert versions == ["1.2.3", "4.5.6", None]


RUNTIME = {"a.b/meta/runtime.yml": "requires_ansible: '>=2.99'"}


def test_one_for_another_ansible_is_told_once(install) -> None:
    made, told = install(RUNTIME), []
    made.get("a.b")
    made.listen(lambda notice: told.append(notice.text))
    made.get("a.b")
    assert told == ["Collection a.b does not support Ansible version 2.19.0"]


def test_or_refused_or_taken(install) -> None:
    with pytest.raises(CollectionError, match="does not support") as caught:
        install(RUNTIME, mismatch="error").get("a.b")
    assert caught.value.hint == "it asks for ansible-core >=2.99"
    made, told = install(RUNTIME, mismatch="ignore"), []
    made.listen(told.append)
    assert made.get("a.b") is not None and told == []


@pytest.mark.parametrize("text", ["a: [", "- a list", "\x00"])
def test_a_broken_runtime_file_is_told_with_its_place(install, text: str) -> None:
    with pytest.raises(CollectionError) as caught:
        install({"a.b/meta/runtime.yml": text}).get("a.b")
    assert "meta/runtime.yml" in str(caught.value.where)


def test_what_the_environment_names() -> None:
    assert configured_folders({"ANSIBLE_COLLECTIONS_PATH": "/a:/b"}) == [Path("/a"), Path("/b")]
    assert configured_folders({})[1] == Path("/usr/share/ansible/collections")
