"""``stella-ops doc``: ours, and modules written for ansible-core."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from stella_ops.cli.doc import doc

LIBRARY = Path(__file__).parents[2] / "integration/play/cases/others_modules/library"


def test_ours_and_others() -> None:
    said = CliRunner().invoke(doc, ["wait_for", "-M", str(LIBRARY), "note"], standalone_mode=False).output
    assert (
        "> MODULE ansible.builtin.wait_for (" in said and "\n- port\n        default: null\n        type: int\n" in said
    )
    assert "Keep a note in a file" in said and "\n= path    Where it is kept." in said


def test_json() -> None:
    said = CliRunner().invoke(doc, ["-M", str(LIBRARY), "note", "--format", "json"], standalone_mode=False).output
    found = json.loads(said)["note"]["doc"]
    assert found["options"]["text"] == {"type": "str", "default": "", "description": "What it says."}


def test_list_knows_programs_too() -> None:
    said = CliRunner().invoke(doc, ["--list", "-M", str(LIBRARY)], standalone_mode=False).output
    names = {line.split()[0] for line in said.splitlines()}
    assert {"ansible.builtin.copy", "ansible.builtin.meta", "ansible.legacy.oldstyle", "ansible.legacy.note"} <= names
    assert {"agent_install", "ansible.posix.mount"} <= names and "ansible.builtin.yum" not in names


COLLECTIONS = LIBRARY.parents[1] / "collections/collections"


def test_modules_of_collections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(COLLECTIONS))
    said = CliRunner().invoke(doc, ["acme.tools.hello"], standalone_mode=False).output
    assert said.startswith("> MODULE acme.tools.greet (") and "Who is greeted." in said
    missed = CliRunner().invoke(doc, ["acme.tools.grete"], standalone_mode=False).output
    assert "grete was not found; looked in " in missed and "did you mean 'greet'?" in missed


def test_the_forms_of_ansible_doc(stella: Callable[..., Any]) -> None:
    told = json.loads(stella("doc", "-j", "ping").out)["ping"]
    assert told["doc"]["options"]["data"]["default"] == "pong" and told["doc"]["module"] == "ping"
    assert "  file:\n" in stella("doc", "-s", "file").out
    assert "      path:                  # (required)" in stella("doc", "-s", "file").out
    assert "ansible.builtin.copy" in stella("doc", "-l", "ansible.builtin").out
    unknown = stella("doc", "nosuch")
    assert unknown.status == 0 and "nosuch was not found" in unknown.err
    assert stella("doc").status == 5
    for words in (("-t", "nosuch", "x"), ("-l", "-F"), ("-s", "-e", "main", "x")):
        said = stella("doc", *words)
        assert said.status == 2 and "argument -" in said.err
    assert "argument -F/--list_files: not allowed with argument -l/--list" in stella("doc", "-l", "-F").err


def test_filters_tests_and_lookups(stella: Callable[..., Any]) -> None:
    said = stella("doc", "-t", "filter", "ansible.builtin.combine").out
    assert "\n- _input  " in said and "\n- recursive  merge mappings inside" in said
    told = json.loads(stella("doc", "-t", "test", "-j", "version").out)["version"]["doc"]
    assert told["options"]["operator"]["default"] == "eq" and told["filename"].endswith("versions.py")
    said = stella("doc", "-t", "lookup", "csvfile").out
    assert "A column of the row" in said and "\n- keycol  The column of the key.\n        default: 0\n" in said
    assert "lookup('env', < _terms >, default=)" in stella("doc", "-s", "-t", "lookup", "env").out
    assert "> FILTER ansible.builtin.abs (Jinja2)" in stella("doc", "-t", "filter", "abs").out
    listed = {kind: stella("doc", "-t", kind, "--list").out for kind in ("filter", "test", "lookup")}
    assert "\ncommunity.general.json_query " in listed["filter"] and "\nansible.utils.in_network " in listed["test"]
    assert "\nansible.builtin.password " in listed["lookup"] and "ansible.builtin.<" not in listed["test"]
    unknown = stella("doc", "-t", "filter", "combin")
    assert unknown.status == 0 and "combin was not found; did you mean 'combine'?" in unknown.err


@pytest.mark.parametrize(
    ("kind", "name", "option"),
    [
        ("become", "sudo", "become_flags"),
        ("cache", "jsonfile", "_prefix"),
        ("callback", "default", "result_format"),
        ("connection", "ansible.builtin.winrm", "transport"),
        ("inventory", "constructed", "keyed_groups"),
        ("shell", "sh", "remote_tmp"),
        ("vars", "ansible.legacy.host_group_vars", "stage"),
    ],
)
def test_plugins_that_are_no_templates(stella: Callable[..., Any], kind: str, name: str, option: str) -> None:
    short = name.rpartition(".")[2]
    said = stella("doc", "-t", kind, name)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(f"> {kind.upper()} ansible.builtin.{short} (") and f"\n- {option} " in said.out
    assert f"ansible.builtin.{short} " in stella("doc", "-t", kind, "-l").out


def test_keywords(stella: Callable[..., Any]) -> None:
    said = stella("doc", "-t", "keyword", "serial", "nosuch", "when")
    assert "serial:\n  applies_to:\n  - Play\n" in said.out and "template: implicit" in said.out
    assert (said.status, said.err) == (0, "[WARNING]: Skipping invalid keyword 'nosuch': 'nosuch'\n")
    listed = yaml.safe_load(stella("doc", "-t", "keyword", "-l").out)
    assert set(listed) >= {"hosts", "async", "run_once", "vars_prompt"}


def test_everything_at_once(stella: Callable[..., Any], roles: Path) -> None:
    (roles / "library").mkdir()
    (roles / "library" / "broken.py").write_text('DOCUMENTATION = """\na: [\n"""\n')
    said = stella("doc", "--metadata-dump", "-r", "mine")
    assert said.status == 1 and "broken Missing documentation" in said.err
    said = stella("doc", "--metadata-dump", "--no-fail-on-errors", "-r", "mine")
    told = json.loads(said.out)["all"]
    assert told["module"]["ansible.legacy.broken"]["error"].startswith("Missing documentation (or could not parse")
    assert told["module"]["ansible.builtin.copy"]["doc"]["has_action"] is True
    assert told["become"]["ansible.builtin.su"]["doc"]["options"]["prompt_l10n"]["type"] == "list"
    assert set(told["role"]) == {"acme.tools.web", "web"} and "serial" in told["keyword"] and "cliconf" in told
    told = json.loads(stella("doc", "--metadata-dump", "--no-fail-on-errors", "acme.tools").out)["all"]
    assert told["module"] == {} and set(told["role"]) == {"acme.tools.web"}


def test_json_of_others_is_what_they_say(stella: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(
        'ANSIBLE_METADATA = {"status": ["preview"]}\n'
        'DOCUMENTATION = """\nmodule: told\nshort_description: Tell\nversion_added: 1.0.0\nauthor: [somebody]\n'
        "description: [Tells it.]\nnotes: [Loud.]\n"
        'options:\n  text:\n    description: [What., Twice.]\n    version_added: 1.1.0\n"""\n'
        'EXAMPLES = """\n- told:\n"""\nRETURN = """\nsaid:\n  description: [What was told., {odd: entry}]\n"""\n'
    )
    (tmp_path / "broken.py").write_text('DOCUMENTATION = """\na: [\n"""\n')
    told = json.loads(stella("doc", "-M", str(tmp_path), "-j", "told").out)["told"]
    assert told["doc"] == {
        "author": ["somebody"],
        "collection": "",
        "description": ["Tells it."],
        "filename": str(tmp_path / "told.py"),
        "has_action": False,
        "module": "told",
        "notes": ["Loud."],
        "options": {
            "text": {"description": ["What.", "Twice."], "version_added": "1.1.0", "version_added_collection": ""}
        },
        "plugin_name": "told",
        "short_description": "Tell",
        "version_added": "1.0.0",
        "version_added_collection": "",
    }
    assert told["metadata"] == {"status": ["preview"]} and told["examples"] == "\n- told:\n"
    odd = stella("doc", "-M", str(tmp_path), "told")
    assert odd.status == 1 and "Expected string in description of said at index 2" in odd.err
    broken = stella("doc", "-M", str(tmp_path), "broken")
    assert broken.status == 1 and "module broken Missing documentation (or could not parse documentation)" in broken.err


