"""Names of modules and roles where collections are installed, and ``module_defaults`` for groups of theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.collections.moved import moved_to
from stella_ops.errors import PlaybookError
from stella_ops.playbook.model import walk_tasks
from stella_ops.playbook.module_defaults import ModuleDefaults
from stella_ops.playbook.module_names import canonical, search_list
from stella_ops.playbook.parser import load_playbook

FILES = {
    "a.b/meta/runtime.yml": """
action_groups: {all: [one, two]}
plugin_routing: {modules: {old: {redirect: a.b.one}, gone: {tombstone: {removal_version: 2.0.0}}}}
""",
    "a.b/plugins/modules/one.py": "from ansible.module_utils.basic import AnsibleModule",
    "a.b/plugins/modules/two.py": "from ansible.module_utils.basic import AnsibleModule",
    "a.b/plugins/modules/copy.py": "from ansible.module_utils.basic import AnsibleModule",
    "a.b/plugins/modules/acting.py": "from ansible.module_utils.basic import AnsibleModule",
    "a.b/plugins/action/acting.py": "",
    "a.b/plugins/action/alone.py": "",
    "a.b/roles/r/tasks/main.yml": "- one:\n- copy: {dest: /x}\n- ansible.builtin.copy: {dest: /x}\n",
    "a.b/roles/r/meta/main.yml": "dependencies: [needed]",
    "a.b/roles/needed/tasks/main.yml": "- other:\n",
    "a.b/roles/needed/meta/main.yml": "collections: [c.d]",
    "a.b/playbooks/site.yml": "- hosts: all\n  roles: [r]\n  tasks: [one: ]\n",
    "c.d/plugins/modules/other.py": "from ansible.module_utils.basic import AnsibleModule",
    "community.general/plugins/modules/ufw.py": "from ansible.module_utils.basic import AnsibleModule",
    "community.general/plugins/modules/ini_file.py": "from ansible.module_utils.basic import AnsibleModule",
}


def actions(path: Path, modules) -> list[str]:
    return [task.action for play in load_playbook(path, modules=modules).plays for task in walk_tasks(play.tasks)]


def test_canonical_names(install, modules) -> None:
    install(FILES)
    full = {"a.b.one": "a.b.one", "a.b.old": "a.b.one", "a.b.acting": "a.b.acting", "a.b.none": "a.b.none"}
    full |= {"ansible.builtin.copy": "copy", "ansible.legacy.copy": "copy", "copy": "copy", "one": "one"}
    full |= {"community.general.ini_file": "community.general.ini_file", "ufw": "community.general.ufw"}
    full |= {"ansible.builtin.ufw": "community.general.ufw", "ansible.legacy.ufw": "community.general.ufw"}
    full |= {"community.general.archive": "archive", "ansible.posix.mount": "mount"}
    assert {name: canonical(name, modules) for name in full} == full
    assert canonical("copy", modules, ["a.b"]) == "a.b.copy"
    assert canonical("copy", modules, ["ansible.builtin", "a.b"]) == "copy"
    assert canonical("one", modules, ["x.y", "ansible.legacy", "a.b"]) == "a.b.one"
    assert canonical("meta", modules, ["a.b", "ansible.legacy"]) == "meta"


def test_where_short_names_are_looked_for() -> None:
    assert search_list(None) == ()
    assert search_list(["a.b"]) == ("a.b", "ansible.legacy")
    assert search_list(["a.b", "ansible.builtin"], "c.d") == ("c.d", "a.b", "ansible.builtin")
    assert search_list(None, "c.d") == ("c.d", "ansible.legacy")


def test_the_keyword_at_every_level(install, modules, write) -> None:
    install(FILES)
    path = write(
        """
- hosts: all
  collections: [a.b]
  tasks:
    - one:
    - copy: {dest: /x}
    - collections: c.d
      block:
        - other:
        - copy: {dest: /x}
    - other:
      collections: [c.d, a.b]
