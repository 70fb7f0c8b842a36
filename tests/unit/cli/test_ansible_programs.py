"""ansible-core's programs by their own names: how they are called, and what they put up with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.cli.ansible_programs import NAMES, PROGRAMS, WITHOUT, going_away
from stella_ops.errors import ParseError
from stella_ops.source_files import load_yaml_file
from stella_ops.vault.cipher import encrypt

PLAYS = """
- {hosts: nosuch, gather_facts: false, tasks: [{debug: {msg: a}}]}
- hosts: localhost
  gather_facts: false
  tasks:
    - debug: {msg: first}
    - debug: {msg: one, msg: two}
    - debug: {msg: "{{ nope }}"}
"""


def test_what_is_a_warning_there_is_none_of_ours(program: Callable[..., Any], tmp_path: Path) -> None:
    book = tmp_path / "book.yml"
    book.write_text(PLAYS)
    status, out, err = program("ansible-playbook", "-i", "missing", "-e", "word", book)
    assert status == 2  # of the last task, before which the others ran
    assert "skipping: no hosts matched" in out and '"msg": "two"' in out and "'nope' is undefined" in out
    for line in (
        f"[WARNING]: Unable to parse {tmp_path}/missing as an inventory source",
        "[WARNING]: No inventory was parsed, only implicit localhost is available",
        "[WARNING]: provided hosts list is empty, only localhost is available. Note that the implicit localhost does",
        "[WARNING]: Found duplicate mapping key 'msg'.",
        "[WARNING]: Could not match supplied host pattern, ignoring: nosuch",
    ):
        assert line in err, err
    with pytest.raises(ParseError, match="duplicate key"):  # what a program sets ends with it
        load_yaml_file(book)
    status, out, err = program("ansible-playbook", "-i", "a,", book, "--list-tasks")
    assert status == 0 and "TAGS: []" in out
    assert "[WARNING]: Could not match supplied host pattern, ignoring: nosuch" in err


def test_wrong_parameters_fail_their_task(program: Callable[..., Any], tmp_path: Path) -> None:
    book = tmp_path / "book.yml"
    tasks = "[{debug: {msg: first}}, {file: {state: touch}}]"
    book.write_text(f"- {{hosts: localhost, gather_facts: false, tasks: {tasks}}}\n")
    status, out, _ = program("ansible-playbook", book)
    assert status == 2
    assert '"msg": "first"' in out and "missing required arguments: path" in out


def test_ignored_failures_have_their_error(
    program: Callable[..., Any], stella: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "p.yml").write_text(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - command: 'false'\n      ignore_errors: true\n"
    )
    told = "[ERROR]: Task failed: Module failed: non-zero return code"
    assert told in program("ansible-playbook", "p.yml")[1]
    assert told not in stella("play", "p.yml").out


METAS = """
- hosts: all
  gather_facts: false
  tasks:
    - meta: noop
    - name: named
      ansible.builtin.meta: flush_handlers
      when: inventory_hostname == 'b'
    - debug: {msg: a}
      changed_when: true
      notify: done
    - meta: flush_handlers
    - name: facts
      meta: clear_facts
    - name: over
      meta: end_host
      when: inventory_hostname == 'a'
    - name: no end
      meta: end_play
      when: false
  handlers:
    - name: done
      meta: clear_host_errors
"""

# As ansible-core 2.19 prints it: without stars and empty lines.
METAS_TOLD = """
TASK [meta]
TASK [meta]
TASK [named]
skipping: [a]
TASK [named]
TASK [debug]
TASK [meta]
TASK [meta]
RUNNING HANDLER [done]
TASK [facts]
TASK [over]
TASK [over]
skipping: [b]
TASK [no end]
skipping: [b]
"""


def test_what_meta_tasks_do_is_told(
    program: Callable[..., Any], stella: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.yml").write_text(METAS)
    called = ("-i", "a,b", "-c", "local", "p.yml")
    out = program("ansible-playbook", *called)[1]
    told = [line.rstrip("* ") for line in out.splitlines() if line.startswith(("TASK", "RUNNING", "skipping"))]
    assert told == METAS_TOLD.split("\n")[1:-1]
    monkeypatch.setenv("ANSIBLE_STRATEGY", "free")
    alone = [line.rstrip("* ") for line in program("ansible-playbook", *called)[1].splitlines() if line]
    assert "TASK [meta]" not in alone and "TASK [over]" in alone and "skipping: [b]" in alone
    monkeypatch.delenv("ANSIBLE_STRATEGY")
    more = program("ansible-playbook", *called, "-vv")[1]
    assert "META: ending play for a\n" in more
    assert "META: end_host conditional evaluated to False, continuing execution for b\n" in more
    assert '"skip_reason": "end_play conditional evaluated to False, continuing play"' in more
    assert "TASK [over]" not in stella("play", *called).out


REFUSED = """
- hosts: localhost
  gather_facts: false
  tasks:
    - debug: {msg: first}
    - mine: {a: 1}
      tags: [other]
    - a.b.acting: {a: 1}
      when: "'acting' in ansible_run_tags"
    - action: "{{ 'a.b.acting' }}"
      ignore_errors: true
    - debug: {msg: last}
