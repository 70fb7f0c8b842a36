"""A host in other hands answers what it likes. It must not steer the controller, nor hold up the other hosts.

The module ``evil`` stands for it: what it returns on lab1 is what a hostile host could answer to any module.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stella_ops.lab.model import Lab

EVIL = '''\
"""Answer as a hostile host."""
import json, os
ARGUMENTS = {"only": {"type": "str"}}
ANSWER = %r

def run(task):
    if os.path.basename(os.path.expanduser("~")) != task.args["only"]:
        return {}
    return json.loads(ANSWER)
'''

# What a hostile host could answer; each is followed by a task that must still run on that host.
ANSWERS: dict[str, Any] = {
    "facts that lead to the controller": {
        "ansible_facts": {
            "ansible_connection": "local",
            "ansible_ssh_common_args": "-o ProxyCommand='touch %(pwned)s'",
            "ansible_python_interpreter": "sh -c 'touch %(pwned)s'",
        }
    },
    "facts passed off as variables": {
        "_variables": True,
        "_cacheable": True,
        "ansible_facts": {"ansible_connection": "local", "stella_agent_name": "lab2"},
    },
    "templates": {
        "ansible_facts": {"ansible_evil": "{{ lookup('pipe', 'touch %(pwned)s') }}"},
        "stdout": "{{ lookup('pipe', 'touch %(pwned)s') }}",
        "msg": "lookup('pipe', 'touch %(pwned)s')",
        "warnings": ["{{ lookup('pipe', 'touch %(pwned)s') }}"],
    },
    "control characters": {"msg": "\x1b[2J\x1b]0;owned\x07\u202e", "warnings": ["\x1b[2Jfine\r\nfine"], "failed": True},
    "odd kinds": {
        "warnings": 5,
        "deprecations": {"a": 1},
        "ansible_facts": ["x"],
        "stdout": {"a": [1]},
        "diff": [5, None, {"before": 7}],
        "changed": "maybe",
        "results": "none",
        "invocation": 5,
        "rc": [],
        "exception": {"a": 1},
        "_hint": {"a": 1},
    },
    "lone surrogates and giants": {"msg": "\ud800", "big": 10**400, "deep": None},
}


@pytest.mark.parametrize("output", ["human", "json"])
@pytest.mark.parametrize("kind", ANSWERS)
def test_a_hostile_answer(kind: str, output: str, project: Any, embedded_lab: Lab, tmp_path: Path) -> None:
    pwned = tmp_path / "pwned"
    answer = json.dumps(ANSWERS[kind])
    if kind == "lone surrogates and giants":
        answer = answer.replace('"deep": null', '"deep": ' + "[" * 90 + "]" * 90 + ', "nan": NaN')
    answer = answer.replace("%(pwned)s", str(pwned))
    project.write("modules/evil.py", EVIL % answer)
    project.write(
        "play.yml",
        """\
- hosts: all
  gather_facts: false
  tasks:
    - evil: {only: lab1}
      register: told
      ignore_errors: true
    - debug: {var: told}
    - debug: {var: told.stdout}
      ignore_errors: true
    - debug: {var: "{{ told.msg | default('told.nothing') }}"}
    - debug: {msg: "{{ told }} {{ ansible_evil | default('') }} {{ ansible_facts }}"}
    - set_fact: {kept: "{{ told }}"}
    - copy: {content: "{{ kept | to_json }}", dest: "~/kept-{{ inventory_hostname }}"}
    - shell: echo "ran at $HOME ${SSH_CONNECTION:+by ssh}"
      register: ran
    - assert: {that: ["'hosts/' ~ inventory_hostname in ran.stdout", "'by ssh' in ran.stdout"]}
""",
    )
    args = ["--output", "json"] if output == "json" else []
    done = project.run("play", "play.yml", "-i", embedded_lab.inventory, "-vvv", "--diff", *args)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert not pwned.exists()
    for said in (done.stdout, done.stderr):
        assert not {"\x1b", "\x07", "\u202e"} & set(said)
        assert "defect" not in said and "Traceback" not in said and "Reporter failed" not in said
    if output == "json":
        for line in done.stdout.splitlines():
            json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_a_name_among_the_facts_gives_no_other_agents_certificate(project: Any, embedded_lab: Lab) -> None:
    facts = {"ansible_facts": {"stella_agent_name": "lab2", "stella_environment": "prod"}, "_variables": True}
    project.write("modules/evil.py", EVIL % json.dumps(facts))
    project.write(
        "play.yml",
        """\
- hosts: lab1
  tasks:
    - evil: {only: lab1}
    - agent_install:
    - agent_enroll:
    - agent_remove:
""",
    )
    project.run("play", "play.yml", "-i", embedded_lab.inventory, expect=0)
    listed = json.loads(project.run("agent", "list", "--all", "--format", "json", expect=0).stdout)
    assert [(agent["name"], agent["environment"]) for agent in listed] == [("lab1", "default")]