"""
    )
    assert actions(path, modules) == ["a.b.one", "a.b.copy", "c.d.other", "copy", "c.d.other"]


def test_roles_look_in_their_own_collection_and_inherit_none(install, modules, write) -> None:
    install({**FILES, "c.d/roles/plain/tasks/main.yml": "- one:"})
    path = write("- hosts: all\n  collections: [c.d]\n  roles: [a.b.r]\n")
    assert actions(path, modules) == ["c.d.other", "a.b.one", "a.b.copy", "copy"]
    with pytest.raises(PlaybookError, match="unknown module 'one'"):
        actions(write("- hosts: all\n  collections: [a.b, c.d]\n  roles: [plain]\n"), modules)


def test_a_role_of_a_linked_collection_is_where_the_collection_is_installed(
    install, modules, write, tmp_path: Path
) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "here" / "ansible_collections" / "a").mkdir(parents=True)
    (tmp_path / "here" / "ansible_collections" / "a" / "b").symlink_to(tmp_path / "source")
    install({**FILES, "a.b/roles/r/meta/argument_specs.yml": "argument_specs: {main: {}}"})
    play = load_playbook(write("- hosts: all\n  roles: [a.b.r]\n"), modules=modules).plays[0]
    folder = str(tmp_path / "here" / "ansible_collections" / "a" / "b" / "roles" / "r")
    check = next(task for task in walk_tasks(play.tasks) if task.action == "validate_argument_spec")
    assert play.roles[0].folder == folder
    assert check.args["validate_args_context"] == {
        "type": "role",
        "name": "r",
        "argument_spec_name": "main",
        "path": folder,
    }


def test_playbooks_of_collections(install, modules, write) -> None:
    install(FILES)
    path = write("- import_playbook: a.b.site\n- hosts: all\n  tasks: [copy: {dest: /x}]\n")
    assert actions(path, modules) == ["c.d.other", "a.b.one", "a.b.copy", "copy", "a.b.one", "copy"]
    book = load_playbook(path, modules=modules)
    assert [role.name for role in book.plays[0].roles] == ["a.b.r"]
    assert book.plays[0].roles[0].dependencies[0].name == "a.b.needed"


def test_the_keyword_inside_a_role_stands_behind_the_playbooks_own_collection(install, modules, write) -> None:
    role = "- block: [{one: }, {other: }]\n  collections: [c.d]\n- one:\n"
    install(
        {
            **FILES,
            "a.b/playbooks/near.yml": "- hosts: all\n  roles: [near]\n",
            "a.b/playbooks/roles/near/tasks/main.yml": role,
        }
    )
    assert actions(write("- import_playbook: a.b.near\n"), modules) == ["a.b.one", "c.d.other", "a.b.one"]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("a.b.acting:", "'a.b.acting' needs the action plug-in 'a.b.acting': those are not supported"),
        ("a.b.alone:", "'a.b.alone' needs the action plug-in 'a.b.alone': those are not supported"),
        ("a.b.gone:", "The 'a.b.gone' module has been removed. This feature was removed from collection 'a.b'"),
        ("a.b.none:", "unknown module 'a.b.none'"),
        ("x.y.none:", "unknown module 'x.y.none'"),
        ("import_role: {name: x.y.r}", "the role 'x.y.r' was not found"),
        ("debug:\n      with_x.y.z: [1]", "unknown loop 'with_x.y.z'"),
        ("debug:\n      module_defaults: {group/a.b.none: {}}", "could not resolve the module_defaults group a.b.none"),
        ("debug:\n- hosts: all\n  strategy: a.b.slow", "the strategy plug-in 'a.b.slow' is not supported"),
        ("debug:\n      collections: [{a: b}]", "'collections' must be names of collections"),
    ],
)
def test_what_is_not_there(install, modules, write, task: str, said: str) -> None:
    install(FILES)
    with pytest.raises(PlaybookError) as caught:
        load_playbook(write(f"- hosts: all\n  tasks:\n    - {task}\n"), modules=modules)
    assert said in str(caught.value)


def test_defaults_of_modules_and_groups(install, modules) -> None:
    install(FILES)
    defaults = ModuleDefaults(modules)

    def of(action: str, *levels: object) -> dict[str, object]:
        return defaults.of(action, levels, lambda value: value)

    group, own = {"group/a.b.all": {"x": 1, "y": 1}}, {"a.b.one": {"x": 2}}
    assert of("a.b.one", group) == of("a.b.two", own, group) == {"x": 1, "y": 1}
    assert of("a.b.one", group, own) == of("a.b.one", own, group) == {"x": 2, "y": 1}
    assert of("a.b.one", {"a.b.old": {"z": 1}}) == {"z": 1}
    # of one name the innermost level counts, whole
    assert of("a.b.one", own, {"a.b.one": {"y": 3}}) == {"y": 3}
    assert of("copy", {"ansible.builtin.copy": {"mode": "1"}}, {"copy": {"dest": "/x"}}) == {"dest": "/x"}
    assert of("copy", group, own) == {}


def test_loops_over_lookups_that_moved(tmp_path: Path, install, modules) -> None:
    site = tmp_path / "site.yml"
    site.write_text("- hosts: all\n  tasks:\n    - ping:\n      with_dig: [a]\n")
    install({"x.y/plugins/lookup/z.py": ""})
    with pytest.raises(PlaybookError, match="unknown loop 'with_dig'"):
        load_playbook(site, modules=modules)
    install({"community.general/plugins/lookup/dig.py": ""})
    assert actions(site, modules) == ["ping"]


def test_modules_that_moved(tmp_path: Path, install, modules) -> None:
    site = tmp_path / "site.yml"
    site.write_text("- hosts: all\n  tasks:\n    - cronvar: {}\n    - aws_s3: {}\n")
    install({"x.y/plugins/modules/z.py": ""})
    with pytest.raises(PlaybookError, match="unknown module 'cronvar'") as caught:
        load_playbook(site, modules=modules)
    assert "the collection 'community.general' is not installed" in str(caught.value)
    install(
        {
            "community.general/plugins/modules/cronvar.py": "ARGUMENTS = {}",
            "amazon.aws/plugins/modules/aws_s3.py": "ARGUMENTS = {}",
        }
    )
    assert actions(site, modules) == ["community.general.cronvar", "amazon.aws.aws_s3"]


def test_names_that_moved_and_changed() -> None:
    assert moved_to("modules", "cs_zone_facts") == "ngine_io.cloudstack.cs_zone_info"
    assert moved_to("filter", "json_query") == "community.general.json_query"
    assert [moved_to("modules", name) for name in ("copy", "keycloak_realm")] == [None, None]