"""


def test_actions_that_are_refused_fail_their_tasks(
    program: Callable[..., Any], stella: Callable[..., Any], tmp_path: Path
) -> None:
    book = tmp_path / "book.yml"
    book.write_text(REFUSED)
    collection = tmp_path / "collections/ansible_collections/a/b/plugins"
    theirs = (collection / kind / "acting.py" for kind in ("action", "modules"))
    for path in (tmp_path / "action_plugins/mine.py", *theirs):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("from ansible.module_utils.basic import AnsibleModule\n")
    said = "'a.b.acting' needs the action plug-in 'a.b.acting': those are not supported"
    status, out, _ = program("ansible-playbook", book)
    assert status == 2 and '"msg": "first"' in out and '"msg": "last"' not in out
    assert "'mine' is an action plug-in: those are not supported" in out
    status, out, _ = program("ansible-playbook", book, "--skip-tags", "other")
    assert status == 0 and '"msg": "last"' in out and out.count("FAILED! => ") == 1 and said in out
    # by our own names it is told before the first task, unless that is not reached
    shown = stella("play", book)
    assert shown.status == 4 and "'mine' is an action plug-in" in shown.err and "PLAY" not in shown.out
    assert stella("play", book, "--skip-tags", "other").status == 0
    found = stella("lint", book)
    assert "error [not-supported] 'mine' is" in found.out and f"warning [not-supported] {said}" in found.out


def test_our_own_commands_stop(stella: Callable[..., Any], tmp_path: Path) -> None:
    book = tmp_path / "book.yml"
    book.write_text(PLAYS)
    said = stella("play", book)
    assert said.status == 4 and "[ERROR]: " in said.err and "duplicate key 'msg'" in said.err
    assert stella("play", "-i", "missing", book).status == 4
    assert stella("run", "nosuch", "-m", "ping").status == 4
    assert stella("play", "-e", "word", book).status == 2


@pytest.mark.parametrize(
    ("name", "value", "status", "said"),
    [
        ("ANSIBLE_INVENTORY_UNPARSED_FAILED", "1", 1, "No inventory was parsed, please check"),
        ("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "1", 4, "there is no inventory 'missing'"),
        ("ANSIBLE_HOST_PATTERN_MISMATCH", "error", 4, "matches no host"),
        ("ANSIBLE_DUPLICATE_YAML_DICT_KEY", "error", 4, "duplicate key"),
    ],
)
def test_settings_make_it_an_error(
    program: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    value: str,
    status: int,
    said: str,
) -> None:
    book = tmp_path / "book.yml"
    book.write_text(PLAYS)
    monkeypatch.setenv(name, value)
    found, _, err = program("ansible-playbook", "-i", "missing", book)
    assert found == status and said in err


def test_a_playbook_that_cannot_be_read_is_told_in_its_turn(
    program: Callable[..., Any], stella: Callable[..., Any], tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text("- hosts: localhost\n  gather_facts: false\n  tasks: [{debug: msg=first}]\n")
    bad.write_text("- hosts: localhost\n  tasks: [{nosuchmodule: }]\n")
    status, out, err = program("ansible-playbook", good, bad)
    assert status == 4 and out.count("PLAY RECAP") == 1 and "couldn't resolve module/action" in err
    assert stella("play", good, bad).out == ""
    assert program("ansible-playbook", bad, good)[:2] == (4, "")


def test_a_program_that_fails_for_a_host_counts_beside_other_sources_alone(
    program: Callable[..., Any], tmp_path: Path
) -> None:
    script = tmp_path / "hosts.sh"
    script.write_text('#!/bin/sh\n[ "$1" = --list ] && echo \'{"g": ["a"]}\'\n')
    script.chmod(0o755)
    status, out, err = program("ansible-inventory", "-i", script, "--list")
    assert status == 0 and '"a"' not in out and "Inventory script returned non-zero exit code 1" in err
    assert '"a"' in program("ansible-inventory", "-i", script, "-i", "b,", "--list")[1]


def test_warnings_may_be_switched_off(program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_LOCALHOST_WARNING", "0")
    monkeypatch.setenv("ANSIBLE_INVENTORY_UNPARSED_WARNING", "0")
    status, out, err = program("ansible", "localhost", "-m", "debug", "-a", "msg=hi", "--one")
    assert (status, err) == (0, "") and out.startswith("localhost | SUCCESS => {")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ansible-playbook",), "the following arguments are required: playbook"),
        (("ansible",), "the following arguments are required: pattern"),
        (("ansible-playbook", "--nosuch", "x.yml"), "unrecognized arguments: --nosuch"),
        (("ansible-playbook", "--list", "x.yml"), "ambiguous option: --list could match --list-hosts, --list-tags"),
        (("ansible-vault", "nosuch"), "nosuch"),
        *(((name, "install", "-x"), f"{name} is not supported") for name in WITHOUT),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage(program: Callable[..., Any], words: tuple[str, ...], said: str) -> None:
    status, out, err = program(*words)
    assert (status, out) == (2, "") and said in err


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_tells_its_version(program: Callable[..., Any], name: str) -> None:
    status, out, err = program(name, "--version")
    assert (status, err) == (0, "") and out.startswith(f"{name} [core 2.19")


def test_a_script_written_for_ansible_core(tmp_path: Path) -> None:
    shims = tmp_path / "some folder"
    made = [sys.executable, "-m", "stella_ops", "ansible-shims", str(shims)]
    subprocess.run(made, check=True, capture_output=True)
    subprocess.run(made, check=True, capture_output=True)  # again: nothing against it
    assert sorted(path.name for path in shims.iterdir()) == sorted(NAMES)
    script = """
    set -eux
    ansible --version | grep -F 'ansible [core 2.19'
    echo word > pass
    printf 'a: 1\\n' | ansible-vault encrypt --vault-pass-file pass --output v.yml
    ansible localhost -m debug -a var=a -e @v.yml --vault-pass-file pass | tee out
    grep '"a": 1' out
    test "$(ansible all -i a,b, --list-hosts | wc -l)" = 3
    ansible-inventory -i a, --host a && rc=0 || rc=$?
    test $rc = 0
    ansible-playbook nosuch.yml 2> err && exit 1 || test $? = 1
    grep 'ERROR.*nosuch.yml could not be found' err
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "STELLA_"))}
    environ.update(PATH=f"{shims}:{os.environ['PATH']}", HOME=str(tmp_path), PYTHONPATH="")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_programs_of_others_are_left_alone(stella: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ansible").write_text("theirs")
    said = stella("ansible-shims", tmp_path / "bin")
    assert said.status == 2 and "not of our making" in said.err
    assert (tmp_path / "bin" / "ansible").read_text() == "theirs"


def test_what_goes_away_is_told(program: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts.ini").write_text("a a-b=1 true=2 fine=3\n")
    _, _, err = program("ansible-inventory", "--inventory-file", "hosts.ini", "--list")
    gone = " This feature will be removed from ansible-core version 2.23."
    assert [line for line in err.splitlines() if line.startswith("[")] == [
        "[WARNING]: Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg.",
        f"[DEPRECATION WARNING]: Accepting inventory variable with invalid name 'a-b'.{gone}",
        f"[DEPRECATION WARNING]: Accepting inventory variable with invalid name 'true'.{gone}",
        f"[DEPRECATION WARNING]: The '--inventory-file' argument is deprecated.{gone} Use -i or --inventory instead.",
    ]
    monkeypatch.setenv("ANSIBLE_DEPRECATION_WARNINGS", "no")
    assert "DEPRECATION" not in program("ansible-inventory", "-i", "hosts.ini", "--list")[2]
    assert going_away(["/bin/ansible", "-o", "--tree=x"]) and not going_away(["/bin/ansible-playbook", "-t", "x"])


NAMES_OF_GROUPS = """\
web-1:
  hosts: {a: {ansible_connection: local}}
  odd: 1
"""


@pytest.mark.parametrize(
    ("mode", "name", "told"),
    [
        ("always", "web_1", "and automatically replaced, use -vvvv to see details"),
        ("silently", "web_1", None),
        ("ignore", "web-1", None),
        ("never", "web-1", "but not replaced, use -vvvv to see details"),
    ],
)
def test_names_of_groups(
    program: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    name: str,
    told: str | None,
) -> None:
    (tmp_path / "hosts.yml").write_text(NAMES_OF_GROUPS)
    monkeypatch.setenv("ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS", mode)
    status, out, err = program("ansible", "-i", "hosts.yml", "a", "-m", "debug", "-a", "var=group_names")
    assert status == 0 and f'"{name}"' in out
    assert f"[WARNING]: Skipping key (odd) in group ({name}) as it is not a mapping" in err
    assert ("Invalid characters were found in group names" in err) == (told is not None)
    assert told is None or told in err


def test_missing_files_of_variables_are_passed_over_there_alone(
    program: Callable[..., Any], stella: Callable[..., Any], tmp_path: Path
) -> None:
    play = "- hosts: localhost\n  gather_facts: false\n  vars_files: [nosuch.yml]\n  tasks: [{debug: {msg: a}}]\n"
    (tmp_path / "p.yml").write_text(play)
    assert program("ansible-playbook", "p.yml")[0] == 0
    said = stella("play", "p.yml")
    assert said.status != 0 and "nosuch.yml" in said.err


def test_ansible_config_without_its_file(
    program: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, _ = program("ansible-config", "dump", "--only-changed")
    assert (status, out.splitlines()) == (0, ["CONFIG_FILE() = None", "", "GALAXY_SERVERS:"])
    status, _, err = program("ansible-config", "view", "-c", "nosuch.cfg")
    assert status == 5 and f"The provided configuration file is missing or not accessible: {tmp_path}/nosuch.cfg" in err
    (tmp_path / "bad.cfg").write_text("[defaults\n")
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tmp_path / "bad.cfg"))
    status, out, err = program("ansible-config", "dump")
    assert (status, out) == (5, "") and f"Error reading config file ({tmp_path}/bad.cfg)" in err


@pytest.mark.parametrize(
    "words",
    [
        ("ansible-vault", "-v", "view", "--vault-password-file", "nosuch", "x"),
        ("ansible-galaxy", "-vv", "role", "list"),
    ],
)
def test_verbosity_may_stand_before_what_is_to_be_done(program: Callable[..., Any], words: tuple[str, ...]) -> None:
    assert "-v" not in program(*words)[2]


def test_verbosity_before_the_acts_of_ansible_config(program: Callable[..., Any]) -> None:
    assert program("ansible-config", "-v", "dump", "--only-changed")[0] == 0


WRONG = [
    ("ansible", "error: the following arguments are required: pattern"),
    ("ansible localhost -i", "error: argument -i/--inventory/--inventory-file: expected one argument"),
    ("ansible localhost -f x", "error: argument -f/--forks: invalid int value: 'x'"),
    ("ansible localhost -f 0", "error: The number of processes (--forks) must be >= 1"),
    ("ansible localhost more", "error: unrecognized arguments: more"),
    ("ansible-doc -t nosuch x", "error: argument -t/--type: invalid choice: 'nosuch' (choose from 'become', "),
    ("ansible-config", "error: the following arguments are required: action"),
    ("ansible-vault nosuch", "error: argument action: invalid choice: 'nosuch' (choose from "),
    ("ansible-vault view --nosuch", "error: unrecognized arguments: --nosuch"),
    ("ansible-config dump --format x", "error: argument --format/-f: invalid choice: 'x' (choose from "),
]


@pytest.mark.parametrize(("line", "said"), WRONG, ids=[line for line, _ in WRONG])
def test_wrong_command_lines(program: Callable[..., Any], line: str, said: str) -> None:
    name, *words = line.split()
    status, out, err = program(name, *words)
    assert (status, out) == (2, "") and err.startswith(f"usage: {name}") and said in err.splitlines()[-1]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_no_error(program: Callable[..., Any], name: str, option: str) -> None:
    status, out, err = program(name, option)
    assert (status, err) == (0, "") and out.lower().startswith(f"usage: {name} ")


def test_what_is_included_by_a_single_task(program: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "inc.yml").write_text("- debug: msg=included\n")
    (tmp_path / "roles" / "small" / "tasks").mkdir(parents=True)
    (tmp_path / "roles" / "small" / "tasks" / "main.yml").write_text("- debug: msg=of-role\n")
    for module, arguments, said in (
        ("include_tasks", "inc.yml", "included"),
        ("include_role", "name=small", "of-role"),
    ):
        status, out, _ = program("ansible", "localhost", "-m", module, "-a", arguments)
        assert status == 0 and f'"msg": "{said}"' in out


def test_what_is_encrypted_and_has_no_password(program: Callable[..., Any], tmp_path: Path) -> None:
    sealed = encrypt(b"- hosts: localhost\n", b"password", None)
    (tmp_path / "group_vars").mkdir()
    for name in ("sealed.yml", "group_vars/all.yml"):
        (tmp_path / name).write_bytes(sealed)
    (tmp_path / "hosts").write_text("localhost\n")
    for words, expected in (
        (("ansible", "localhost", "-m", "ping", "-e", "@sealed.yml"), 1),
        (("ansible-playbook", "sealed.yml"), 1),
        (("ansible", "-i", "hosts", "all", "-m", "ping"), 4),
    ):
        status, _, err = program(*words)
        assert status == expected and "Attempting to decrypt but no vault secrets found" in err


def test_headlines_of_verbose_runs(program: Callable[..., Any], tmp_path: Path) -> None:
    play = "- {hosts: localhost, gather_facts: false}\n"
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "two.yml").write_text(play * 2)
    (tmp_path / "one.yml").write_text(play)
    assert "PLAYBOOK: " not in program("ansible-playbook", "-v", "one.yml")[1]
    lines = program("ansible-playbook", "-vv", "books/two.yml", "one.yml")[1].splitlines()
    assert lines[0].startswith("ansible-playbook [core 2.19.") and "No config file found; using defaults" in lines
    told = [line.strip("*") for line in lines if line.startswith("PLAYBOOK: ") or " plays in " in line]
    assert told == ["PLAYBOOK: two.yml ", "2 plays in books/two.yml", "PLAYBOOK: one.yml ", "1 plays in one.yml"]


