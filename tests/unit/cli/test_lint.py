"""``stella-ops lint``: exit status, forms, and the page that lists the rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.content import builtin_folder
from stella_ops.linting.rules import RULES

GOOD = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n"
WARNING = GOOD + "  handlers:\n    - name: lonely\n      ping:\n"
BAD = GOOD + '    - debug: msg="{{ nothing }}"\n'


@pytest.mark.parametrize(
    ("text", "options", "status"),
    [(GOOD, [], 0), (WARNING, [], 0), (WARNING, ["--strict"], 2), (BAD, [], 2), (BAD, ["-e", "nothing=1"], 0)],
    ids=["good", "warning", "strict", "bad", "given"],
)
def test_the_exit_status(
    stella: Callable[..., Any], hosts: Path, tmp_path: Path, text: str, options: list[str], status: int
) -> None:
    (tmp_path / "site.yml").write_text(text)
    assert stella("lint", "site.yml", "-i", hosts, *options).status == status


def test_several_playbooks_and_their_findings_in_order(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "z.yml").write_text(BAD)
    (tmp_path / "a.yml").write_text(BAD.replace("ping", "pong"))
    said = stella("lint", "z.yml", "a.yml", "-i", hosts, "--format", "json")
    found = json.loads(said.out)["findings"]
    assert [(each["file"], each["rule"]) for each in found] == [
        ("z.yml", "undefined-variable"),
        ("a.yml", "unknown-module"),
        ("a.yml", "undefined-variable"),
    ]
    assert said.err == ""


def test_without_an_inventory_only_typos_are_told(stella: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text(
        "- hosts: web\n  gather_facts: false\n  vars: {greeting: 1}\n  tasks:\n"
        '    - debug: msg="{{ of_the_inventory }}"\n    - debug: msg="{{ greetin }}"\n'
    )
    said = stella("lint", "site.yml", "--format", "json")
    assert [each["line"] for each in json.loads(said.out)["findings"]] == [6]


def test_sarif_on_standard_output(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text(BAD)
    said = stella("lint", "site.yml", "-i", hosts, "--format", "sarif")
    assert said.status == 2 and json.loads(said.out)["runs"][0]["results"][0]["ruleId"] == "undefined-variable"


def test_nothing_is_run(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "site.yml").write_text(
        f"- hosts: all\n  vars: {{x: \"{{{{ lookup('pipe', 'touch {mark}') }}}}\"}}\n"
        f'  tasks:\n    - command: touch {mark}\n    - include_tasks: "{{{{ x }}}}.yml"\n'
        '    - debug: msg="{{ x }}"\n'
    )
    assert stella("lint", "site.yml", "-i", hosts).status == 0
    assert not mark.exists()


def test_no_playbook_is_a_wrong_use(stella: Callable[..., Any]) -> None:
    said = stella("lint")
    assert said.status == 2 and "name a playbook" in said.err


def test_the_rules_are_listed(stella: Callable[..., Any]) -> None:
    assert [line.split()[0] for line in stella("lint", "--list-rules").out.splitlines()] == list(RULES)
    listed = json.loads(stella("lint", "--list-rules", "--format", "json").out)
    assert [each["name"] for each in listed] == list(RULES)


def test_the_page_lists_the_same_rules(request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs" / "lint.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(rule.name, rule.severity, rule.about) for rule in RULES.values()]


@pytest.mark.parametrize("name", sorted(path.name for path in builtin_folder("playbooks").glob("*.yml")))
def test_our_own_playbooks_are_clean(stella: Callable[..., Any], hosts: Path, name: str) -> None:
    said = stella("lint", name, "-i", hosts)
    assert (said.status, said.out) == (0, "nothing found\n")