SPECIFICATION = """\
argument_specs:
  main:
    short_description: Serves pages
    description: [A web server., And its pages.]
    author: me
    options:
      port: {type: int, required: true, description: Where it listens.}
      names: {type: list, elements: str, default: [a, b], description: Its names.}
      how:
        type: dict
        description: How.
        options:
          speed: {choices: [slow, fast], description: How fast.}
  remove: {short_description: Serves nothing any more}
"""


@pytest.fixture
def roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ANSIBLE_ROLES_PATH", "ANSIBLE_COLLECTIONS_PATH"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_SCAN_SYS_PATH", "no")
    collection = tmp_path / "collections" / "ansible_collections" / "acme" / "tools"
    for folder in (tmp_path / "mine" / "web", collection / "roles" / "web"):
        (folder / "meta").mkdir(parents=True)
        (folder / "meta" / "argument_specs.yml").write_text(SPECIFICATION)
    (collection / "MANIFEST.json").write_text('{"collection_info": {"version": "1.0.0"}}')
    (tmp_path / "mine" / "silent" / "tasks").mkdir(parents=True)
    (tmp_path / "mine" / "broken" / "meta").mkdir(parents=True)
    (tmp_path / "mine" / "broken" / "meta" / "argument_specs.yml").write_text("a: [")
    return tmp_path