def test_patterns_that_mean_nothing_to_ansible_inventory(program: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("one\n")
    said = "[WARNING]: Could not match supplied host pattern, ignoring: nosuch\n"
    for words, expected in ((("--list", "--limit", "nosuch"), 0), (("--host", "nosuch"), 5)):
        status, _, err = program("ansible-inventory", "-i", "hosts", *words)
        assert status == expected and err.startswith(said)
    assert program("ansible-inventory", "-i", "hosts", "--graph", "--limit", "one,nosuch")[2] == ""


@pytest.mark.parametrize(
    ("keyword", "status", "listed"),
    [
        ("serial: some", 4, 0),
        ("order: upwards", 5, 0),
        ("strategy: nosuch", 1, 0),
        ("max_fail_percentage: few", 4, 4),
        ("any_errors_fatal: perhaps", 2, 0),  # which fails its tasks
        ("connection: [a]", 4, 4),
    ],
)
def test_a_play_that_cannot_be_is_told_in_its_turn(
    program: Callable[..., Any], tmp_path: Path, keyword: str, status: int, listed: int
) -> None:
    book = tmp_path / "book.yml"
    play = "- hosts: localhost\n  gather_facts: false\n  tasks: [{debug: msg=said}]\n"
    book.write_text(f"{play}{play}  {keyword}\n")
    found, out, _ = program("ansible-playbook", book)
    assert found == status and ("said" in out) == (keyword != "connection: [a]")
    assert program("ansible-playbook", book, "--list-tasks")[0] == listed


def test_a_module_under_a_keyword_is_looked_for_when_its_task_runs(
    program: Callable[..., Any], stella: Callable[..., Any], tmp_path: Path
) -> None:
    book = tmp_path / "book.yml"
    tasks = "[{action: nosuch a=1, ignore_errors: true}, {local_action: nosuch}]"
    book.write_text(f"- hosts: localhost\n  gather_facts: false\n  tasks: {tasks}\n")
    status, out, _ = program("ansible-playbook", book)
    assert status == 2 and out.count("TASK [nosuch]") == 2
    assert out.count("Cannot resolve 'nosuch' to an action or module.") == 4  # of each a headline and a result
    assert stella("play", book).status == 4