def test_roles_that_say_what_they_take(stella: Callable[..., Any], roles: Path) -> None:
    listed = stella("doc", "-t", "role", "-l", "-r", "mine")
    points = "  specs:\n    main  : Serves pages\n    remove: Serves nothing any more\n"
    assert listed.out == f"acme.tools.web:\n{points}web:\n{points}"
    assert "Skipping role (broken) due to: Failed to process role (broken): " in listed.err
    told = json.loads(stella("doc", "-t", "role", "-l", "-r", "mine", "-j", "acme.tools").out)
    entries = {"main": "Serves pages", "remove": "Serves nothing any more"}
    assert told == {
        "acme.tools.web": {"collection": "acme.tools", "description": "UNDOCUMENTED", "entry_points": entries}
    }


def test_what_a_role_takes(stella: Callable[..., Any], roles: Path) -> None:
    text = stella("doc", "-t", "role", "-r", "mine", "web", "-e", "main").out
    first, _, second = text.partition("\n> ROLE: *web* ")
    assert first.startswith(f"> ROLE: *acme.tools.web* ({roles}/collections/ansible_collections/acme/tools)\n")
    for line in (
        "ENTRY POINT: *main* - Serves pages",
        "          And its pages.",
        "Options (= indicates it is required):",
        "= port      Where it listens.",
        "          default: [a, b]",
        "          - speed  How fast.",
        "            choices: [slow, fast]",
        "AUTHOR: me",
    ):
        assert line in second.splitlines()
    assert "remove" not in text
    told = json.loads(stella("doc", "-t", "role", "-r", "mine", "web", "-e", "remove", "-j").out)
    point = {"remove": {"short_description": "Serves nothing any more"}}
    assert told["web"] == {"collection": None, "path": f"{roles}/mine/web", "entry_points": point}
    assert set(told) == {"web", "acme.tools.web"}


def test_roles_that_say_nothing_or_nonsense(stella: Callable[..., Any], roles: Path) -> None:
    assert stella("doc", "-t", "role", "-r", "mine", "silent").out == ""
    said = stella("doc", "-t", "role", "-r", "mine", "broken")
    assert said.status == 1 and "Failed to process role (broken): while parsing" in said.err
